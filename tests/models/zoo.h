#pragma once
// The rows of data/zoo.tsv: what torchvision says of each builder (make_zoo.py).

#include <flambeau/models.h>

#include <fstream>
#include <string>
#include <vector>

#include "sha256.h"

namespace flambeau::test {

struct ZooRow {
  std::string builder;
  std::size_t entries = 0;
  std::string listing, repr, values, pickle;  // SHA-256
};

inline std::vector<ZooRow> zoo() {
  std::ifstream file(FLAMBEAU_TEST_DATA "/zoo.tsv");
  std::vector<ZooRow> rows;
  for (ZooRow row; file >> row.builder >> row.entries >> row.listing >> row.repr >> row.values >> row.pickle;)
    rows.push_back(row);
  return rows;
}

/// SHA-256 of all values in state_dict order.
inline std::string values_digest(const StateDict& state) {
  Sha256 hash;
  for (const auto& entry : state) hash.add(entry.tensor.bytes());
  return hash.hex();
}

}  // namespace flambeau::test
