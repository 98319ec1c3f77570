// bf16: what is computed exactly, what stays narrow between layers, and how far other results move.
#include <gmock/gmock.h>

#include <bit>
#include <limits>

#include "plan/compare.h"
#include "plan/kernels/bfloat16.h"
#include "plan/kernels/vector.h"
#include "plan/reference/reference.h"

namespace flambeau {
namespace {

namespace g = graph;
using g::Var;
using plan_test::deviation;
using plan_test::difference;
using plan_test::network;
using plan_test::Sketch;
using testing::HasSubstr;

class BFloat16 : public testing::Test {
 protected:
  void SetUp() override {
    if (!plan::has_bfloat16()) GTEST_SKIP() << "no bfloat16 products below AVX512_BF16";
  }
};

/// -3 … 3: exact in bfloat16, and so are their sums below 256.
Tensor small_numbers(Shape shape, unsigned seed) {
  Tensor tensor = Tensor::uninitialized(std::move(shape));
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> distribution(-3, 3);
  for (float& value : tensor.mutable_data<float>()) value = static_cast<float>(distribution(random));
  return tensor;
}

/// Mostly zero.
Tensor few_ones(Shape shape, unsigned seed) {
  Tensor tensor = small_numbers(std::move(shape), seed);
  std::mt19937 random(seed);
  for (float& value : tensor.mutable_data<float>()) value = random() % 8 == 0 ? value / 2 : 0.0F;
  return tensor;
}

TEST_F(BFloat16, StaysSoBetweenLayersAndIsExactForSmallNumbers) {
  Sketch s;
  s.inputs.push_back(small_numbers({2, 16, 13, 14}, 1));
  const Var x = s.graph.input(s.inputs[0].shape());
  const auto weight = [&](Shape shape, unsigned seed) { return s.graph.constant(few_ones(std::move(shape), seed)); };
  const auto bias = [&] { return s.graph.constant(small_numbers({32}, 7)); };
  const Var first = g::relu(g::conv(x, weight({32, 16, 1, 1}, 2), bias(), {}, {}, {}));
  const Var pooled = g::max_pool(first, {3, 3}, {1, 1}, {1, 1}, {1, 1});
  const Var deep = g::conv(pooled, weight({32, 1, 3, 3}, 3), bias(), {}, {1}, {}, 32);
  const Var last = g::relu(g::conv(deep, weight({32, 32, 1, 1}, 4), {}, {}, {}, {}) + pooled);
  const Var out = g::conv(last, weight({32, 32, 3, 3}, 5), bias(), {2}, {1}, {});
  s.graph.set_outputs(std::span(&out, 1));
  const Tensor exact = plan_test::run(s, {.kernels = Kernels::reference})[0];
  for (const int threads : {1, 2}) {
    const Plan plan = Plan::compile(s.graph, {.precision = Precision::bf16, .threads = threads});
    const std::string text = plan.describe();
    EXPECT_THAT(text, HasSubstr("max_pool (2, 32, 13, 14) channels_last bfloat16"));
    EXPECT_THAT(text, HasSubstr("conv (2, 32, 13, 14) channels_last bfloat16 +add +relu"));
    EXPECT_THAT(text, HasSubstr("conv (2, 32, 7, 7) channels_last  ")) << "what leaves is float";
    EXPECT_EQ(difference(plan.run(s.inputs)[0], exact), 0) << text;
  }
}

TEST_F(BFloat16, LinearLayersReadItAndGiveFloatToOthers) {
  Sketch s;
  s.inputs.push_back(small_numbers({1, 9, 24}, 1));
  const Var x = s.graph.input(s.inputs[0].shape());
  const Var hidden =
      g::relu(g::linear(x, s.graph.constant(few_ones({40, 24}, 2)), s.graph.constant(small_numbers({40}, 3))));
  const Var y = g::linear(hidden, s.graph.constant(few_ones({16, 40}, 4)), {}) + g::narrow(x, 2, 0, 16);
  const Var z = g::softmax(y, 2);
  s.graph.set_outputs(std::vector<Var>{y, z});
  const auto exact = plan_test::run(s, {.kernels = Kernels::reference});
  const Plan plan = Plan::compile(s.graph, {.precision = Precision::bf16});
  EXPECT_THAT(plan.describe(), HasSubstr("linear (1, 9, 40) plain bfloat16 +relu"));
  const auto found = plan.run(s.inputs);
  EXPECT_EQ(difference(found[0], exact[0]), 0) << plan.describe();
  EXPECT_LT(difference(found[1], exact[1]), 1e-6);
}

TEST_F(BFloat16, LinearLayersOfEverySizeAreExactForSmallNumbers) {
  for (const std::int64_t rows : {3, 16, 17, 33, 197, 1000})
    for (const std::int64_t in : {16, 40, 96, 100})
      for (const std::int64_t out : {16, 20, 33, 96}) {
        Sketch s;
        s.inputs.push_back(small_numbers({rows, in}, 1));
        s.inputs.push_back(small_numbers({rows, out}, 5));
        const Var x = s.graph.input({rows, in}), z = s.graph.input({rows, out});
        const Var hidden =
            g::relu(g::linear(x, s.graph.constant(few_ones({out, in}, 2)), s.graph.constant(small_numbers({out}, 3))));
        const Var y = g::relu(g::linear(hidden, s.graph.constant(few_ones({out, out}, 4)), {}) + z);
        s.graph.set_outputs(std::span(&y, 1));
        const Tensor exact = plan_test::run(s, {.kernels = Kernels::reference})[0];
        for (const int threads : {1, 2}) {
          const Plan plan = Plan::compile(s.graph, {.precision = Precision::bf16, .threads = threads});
          ASSERT_EQ(difference(plan.run(s.inputs)[0], exact), 0) << rows << " rows\n" << plan.describe();
        }
      }
}

TEST_F(BFloat16, StaysNearOnRandomNumbers) {
  const Sketch s = network();
  const double moved = deviation(plan_test::run(s, {.precision = Precision::bf16})[0], plan_test::run(s, {})[0]);
  EXPECT_GT(moved, 1e-5);
  EXPECT_LT(moved, 2e-2);
}

/// A graph that is exact in bfloat16, with each number of threads.
void expect_exact(Sketch& s, const Var& y, const char* kernel) {
  s.graph.set_outputs(std::span(&y, 1));
  const Tensor exact = plan_test::run(s, {.kernels = Kernels::reference})[0];
  for (const int threads : {1, 2}) {
    const Plan plan = Plan::compile(s.graph, {.precision = Precision::bf16, .threads = threads});
    ASSERT_THAT(plan.describe(), HasSubstr(kernel));
    ASSERT_EQ(difference(plan.run(s.inputs)[0], exact), 0) << to_string(s.graph) << plan.describe();
  }
}

TEST_F(BFloat16, DepthwiseConvolutionsAreExactForSmallNumbers) {
  struct Row {
    std::int64_t channels, kernel, stride, padding, height, width;
  };
  for (const Row& r :
       {Row{16, 3, 1, 1, 7, 9}, Row{20, 3, 2, 1, 8, 7}, Row{33, 5, 1, 2, 10, 6}, Row{64, 5, 2, 2, 11, 13},
        Row{100, 7, 1, 3, 9, 8}, Row{48, 7, 2, 3, 15, 14}, Row{40, 3, 1, 0, 4, 3}, Row{32, 5, 1, 0, 6, 5},
        Row{16, 3, 2, 0, 60, 61}, Row{32, 3, 1, 2, 33, 34}})
    for (const bool narrow : {false, true}) {
      Sketch s;
      s.inputs.push_back(small_numbers({2, 16, r.height, r.width}, 1));
      const auto weight = [&](Shape shape, unsigned seed) {
        return s.graph.constant(few_ones(std::move(shape), seed));
      };
      const Var x = g::conv(s.graph.input(s.inputs[0].shape()), weight({r.channels, 16, 1, 1}, 2), {}, {}, {}, {});
      const Var deep =
          g::conv(x, weight({r.channels, 1, r.kernel, r.kernel}, 3), s.graph.constant(small_numbers({r.channels}, 4)),
                  {r.stride}, {r.padding}, {}, r.channels);
      const Var small = g::activation(deep, g::Activation::relu6);
      expect_exact(s, narrow ? g::conv(small, weight({16, r.channels, 1, 1}, 5), {}, {}, {}, {}) : deep,
                   "bfloat16 depthwise conv");
      if (HasFatalFailure()) return;
    }
}

TEST_F(BFloat16, ChannelsAreAveragedAndScaledExactlyWhereTheyCanBe) {
  for (const std::int64_t channels : {16, 70, 200}) {
    Sketch s;
    s.inputs = {small_numbers({2, 16, 8, 8}, 1), small_numbers({2, channels, 1, 1}, 2)};
    const Var x = s.graph.input(s.inputs[0].shape()), factors = s.graph.input(s.inputs[1].shape());
    const auto weight = [&](Shape shape, unsigned seed) { return s.graph.constant(few_ones(std::move(shape), seed)); };
    const Var wide = g::activation(g::conv(x, weight({channels, 16, 1, 1}, 3), {}, {}, {}, {}), g::Activation::abs);
    expect_exact(s, g::adaptive_avg_pool(wide, {1, 1}), "bfloat16 channel averages");
    if (HasFatalFailure()) return;
    for (const bool swapped : {false, true}) {
      const Var scaled = swapped ? factors * wide : wide * factors;
      expect_exact(s, g::conv(scaled, weight({16, channels, 1, 1}, 4), {}, {}, {}, {}), "bfloat16 channel scaling");
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(BFloat16, SqueezeAndExcitationStaysNarrow) {
  Sketch s;
  const Var x = s.input({1, 16, 14, 14});
  const Var wide = g::activation(g::conv(x, s.weight({48, 16, 1, 1}), s.weight({48}), {}, {}, {}), g::Activation::silu);
  const Var deep = g::activation(g::conv(wide, s.weight({48, 1, 5, 5}), {}, {}, {2}, {}, 48), g::Activation::silu);
  const Var few = g::relu(g::conv(g::adaptive_avg_pool(deep, {1, 1}), s.weight({8, 48, 1, 1}), {}, {}, {}, {}));
  const Var gate = g::activation(g::conv(few, s.weight({48, 8, 1, 1}), {}, {}, {}, {}), g::Activation::sigmoid);
  const Var y = g::conv(deep * gate, s.weight({24, 48, 1, 1}), {}, {}, {}, {});
  s.graph.set_outputs(std::span(&y, 1));
  const Plan plan = Plan::compile(s.graph, {.precision = Precision::bf16});
  for (const char* kernel : {"bfloat16 activation", "bfloat16 depthwise conv", "bfloat16 channel averages",
                             "gemv, bfloat16 weights", "bfloat16 channel scaling"})
    EXPECT_THAT(plan.describe(), HasSubstr(kernel));
  EXPECT_THAT(plan.describe(), testing::Not(HasSubstr("reorder (1, 48")));
  EXPECT_LT(deviation(plan.run(s.inputs)[0], plan_test::run(s, {})[0]), 1e-2);
}

TEST_F(BFloat16, NetworksThatWinogradSuitsBetterConvolveInFloat) {
  if (plan::may_use_tiles()) GTEST_SKIP() << "AMX is faster than Winograd";
  Sketch s;
  const Var x = s.input({1, 64, 28, 28});
  const Var a = g::relu(g::conv(x, s.weight({64, 64, 3, 3}, 0.05F), s.weight({64}), {}, {1}, {}));
  const Var b = g::conv(a, s.weight({64, 64, 3, 3}, 0.05F), s.weight({64}), {}, {1}, {});
  const Var y = g::linear(g::reshape(b, {64, 784}), s.weight({32, 784}), s.weight({32}));
  s.graph.set_outputs(std::span(&y, 1));
  const std::string steady = Plan::compile(s.graph, {.precision = Precision::bf16}).describe();
  EXPECT_THAT(steady, testing::Not(HasSubstr("conv (1, 64, 28, 28) channels_last")));
  EXPECT_THAT(steady, HasSubstr("wino"));
  EXPECT_THAT(steady, HasSubstr("bf16 conv")) << "linear layers stay narrow";
  EXPECT_LT(deviation(plan_test::run(s, {.precision = Precision::bf16})[0], plan_test::run(s, {})[0]), 4e-3);
  const PlanOptions once{.effort = Effort::oneshot, .precision = Precision::bf16};
  EXPECT_THAT(Plan::compile(s.graph, once).describe(), HasSubstr("conv (1, 64, 28, 28) channels_last"))
      << "no Winograd";
}

float widened(std::uint16_t number) { return std::bit_cast<float>(static_cast<std::uint32_t>(number) << 16); }

TEST_F(BFloat16, ActivationsAreThoseOfFloatsRounded) {
  std::vector<std::uint16_t> x;  // a whole vector and a part of one, several times
  for (std::uint32_t bits = 0; bits < 0x10000; bits += 7) x.push_back(static_cast<std::uint16_t>(bits));
  std::vector<float> floats;
  for (const std::uint16_t number : x) floats.push_back(widened(number));
  using enum g::Activation;
  const g::ActivationAttributes activations[] = {{relu},      {relu6},       {sigmoid},         {tanh},  {silu}, {gelu},
                                                 {hardswish}, {hardsigmoid}, {leaky_relu, 0.1}, {elu, 1}};
  for (const g::ActivationAttributes& f : activations) {
    std::vector<std::uint16_t> from_narrow(x.size()), from_floats(x.size());
    plan::activate(f, x.data(), from_narrow.data(), std::ssize(x));
    plan::activate(f, floats.data(), from_floats.data(), std::ssize(x));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float exact = plan::reference::activate(f, floats[i]);
      for (const float found : {widened(from_narrow[i]), widened(from_floats[i])})
        if (std::isnan(floats[i])) {
          ASSERT_TRUE(std::isnan(found)) << name(f.kind);
        } else if (std::abs(exact) < 1e38F) {
          ASSERT_NEAR(found, exact, std::abs(exact) * 0.0042F + 1e-8F) << name(f.kind) << " of " << floats[i];
        }
    }
  }
}

}  // namespace
}  // namespace flambeau
