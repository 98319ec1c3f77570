#pragma once
// What the tests of this room share: golden tables and their digests.

#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <flambeau/vision.h>

#include "sha256.h"

namespace flambeau::vision::test {

inline std::string data_path(const std::string& file) { return std::string(FLAMBEAU_TEST_DATA) + "/" + file; }

/// The words of each line of a golden table.
inline std::vector<std::vector<std::string>> table(const std::string& file) {
  std::ifstream in(data_path(file));
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::vector<std::string> row;
    for (std::string word; words >> word;) row.push_back(word);
    rows.push_back(row);
  }
  return rows;
}

inline std::vector<std::byte> read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  const std::string text = content.str();
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline Interpolation filter_named(const std::string& text) {
  for (int i = 0; i <= static_cast<int>(Interpolation::lanczos); ++i) {
    if (name(static_cast<Interpolation>(i)) == text) return static_cast<Interpolation>(i);
  }
  throw std::out_of_range("no filter " + text);
}

inline std::string sha256(std::span<const std::byte> data) {
  flambeau::test::Sha256 hash;
  hash.add(data);
  return hash.hex();
}
inline std::string sha256(const Image& image) { return sha256(std::as_bytes(image.pixels())); }
inline std::string sha256(const Tensor& tensor) { return sha256(tensor.bytes()); }

}  // namespace flambeau::vision::test
