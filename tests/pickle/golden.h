#pragma once
// Reads data/golden.bin (make_golden.py states its layout).

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

struct Golden {
  std::string name, pickle, again, dis;

  static std::vector<Golden> all() {
    std::ifstream file(FLAMBEAU_TEST_DATA "/golden.bin", std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    std::size_t at = 0;
    const auto number = [&] {
      std::uint32_t value = 0;
      if (at + sizeof value > bytes.size()) throw std::runtime_error("golden.bin is cut");
      std::memcpy(&value, bytes.data() + at, sizeof value);
      at += sizeof value;
      return value;
    };
    std::vector<std::string> blobs(number());
    for (std::string& blob : blobs) {
      const std::uint32_t size = number();
      blob = bytes.substr(at, size);
      at += size;
    }
    std::vector<Golden> rows(number());
    for (Golden& row : rows)
      for (std::string* field : {&row.name, &row.pickle, &row.again, &row.dis}) *field = blobs.at(number());
    return rows;
  }
};
