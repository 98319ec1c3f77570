#include <gtest/gtest.h>

#include "models/zoo.h"

namespace flambeau {
namespace {

class SeedZero : public testing::TestWithParam<test::ZooRow> {};

TEST_P(SeedZero, GivesTorchsInitialValues) {
  manual_seed(0);
  const auto module = models::find(GetParam().builder)->construct({});
  EXPECT_EQ(test::values_digest(module->state_dict()), GetParam().values);
}

INSTANTIATE_TEST_SUITE_P(All, SeedZero, testing::ValuesIn(test::zoo()),
                         [](const auto& row) { return row.param.builder; });

}  // namespace
}  // namespace flambeau
