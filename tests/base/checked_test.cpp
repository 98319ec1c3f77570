#include "base/checked.h"

#include <gtest/gtest.h>

#include <limits>

namespace flambeau::base {
namespace {

constexpr auto top = std::numeric_limits<std::uint64_t>::max();
constexpr auto signed_top = std::numeric_limits<std::int64_t>::max();

TEST(Checked, TellsOverflowAndLeavesTheResult) {
  std::uint64_t out = 7;
  EXPECT_FALSE(checked_add<std::uint64_t>(top, 1, out));
  EXPECT_FALSE(checked_mul<std::uint64_t>(top / 2 + 1, 2, out));
  EXPECT_EQ(out, 7u);
  EXPECT_TRUE(checked_mul<std::uint64_t>(top / 2, 2, out));
  EXPECT_EQ(out, top - 1);
  std::int64_t number = 7;
  EXPECT_FALSE(checked_mul<std::int64_t>(std::numeric_limits<std::int64_t>::min(), -1, number));
  EXPECT_FALSE(checked_add<std::int64_t>(signed_top, 1, number));
  EXPECT_EQ(number, 7);
}

TEST(Checked, BoundsWithoutWrapping) {
  EXPECT_TRUE(inside(0, 0, 0));
  EXPECT_TRUE(inside(3, 7, 10));
  EXPECT_TRUE(inside(10, 0, 10));
  EXPECT_FALSE(inside(11, 0, 10));
  EXPECT_FALSE(inside(3, 8, 10));
  EXPECT_FALSE(inside(1, top, 10));
  EXPECT_FALSE(inside(top, 1, 10));
}

}  // namespace
}  // namespace flambeau::base
