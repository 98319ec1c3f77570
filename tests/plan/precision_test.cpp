// int8 and narrow weights: what they compute exactly, how far they move other results, and calibration.
#include <flambeau/error.h>

#include <gmock/gmock.h>

#include "plan/compare.h"
#include "plan/kernels/vector.h"

namespace flambeau {
namespace {

namespace g = graph;
using g::Var;
using plan_test::deviation;
using plan_test::difference;
using plan_test::network;
using plan_test::random_tensor;
using plan_test::Sketch;
using testing::HasSubstr;
using testing::Not;

class Int8 : public testing::Test {
 protected:
  void SetUp() override {
    if (plan::isa() == plan::Isa::plain) GTEST_SKIP() << "no int8 products below AVX2";
  }
};

/// Integers that are their own int8: up to 255, or ±127, with the end of the range among them.
Tensor whole_numbers(Shape shape, unsigned seed, bool negative) {
  Tensor tensor = Tensor::uninitialized(std::move(shape));
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> distribution(negative ? -127 : 0, negative ? 127 : 255);
  auto values = tensor.mutable_data<float>();
  for (float& value : values) value = static_cast<float>(distribution(random));
  values[0] = negative ? -127.0F : 255.0F;
  return tensor;
}

/// -s, 0 or s: exact in int8 by output channel, whatever the range.
Tensor signs(Shape shape, unsigned seed) {
  Tensor tensor = Tensor::uninitialized(std::move(shape));
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> distribution(-1, 1);
  const auto row = static_cast<std::size_t>(tensor.numel() / tensor.size(0));
  auto values = tensor.mutable_data<float>();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = i % row == 0 ? 0.25F : 0.25F * static_cast<float>(distribution(random));
  return tensor;
}

void expect_exact(Sketch& s, const std::vector<Var>& outputs, double tolerance) {
  s.graph.set_outputs(outputs);
  const auto expected = plan_test::run(s, {.kernels = Kernels::reference});
  for (const int threads : {1, 2}) {
    const Plan plan = Plan::compile(s.graph, {.precision = Precision::int8, .threads = threads});
    ASSERT_THAT(plan.describe(), HasSubstr("int8"));
    const auto found = plan.run(s.inputs);
    for (std::size_t i = 0; i < found.size(); ++i)
      ASSERT_LE(difference(found[i], expected[i]), tolerance) << to_string(s.graph) << plan.describe();
  }
}

TEST_F(Int8, ConvolvesWholeNumbersExactly) {
  struct Row {
    std::int64_t in, out, size, kernel, stride, padding, dilation, groups;
  };
  const Row rows[] = {
      {16, 16, 7, 1, 1, 0, 1, 1}, {16, 24, 9, 3, 1, 1, 1, 1},  {32, 20, 11, 3, 2, 1, 1, 1}, {64, 64, 8, 1, 2, 0, 1, 1},
      {17, 33, 6, 5, 1, 2, 1, 1}, {32, 32, 10, 3, 1, 2, 2, 1}, {64, 32, 8, 3, 1, 1, 1, 2},  {48, 16, 5, 3, 1, 0, 1, 1},
  };
  for (const Row& r : rows)
    for (const bool negative : {false, true}) {
      Sketch s;
      s.inputs.push_back(whole_numbers({2, r.in, r.size, r.size + 1}, 7, negative));
      Var x = s.graph.input(s.inputs[0].shape());
      if (!negative) x = g::relu(x);  // nothing below zero: all eight bits are for what is above
      const Var w = s.graph.constant(signs({r.out, r.in / r.groups, r.kernel, r.kernel}, 8));
      const Var y = g::conv(x, w, s.weight({r.out}, 10), {r.stride}, {r.padding}, {r.dilation}, r.groups);
      // Without VNNI oneDNN keeps 7 bits of weights for signed sources: ±63.5 is not whole.
      expect_exact(s, {y, g::relu(y)}, negative ? 1e-2 : 1e-6);
      if (HasFatalFailure()) return;
    }
}

TEST_F(Int8, AddsAndActivatesInFloat) {
  Sketch s;
  s.inputs.push_back(whole_numbers({1, 32, 9, 9}, 3, false));
  const Var x = g::relu(s.graph.input({1, 32, 9, 9}));
  const Var first = g::conv(x, s.graph.constant(signs({32, 32, 3, 3}, 4)), s.weight({32}), {}, {1}, {});
  expect_exact(s, {g::relu(first + x), g::activation(first, g::Activation::gelu)}, 2e-6);
}

TEST_F(Int8, MultipliesRowsOfALinearLayer) {
  for (const std::int64_t rows : {3, 50}) {
    Sketch s;
    s.inputs.push_back(whole_numbers({1, rows, 40}, 5, false));
    const Var x = g::relu(s.graph.input({1, rows, 40}));
    expect_exact(s, {g::linear(x, s.graph.constant(signs({24, 40}, 6)), s.weight({24}))}, 1e-6);
    if (HasFatalFailure()) return;
  }
}

TEST_F(Int8, StaysNearOnRandomNumbers) {
  const Sketch s = network();
  const double moved = deviation(plan_test::run(s, {.precision = Precision::int8})[0], plan_test::run(s, {})[0]);
  EXPECT_GT(moved, 1e-6);
  EXPECT_LT(moved, 3e-2);
}

TEST_F(Int8, KeepsTheRangesOfItsSamples) {
  Sketch s = network();
  const PlanOptions measured{.precision = Precision::int8};
  auto calibration = std::make_shared<Calibration>();
  const Plan plan = Plan::compile(s.graph, measured);
  plan.observe(s.inputs, *calibration);
  EXPECT_FALSE(calibration->ranges.empty());
  PlanOptions calibrated = measured;
  calibrated.calibration = calibration;
  const Plan kept = Plan::compile(s.graph, calibrated);
  EXPECT_EQ(difference(kept.run(s.inputs)[0], plan.run(s.inputs)[0]), 0);
  // Smaller samples widen nothing; larger inputs are clipped.
  const auto before = calibration->ranges;
  for (float& value : s.inputs[0].mutable_data<float>()) value *= 0.5F;
  plan.observe(s.inputs, *calibration);
  EXPECT_EQ(calibration->ranges, before);
  for (float& value : s.inputs[0].mutable_data<float>()) value *= 20;
  EXPECT_GT(deviation(kept.run(s.inputs)[0], plan.run(s.inputs)[0]), 0.05);
}

TEST_F(Int8, OnlyAnUncalibratedPlanObserves) {
  const Sketch s = network();
  Calibration ranges;
  EXPECT_THROW(Plan::compile(s.graph, {}).observe(s.inputs, ranges), Error);
  const auto some = std::make_shared<Calibration>();
  EXPECT_THROW(Plan::compile(s.graph, {.precision = Precision::int8, .calibration = some}).observe(s.inputs, ranges),
               Error);
}

TEST(NarrowWeights, AreRoundedWhenTheyArePacked) {
  for (const std::int64_t in : {7, 64, 100}) {
    Sketch s;
    const Var y = g::relu(g::linear(s.input({2, in}), s.weight({33, in}), s.weight({33})));
    s.graph.set_outputs(std::span(&y, 1));
    const Tensor exact = plan_test::run(s, {.kernels = Kernels::reference})[0];
    const auto moved = [&](Precision precision, Effort effort) {
      return deviation(plan_test::run(s, {.effort = effort, .precision = precision})[0], exact);
    };
    EXPECT_GT(moved(Precision::bf16, Effort::steady), 1e-5);
    EXPECT_LT(moved(Precision::bf16, Effort::steady), 4e-3);
    EXPECT_GT(moved(Precision::int8, Effort::steady), 1e-4);
    EXPECT_LT(moved(Precision::int8, Effort::steady), 1e-2);
    EXPECT_LT(moved(Precision::bf16, Effort::oneshot), 1e-6) << "weights are used as they lie in the file";
  }
}

TEST(NarrowWeights, ThatAreExactGiveExactResults) {
  Sketch s;
  const Var x = s.input({1, 45}), w = s.graph.constant(signs({30, 45}, 9));
  const Var y = g::linear(x, w, s.weight({30}));
  s.graph.set_outputs(std::span(&y, 1));
  const Tensor exact = plan_test::run(s, {.kernels = Kernels::reference})[0];
  for (const Precision precision : {Precision::bf16, Precision::int8})
    EXPECT_LT(difference(plan_test::run(s, {.precision = precision})[0], exact), 2e-6);
}

}  // namespace
}  // namespace flambeau
