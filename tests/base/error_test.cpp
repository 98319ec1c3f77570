#include <flambeau/error.h>
#include <gtest/gtest.h>

namespace flambeau {
namespace {

TEST(Error, SaysWhereThenWhat) {
  const Error error(ErrorCode::corrupt, "storage '3' holds 400 bytes, 800 needed",
                    {"model.pth", "archive/data.pkl", 1047, "fc.weight"});
  EXPECT_STREQ(error.what(),
               "model.pth: archive/data.pkl: byte 1047: tensor 'fc.weight': storage '3' holds 400 bytes, 800 needed");
  EXPECT_EQ(error.message(), "storage '3' holds 400 bytes, 800 needed");
}

TEST(Error, LeavesOutWhatIsNotKnown) {
  EXPECT_STREQ(Error(ErrorCode::io, "no space").what(), "no space");
  EXPECT_STREQ(Error(ErrorCode::io, "cut", {.offset = 0}).what(), "byte 0: cut");
}

TEST(Error, OuterLayersFillTheGapsOnly) {
  const Error error = Error(ErrorCode::truncated, "cut", {.offset = 5}).at({"a.pth", "m", 9, "t"});
  EXPECT_STREQ(error.what(), "a.pth: m: byte 5: tensor 't': cut");
  EXPECT_EQ(error.code(), ErrorCode::truncated);
}

TEST(Error, EveryCodeHasItsName) {
  EXPECT_EQ(name(ErrorCode::invalid_argument), "invalid_argument");
  EXPECT_EQ(name(ErrorCode::truncated), "truncated");
  EXPECT_EQ(name(ErrorCode::cancelled), "cancelled");
  EXPECT_EQ(name(ErrorCode::internal), "internal");
}

}  // namespace
}  // namespace flambeau
