#pragma once
// A folder of its own for each test, and the check of an error's code and text.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include <flambeau/error.h>

#define EXPECT_ERROR(statement, expected_code, fragment)                                    \
  try {                                                                                     \
    static_cast<void>(statement);                                                           \
    ADD_FAILURE() << "no error from " #statement;                                           \
  } catch (const ::flambeau::Error& error) {                                                \
    EXPECT_EQ(::flambeau::name(error.code()), ::flambeau::name(expected_code));             \
    EXPECT_NE(std::string(error.what()).find(fragment), std::string::npos) << error.what(); \
  }

class Scratch {
 public:
  Scratch() {
    std::string name = testing::TempDir() + "flambeau-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    folder_ = name;
  }
  ~Scratch() { std::filesystem::remove_all(folder_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }
  std::string content(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

 private:
  std::string folder_{};
};
