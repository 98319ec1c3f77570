// Random images against the Pillow and torchvision of FLAMBEAU_TORCH_PYTHON: bit for bit, every preset that is
// published.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "vision/support.h"

namespace flambeau::vision::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::vector<std::string>> rows(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::vector<std::string>> all;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::vector<std::string>& row = all.emplace_back();
    for (std::string word; std::getline(words, word, '\t');) row.push_back(word);
  }
  return all;
}

class Pillow : public testing::Test {
 protected:
  void SetUp() override {
    const char* python = std::getenv("FLAMBEAU_TORCH_PYTHON");
    if (!python) GTEST_SKIP() << "FLAMBEAU_TORCH_PYTHON names no Python to ask";
    folder_ = fs::path(testing::TempDir()) / ("flambeau_pillow_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    const char* seed = std::getenv("FLAMBEAU_SEED");
    const std::string command = "'" + std::string(python) + "' '" FLAMBEAU_TEST_DATA "/../ask_pillow.py' '" +
                                folder_.string() + "' " + (seed ? seed : "1");
    const int status = std::system(command.c_str());
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
      GTEST_SKIP() << python << " has not all of torch, torchvision, Pillow and NumPy";
    ASSERT_EQ(status, 0) << command;
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }
  fs::path folder_;
};

TEST_F(Pillow, GivesTheSamePixelsAndTensors) {
  const auto images = rows(folder_ / "images.tsv");
  EXPECT_GT(images.size(), 350u);
  for (const auto& row : images) {
    const Image image = decode_file(folder_ / row.at(0));
    EXPECT_EQ(std::to_string(image.width()) + " " + std::to_string(image.height()), row.at(1) + " " + row.at(2));
    EXPECT_EQ(sha256(image), row.at(3)) << row[0];
  }
  const auto tensors = rows(folder_ / "tensors.tsv");
  EXPECT_GT(tensors.size(), 100u);
  for (const auto& row : tensors) {
    Preset preset{.resize = std::stol(row.at(2)), .crop = std::stol(row.at(3))};
    preset.interpolation = filter_named(row.at(4));
    for (std::size_t i = 0; i < 3; ++i) {
      preset.mean[i] = std::stod(row.at(5 + i));
      preset.std[i] = std::stod(row.at(8 + i));
    }
    EXPECT_EQ(sha256(preprocess((folder_ / row.at(0)).string(), preset)), row.at(11)) << testing::PrintToString(row);
  }
}

}  // namespace
}  // namespace flambeau::vision::test
