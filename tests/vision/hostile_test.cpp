// Damaged, lying and unsuitable input: an Error with the right code, never a crash, never a huge allocation.

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "no_threads.h"
#include "vision/support.h"

#include <flambeau/error.h>

namespace flambeau::vision::test {
namespace {

template <class F>
ErrorCode code_of(F&& call, std::string* text = nullptr) {
  try {
    call();
  } catch (const Error& error) {
    if (text != nullptr) *text = error.what();
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::internal;
}

std::vector<std::byte> patched(std::vector<std::byte> bytes, std::size_t at, std::initializer_list<unsigned> values) {
  for (const unsigned value : values) bytes.at(at++) = static_cast<std::byte>(value);
  return bytes;
}

std::size_t find(const std::vector<std::byte>& bytes, std::string_view what) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.find(what);
}

TEST(Decode, RefusesWhatIsNoImage) {
  std::string text;
  EXPECT_EQ(code_of([] { decode({}); }), ErrorCode::truncated);
  const std::string gif = "GIF89a and so on";
  EXPECT_EQ(code_of([&] { decode(std::as_bytes(std::span(gif))); }, &text), ErrorCode::unknown_format);
  EXPECT_EQ(text, "neither jpeg nor png: starts with 47 49 46 38");
  EXPECT_EQ(code_of([] { decode_file("/nonexistent/cat.jpg"); }), ErrorCode::not_found);
}

TEST(Decode, NamesTheFile) {
  std::string text;
  code_of([] { decode_file(data_path("images.txt")); }, &text);
  EXPECT_THAT(text, testing::StartsWith(data_path("images.txt") + ": neither jpeg nor png"));
}

TEST(Decode, EveryTruncationIsAnError) {
  for (const std::string file :
       {"420.jpg", "444-progressive.jpg", "cmyk.jpg", "rgb8.png", "interlaced-rgb8.png", "palette8.png"}) {
    const std::vector<std::byte> whole = read_bytes(data_path(file));
    for (std::size_t size = 1; size < whole.size(); size += 7) {
      std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      const ErrorCode code = code_of([&] { decode(part); });
      EXPECT_TRUE(code == ErrorCode::truncated || (size < 9 && code == ErrorCode::unknown_format))
          << file << " cut to " << size << ": " << name(code);
    }
  }
}

TEST(Decode, AFlippedByteNeverDoesMoreThanAnError) {
  for (const std::string file :
       {"420.jpg", "422-progressive.jpg", "ycck.jpg", "gray16.png", "palette4-trns.png", "interlaced-rgba16.png"}) {
    const std::vector<std::byte> whole = read_bytes(data_path(file));
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const std::byte flip : {std::byte{0x01}, std::byte{0x80}, std::byte{0xff}}) {
        std::vector<std::byte> bytes = whole;
        bytes[at] ^= flip;
        try {
          decode(bytes);
        } catch (const Error& error) {
          EXPECT_NE(error.code(), ErrorCode::internal);
        }
      }
    }
  }
}

TEST(Decode, RefusesDamagedPngDataByTheirChecksum) {
  const std::vector<std::byte> whole = read_bytes(data_path("rgb8.png"));
  std::vector<std::byte> bytes = whole;
  bytes[find(whole, "IDAT") + 200] ^= std::byte{0x10};
  EXPECT_EQ(code_of([&] { decode(bytes); }), ErrorCode::corrupt);
}

TEST(Decode, RefusesSmallFilesThatClaimHugeImages) {
  const std::vector<std::byte> jpeg = read_bytes(data_path("420.jpg"));
  const std::size_t frame = find(jpeg, "\xff\xc0");
  std::string text;
  const auto huge = patched(jpeg, frame + 5, {0x30, 0x00, 0x30, 0x00});  // 12288 x 12288
  EXPECT_EQ(code_of([&] { decode(huge); }, &text), ErrorCode::truncated);
  EXPECT_THAT(text, testing::HasSubstr("1429 bytes cannot hold 12288 x 12288 pixels, 294912 at least needed"));
  const auto larger = patched(jpeg, frame + 5, {0xff, 0xdc, 0xff, 0xdc});
  EXPECT_EQ(code_of([&] { decode(larger); }, &text), ErrorCode::limit);
  EXPECT_THAT(text, testing::HasSubstr("max_pixels = 178956970"));
}

TEST(Decode, RefusesTwelveBitsAndLosslessClearly) {
  const std::vector<std::byte> jpeg = read_bytes(data_path("420.jpg"));
  const std::size_t frame = find(jpeg, "\xff\xc0");
  std::string text;
  EXPECT_EQ(code_of([&] { decode(patched(jpeg, frame + 4, {12})); }, &text), ErrorCode::unsupported);
  EXPECT_THAT(text, testing::HasSubstr("precision 12"));
  EXPECT_EQ(code_of([&] { decode(patched(jpeg, frame + 1, {0xc3})); }, &text), ErrorCode::unsupported) << "lossless";
}

TEST(Decode, KeepsToTheCallersLimits) {
  EXPECT_EQ(code_of([] { decode_file(data_path("rgb8.png"), {.max_pixels = 21 * 13 - 1}); }), ErrorCode::limit);
  EXPECT_EQ(decode_file(data_path("rgb8.png"), {.max_pixels = 21 * 13}).height(), 13);
  EXPECT_EQ(code_of([] { decode_file(data_path("rgb8.png"), {.max_file_bytes = 100}); }), ErrorCode::limit);
}

TEST(Resize, RefusesImpossibleSizes) {
  const Image image(10, 20);
  EXPECT_EQ(code_of([&] { resize(image, 0, 5, Interpolation::bilinear); }), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([&] { resize(Image{}, 5, 5, Interpolation::bilinear); }), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([&] { center_crop(image, 0); }), ErrorCode::invalid_argument);
  std::string text;
  EXPECT_EQ(code_of([] { resize_shorter_edge(Image(1, 1'000'000), 256, Interpolation::bilinear); }, &text),
            ErrorCode::limit);
  EXPECT_THAT(text, testing::HasSubstr("256000000 long"));
  EXPECT_EQ(code_of([] { Image(1ll << 40, 1ll << 40); }), ErrorCode::limit);
}

TEST(Preprocess, NeedsNoSecondThread) {
  const std::vector<std::string> paths(3, data_path("444.jpg"));
  const flambeau::test::NoThreads none;
  EXPECT_EQ(preprocess(paths, {.resize = 0, .crop = 32}, 4).size(0), 3);
}

TEST(Preprocess, NamesTheFirstFileThatCannotBeRead) {
  std::vector<std::string> paths(20, data_path("444.jpg"));
  paths[3] = "/none/first.png";
  paths[4] = "/none/second.png";
  std::string text;
  EXPECT_EQ(code_of([&] { preprocess(paths, {.resize = 0, .crop = 32}, 4); }, &text), ErrorCode::not_found);
  EXPECT_THAT(text, testing::StartsWith(paths[3]));
}

TEST(Preprocess, NamesTheFileThatDoesNotFitTheBatch) {
  const std::vector<std::string> paths = {data_path("444.jpg"), data_path("rgb8.png")};
  std::string text;
  EXPECT_EQ(code_of([&] { preprocess(paths, {.resize = 0, .crop = 0}); }, &text), ErrorCode::mismatch);
  EXPECT_THAT(text, testing::StartsWith(paths[1] + ": image of 21 x 13 in a batch of 45 x 37"));
  EXPECT_EQ(code_of([] { preprocess(std::span<const std::string>{}, {}); }), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace flambeau::vision::test
