#include "bytes/crc32.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <random>
#include <vector>

namespace flambeau::bytes {
namespace {

std::vector<std::byte> noise(std::size_t size) {
  std::mt19937 draw;
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(draw());
  return bytes;
}

TEST(Crc32, IsZipsOfTheCheckString) {
  EXPECT_EQ(crc32(0, std::as_bytes(std::span("123456789", 9))), 0xCBF43926u);
  EXPECT_EQ(crc32(0, {}), 0u);
  EXPECT_EQ(crc32(7, {}), 7u);
}

TEST(Crc32, OfEveryLengthAndAlignmentEqualsLibdeflates) {
  const std::vector<std::byte> bytes = noise(3000);
  for (std::size_t size = 0; size < 2048; ++size) {
    const auto part = std::span(bytes).subspan(size % 67, size);
    const auto before = static_cast<std::uint32_t>(size * 0x9E3779B9u);
    EXPECT_EQ(crc32(before, part), size == 0 ? before : libdeflate_crc32(before, part.data(), size)) << size;
  }
}

TEST(Crc32, CombinesAsIfTheBytesStoodTogether) {
  const std::vector<std::byte> bytes = noise(5000);
  const std::span all(bytes);
  for (const std::size_t cut : {0, 1, 255, 256, 300, 4096, 5000})
    EXPECT_EQ(crc32_combine(crc32(0, all.first(cut)), crc32(0, all.subspan(cut)), all.size() - cut), crc32(0, all))
        << cut;
}

}  // namespace
}  // namespace flambeau::bytes
