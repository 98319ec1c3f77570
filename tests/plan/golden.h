#pragma once
// Reads the golden file that data/make_reference.py wrote.

#include <flambeau/tensor.h>

#include <cstring>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>

namespace flambeau::plan_test {

inline const std::map<std::string, Tensor>& golden() {
  static const std::map<std::string, Tensor> tensors = [] {
    std::ifstream file(std::string(FLAMBEAU_TEST_DATA) + "/reference.golden", std::ios::binary);
    if (!file) throw std::runtime_error("tests/plan/data/reference.golden is missing");
    std::map<std::string, Tensor> result;
    const auto read = [&]<class T>(T& value) { file.read(reinterpret_cast<char*>(&value), sizeof(value)); };
    for (std::uint32_t length = 0; file.read(reinterpret_cast<char*>(&length), 4);) {
      std::string name(length, ' ');
      file.read(name.data(), length);
      std::uint8_t code = 0;
      std::uint32_t rank = 0;
      read(code), read(rank);
      Shape shape(rank);
      for (auto& size : shape) read(size);
      Tensor tensor = Tensor::uninitialized(shape, code == 0 ? DType::float32 : DType::int64);
      const auto bytes = tensor.storage()->mutable_bytes();
      file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(tensor.nbytes()));
      result.emplace(std::move(name), std::move(tensor));
    }
    return result;
  }();
  return tensors;
}

}  // namespace flambeau::plan_test
