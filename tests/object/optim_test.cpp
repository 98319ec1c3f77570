// Optimizer states against what is no parameter (values against PyTorch's: tests/run/training_test.cpp).
#include <gtest/gtest.h>

#include <flambeau/error.h>
#include <flambeau/optim.h>

namespace flambeau::optim {
namespace {

TEST(Optimizer, KeepsStatesOfTheParametersThatAreThere) {
  Optimizer optimizer;
  optimizer.add_group(SGD{}, 2);
  optimizer.set_state<SGD>(1, {.momentum_buffer = Tensor::zeros({2})});
  EXPECT_TRUE(optimizer.has_state(1));
  try {
    optimizer.set_state<SGD>(99, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_STREQ(error.what(), "no group has a parameter 99");
  }
  EXPECT_FALSE(optimizer.has_state(99));
}

}  // namespace
}  // namespace flambeau::optim
