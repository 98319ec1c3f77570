// Bit for bit what Pillow and torchvision give: the tables of data/ were made by data/make_golden.py.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vision/support.h"

namespace flambeau::vision::test {
namespace {

TEST(Decode, GivesPillowsPixelsForEveryKindOfFile) {
  const auto rows = table("images.txt");
  ASSERT_EQ(rows.size(), 34u);
  for (const auto& row : rows) {
    const Image image = decode_file(data_path(row.at(0)));
    EXPECT_EQ(std::to_string(image.width()) + " " + std::to_string(image.height()), row.at(1) + " " + row.at(2))
        << row[0];
    EXPECT_EQ(sha256(image), row.at(3)) << row[0];
  }
}

TEST(Resize, GivesPillowsPixelsForEveryFilter) {
  const Image color = decode_file(data_path("noise.png"));
  const Image gray = to_gray(color);
  const auto rows = table("resizes.txt");
  ASSERT_EQ(rows.size(), 144u);
  for (const auto& row : rows) {
    const Image image =
        resize(row.at(1) == "1" ? gray : color, std::stol(row.at(4)), std::stol(row.at(3)), filter_named(row.at(2)));
    EXPECT_EQ(sha256(image), row.at(5)) << testing::PrintToString(row);
  }
}

TEST(Preprocess, GivesTorchvisionsFloats) {
  const auto rows = table("presets.txt");
  ASSERT_EQ(rows.size(), 26u);
  for (const auto& row : rows) {
    Preset preset{.resize = std::stol(row.at(1)), .crop = std::stol(row.at(2))};
    preset.interpolation = filter_named(row.at(3));
    preset.channels = std::stoi(row.at(4));
    EXPECT_EQ(sha256(preprocess(data_path(row.at(0)), preset)), row.at(5)) << testing::PrintToString(row);
  }
}

TEST(Preprocess, GivesTheReferenceTensorsOfThePhotos) {
  const std::string photos = std::string(FLAMBEAU_SHARED) + "/checkpoints/photos/";
  if (!std::filesystem::exists(photos)) GTEST_SKIP() << "no reference photos in " << photos;
  const auto rows = table("photos.txt");
  ASSERT_EQ(rows.size(), 16u);
  for (const auto& row : rows) {
    const Preset preset{
        .resize = std::stol(row.at(1)), .crop = std::stol(row.at(2)), .interpolation = filter_named(row.at(3))};
    const Image image = decode_file(photos + row.at(0));
    EXPECT_EQ(sha256(center_crop(resize_shorter_edge(image, preset.resize, preset.interpolation), preset.crop)),
              row.at(4))
        << testing::PrintToString(row);
    const Tensor tensor = preprocess(photos + row.at(0), preset);
    EXPECT_EQ(tensor.shape(), (Shape{1, 3, preset.crop, preset.crop}));
    EXPECT_EQ(sha256(tensor), row.at(5)) << testing::PrintToString(row);
  }
}

TEST(Preprocess, ABatchHoldsEachImageInOrder) {
  const std::vector<std::string> paths = {data_path("444.jpg"), data_path("rgb8.png"), data_path("420.jpg")};
  const Preset preset{.resize = 20, .crop = 16};
  for (const int threads : {1, 2, 8}) {
    const Tensor batch = preprocess(paths, preset, threads);
    ASSERT_EQ(batch.shape(), (Shape{3, 3, 16, 16}));
    for (std::size_t i = 0; i < paths.size(); ++i) {
      EXPECT_TRUE(batch.narrow(0, static_cast<std::int64_t>(i), 1).equal(preprocess(paths[i], preset))) << paths[i];
    }
  }
}

}  // namespace
}  // namespace flambeau::vision::test
