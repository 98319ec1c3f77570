// Fast kernels against the reference over grids of shapes.
#include <gmock/gmock.h>

#include <array>

#include "plan/compare.h"
#include "plan/kernels/vector.h"

namespace flambeau {
namespace {

namespace g = graph;
using g::Activation;
using g::Var;
using plan_test::difference;
using plan_test::expect_agreement;
using plan_test::Sketch;

TEST(FastConv, AgreesOverKernelsStridesPaddingsDilationsAndGroups) {
  struct Row {
    std::int64_t in, out, size, kernel, stride, padding, dilation, groups;
  };
  const Row rows[] = {
      {3, 16, 13, 3, 1, 1, 1, 1},   {16, 24, 9, 3, 1, 1, 1, 1},   {8, 8, 7, 1, 1, 0, 1, 1},
      {64, 32, 14, 1, 1, 0, 1, 1},  {3, 8, 15, 7, 2, 3, 1, 1},    {12, 20, 11, 3, 2, 1, 1, 1},
      {16, 16, 12, 3, 1, 1, 1, 16}, {24, 24, 11, 5, 2, 2, 1, 24}, {5, 5, 6, 3, 1, 1, 1, 5},
      {16, 32, 10, 3, 1, 2, 2, 1},  {12, 24, 8, 3, 1, 1, 1, 3},   {10, 15, 7, 3, 1, 0, 1, 5},
      {4, 6, 5, 2, 1, 0, 1, 1},     {16, 64, 8, 1, 2, 0, 1, 1},   {7, 9, 4, 4, 4, 0, 1, 1},
      {48, 48, 14, 3, 1, 1, 1, 6},  {32, 32, 3, 3, 1, 1, 1, 1},   {16, 16, 1, 3, 1, 1, 1, 1},
      {17, 33, 6, 5, 1, 2, 1, 1},   {96, 96, 10, 7, 1, 3, 1, 96},
  };
  for (const Row& r : rows)
    for (const bool biased : {false, true}) {
      Sketch s;
      const Var x = s.input({2, r.in, r.size, r.size + 2});
      const Var y = g::conv(x, s.weight({r.out, r.in / r.groups, r.kernel, r.kernel}),
                            biased ? s.weight({r.out}) : Var(), {r.stride}, {r.padding}, {r.dilation}, r.groups);
      expect_agreement(s, {y});
      if (HasFatalFailure()) return;
    }
}

TEST(FastConv, FoldsBatchNormsIntoEveryKindOfWeight) {
  for (const auto& [in, out, groups] : std::vector<std::array<std::int64_t, 3>>{{3, 16, 1},
                                                                                {1, 8, 1},
                                                                                {3, 64, 1},
                                                                                {16, 16, 1},
                                                                                {16, 32, 1},
                                                                                {64, 24, 1},
                                                                                {7, 9, 1},
                                                                                {32, 32, 32},
                                                                                {24, 24, 24},
                                                                                {10, 10, 10},
                                                                                {48, 48, 6},
                                                                                {64, 64, 2},
                                                                                {12, 24, 3}})
    for (const std::int64_t kernel : {1, 3, 7}) {
      Sketch s;
      const Var x = s.input({1, in, 16, 16});
      const Var y = g::conv(x, s.weight({out, in / groups, kernel, kernel}), {}, {}, {kernel / 2}, {}, groups);
      expect_agreement(s, {s.batch_norm(y)}, 4e-6);
      if (HasFatalFailure()) return;
    }
}

TEST(FastConv, OneAndThreeDimensions) {
  Sketch s;
  const Var a = g::conv(s.input({2, 8, 15}), s.weight({16, 8, 3}), s.weight({16}), {2}, {1}, {});
  const Var b = g::conv(s.input({1, 4, 5, 6, 7}), s.weight({8, 4, 3, 3, 3}), {}, {1}, {1}, {});
  expect_agreement(s, {a, b});
}

TEST(FastConv, FusesEveryActivation) {
  for (const Activation kind :
       {Activation::relu, Activation::relu6, Activation::sigmoid, Activation::tanh, Activation::silu, Activation::gelu,
        Activation::gelu_tanh, Activation::mish, Activation::hardswish, Activation::hardsigmoid, Activation::hardtanh,
        Activation::leaky_relu, Activation::elu}) {
    const bool bounded = kind == Activation::hardtanh;
    Sketch s;
    const Var x = s.input({1, 8, 9, 9});
    const Var y = g::activation(g::conv(x, s.weight({20, 8, 3, 3}), s.weight({20}), {}, {1}, {}), kind,
                                bounded ? -0.5 : 0.3, 0.8);
    const Var z = g::activation(g::conv(x, s.weight({16, 8, 1, 1}), {}, {}, {}, {}), kind, bounded ? -0.5 : 0.3, 0.8);
    expect_agreement(s, {y, z}, 2e-5);
    if (HasFatalFailure()) return;
  }
}

TEST(FastConv, FoldsBatchNormAndAddsResiduals) {
  for (const std::int64_t channels : {16, 20, 64}) {
    Sketch s;
    const Var x = s.input({2, channels, 8, 8});
    const auto conv = [&](Var v, std::int64_t kernel) {
      const std::int64_t out = channels;
      return s.batch_norm(g::conv(v, s.weight({out, channels, kernel, kernel}, 0.1F), {}, {}, {kernel / 2}, {}));
    };
    const Var first = g::relu(conv(x, 3));
    const Var second = g::relu(conv(g::relu(conv(first, 1)), 3) + first);  // identity shortcut
    const Var third = g::relu(conv(second, 1) + conv(first, 1));           // projected shortcut
    expect_agreement(s, {third + first, second, g::relu(conv(x, 3) + x)}, 4e-6);
    if (HasFatalFailure()) return;
  }
}

// Weights made in the scratch, where other steps keep other things: outputs that fill their blocks, and some that do
// not; a batch norm's factors; groups; a second run.
TEST(FastConv, LargeOnesOfASingleRunMakeTheirWeightsInTheScratch) {
  for (const std::int64_t out : {128, 130}) {
    Sketch s;
    const auto conv = [&](Var v, std::int64_t groups) {
      const Var w = s.weight({out, v.size(1) / groups, 3, 3}, 0.05F);
      return s.batch_norm(g::conv(v, w, s.weight({out}), {}, {1}, {}, groups));
    };
    const Var first = g::relu(conv(s.input({2, 64, 9, 9}), 1));
    const Var second = g::relu(conv(first, 1) + first);
    expect_agreement(s, {conv(second, 1), conv(second, 2)}, 2e-5);
    if (HasFatalFailure()) return;
    const Plan plan = Plan::compile(s.graph, {.effort = Effort::oneshot});
    if (out == 128 && plan::isa() == plan::Isa::avx512) {
      EXPECT_THAT(plan.describe(), testing::HasSubstr("weights in place"));
    }
    const auto once = plan.run(s.inputs), again = plan.run(s.inputs);
    for (std::size_t i = 0; i < once.size(); ++i) EXPECT_EQ(difference(once[i], again[i]), 0) << plan.describe();
  }
}

TEST(FastConv, PointwiseOnesOfASingleRunReadTheirWeightsInPlace) {
  for (const std::int64_t size : {1, 3, 7, 20}) {
    Sketch s;
    const Var x = s.batch_norm(g::conv(s.input({2, 16, size, size}), s.weight({200, 16, 3, 3}, 0.1F), {}, {}, {1}, {}));
    const auto pointwise = [&](Var v, std::int64_t out) {
      return s.batch_norm(g::conv(v, s.weight({out, v.size(1), 1, 1}, 0.1F), s.weight({out}), {}, {}, {}));
    };
    const Var y = g::relu(pointwise(g::silu(pointwise(x, 331)), 200) + x);
    const Var smaller = g::conv(y, s.weight({170, 200, 1, 1}, 0.1F), {}, {2, 2}, {}, {});
    const Var narrower = g::conv(y, s.weight({170, 200, 1, 1}, 0.1F), {}, {1, 3}, {}, {});
    expect_agreement(s, {y, g::relu(smaller), narrower}, 4e-6);
    if (HasFatalFailure()) return;
    if (plan::isa() == plan::Isa::avx512 && size > 1) {
      const std::string text = Plan::compile(s.graph, {.effort = Effort::oneshot}).describe();
      EXPECT_THAT(
          text, testing::HasSubstr(size == 3 ? "product of few rows, weights in place" : "product, weights in place"));
    }
  }
}

TEST(FastConv, FoldsScalesThroughPermutes) {
  Sketch s;
  const Var x = s.input({1, 6, 5, 4});
  const Var y = g::permute(g::linear(g::permute(x, {0, 2, 3, 1}), s.weight({8, 6}), s.weight({8})), {0, 3, 1, 2});
  const Var scaled = g::mul(y, s.weight({8, 1, 1}));
  Var t = g::conv_transpose(scaled, s.weight({8, 3, 2, 2}), {}, {2}, {}, {}, {}, 2);
  t = s.batch_norm(t);
  expect_agreement(s, {t, g::mul(g::linear(x, s.weight({7, 4})), -2.5)});
}

TEST(FastActivation, SquaresAndRootsAreNotPowers) {
  for (const double exponent : {1.0, 2.0, 0.5, 3.0}) {
    Sketch s;
    const Var x = g::activation(s.input({2, 3, 5, 7}), Activation::abs);
    const Var y = g::add(g::activation(x, Activation::pow, exponent), 1);
    expect_agreement(s, {y});
    if (HasFatalFailure()) return;
    const std::string text = Plan::compile(s.graph).describe();
    const auto steps = std::ranges::count(text, '\n') - 1;  // the last line is a summary
    EXPECT_EQ(steps, exponent == 1 ? 2 : 3) << text;
    EXPECT_EQ(text.find("mul ") != text.npos, exponent == 2) << text;
  }
}

TEST(FastPool, AgreesOverWindows) {
  struct Row {
    std::int64_t size, kernel, stride, padding;
    bool ceil;
  };
  for (const std::int64_t channels : {3, 8, 20})
    for (const Row& r : {Row{14, 2, 2, 0, false}, Row{13, 3, 2, 1, false}, Row{13, 3, 2, 0, true},
                         Row{7, 3, 1, 1, false}, Row{8, 3, 2, 0, true}, Row{9, 2, 2, 0, true}}) {
      Sketch s;
      const Var x = s.input({2, channels, r.size, r.size});
      // Once as the input lies, once as a convolution leaves it.
      const Var y = g::conv(x, s.weight({channels, channels, 3, 3}), {}, {}, {1}, {});
      std::vector<Var> outputs;
      for (const Var& v : {x, y}) {
        outputs.push_back(g::max_pool(v, {r.kernel}, {r.stride}, {r.padding}, {}, r.ceil));
        outputs.push_back(g::avg_pool(v, {r.kernel}, {r.stride}, {r.padding}, r.ceil, true));
        outputs.push_back(g::avg_pool(v, {r.kernel}, {r.stride}, {r.padding}, r.ceil, false));
        outputs.push_back(g::adaptive_avg_pool(v, {1}));
        outputs.push_back(g::adaptive_avg_pool(v, {3}));
        outputs.push_back(g::mean(v, {2, 3}));
      }
      expect_agreement(s, outputs);
      if (HasFatalFailure()) return;
    }
}

TEST(FastLinear, AgreesOverRowsAndWidths) {
  for (const std::int64_t rows : {1, 2, 3, 17, 130})
    for (const std::int64_t in : {1, 7, 64, 600})
      for (const std::int64_t out : {1, 5, 48, 300}) {
        Sketch s;
        const Var x = s.input({rows, in}), r = s.input({rows, out});
        const Var w = s.weight({out, in});
        expect_agreement(s,
                         {g::gelu(g::linear(x, w, s.weight({out}))), g::linear(x, w) + r,
                          g::relu(r + g::linear(x, w, s.weight({out})))},
                         4e-6);
        if (HasFatalFailure()) return;
      }
}

TEST(FastElementwise, BroadcastsInEveryLayout) {
  for (const std::int64_t channels : {8, 12}) {
    Sketch s;
    const Var x = s.input({2, channels, 5, 6});
    const Var y = g::conv(x, s.weight({channels, channels, 3, 3}), {}, {}, {1}, {});
    std::vector<Var> outputs;
    for (const Shape& shape : std::initializer_list<Shape>{{channels, 1, 1},
                                                           {2, channels, 1, 1},
                                                           {1},
                                                           {},
                                                           {6},
                                                           {5, 1},
                                                           {2, 1, 5, 6},
                                                           {2, channels, 5, 6},
                                                           {1, 1, 1, 6}}) {
      const Var z = s.weight(shape, 1);
      const Var d = s.positive(shape);
      for (const Var& v : {x, y}) {
        outputs.push_back(g::add(g::relu(v), z));
        outputs.push_back(g::mul(z, g::relu(v)));
        outputs.push_back(g::sub(z, g::relu(v)));
        outputs.push_back(g::sigmoid(g::div(g::relu(v), d)));
      }
    }
    outputs.push_back(g::add(s.input({2, 1, 5, 1}), s.input({1, 3, 1, 6})));
    expect_agreement(s, outputs, 4e-6);
  }
}

TEST(FastElementwise, SmoothActivationsKeepTheEndsOfTheLineAndNaN) {
  constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x = {-1e30F, -200, -100, -88, -20, 20, 88, 100, 200, 1e30F, inf, nan, 0};
  for (const Activation kind : {Activation::sigmoid, Activation::silu, Activation::gelu}) {
    std::vector<float> y(x.size());
    plan::vector_kernels().activate({kind}, x.data(), y.data(), static_cast<std::int64_t>(x.size()));
    for (std::size_t i = 0; i + 2 < x.size(); ++i) {
      const float far = x[i] < 0 ? 0 : kind == Activation::sigmoid ? 1 : x[i];
      if (std::isinf(far)) {
        EXPECT_EQ(y[i], far);
      } else {
        EXPECT_NEAR(y[i], far, 1e-7 * std::abs(far) + 1e-7) << "of " << x[i];
      }
    }
    EXPECT_TRUE(std::isnan(y[x.size() - 2]));
    EXPECT_FLOAT_EQ(y.back(), kind == Activation::sigmoid ? 0.5F : 0.0F);
  }
}

TEST(FastElementwise, SqueezeAndExcitation) {
  for (const std::int64_t channels : {16, 20}) {
    Sketch s;
    const Var x = g::silu(g::conv(s.input({2, 4, 9, 9}), s.weight({channels, 4, 3, 3}), {}, {}, {1}, {}));
    Var gate = g::silu(g::conv(g::adaptive_avg_pool(x, {1}), s.weight({4, channels, 1, 1}), s.weight({4}), {}, {}, {}));
    gate = g::sigmoid(g::conv(gate, s.weight({channels, 4, 1, 1}), s.weight({channels}), {}, {}, {}));
    expect_agreement(s, {g::conv(gate * x, s.weight({6, channels, 1, 1}), {}, {}, {}, {})}, 4e-6);
  }
}

TEST(FastRows, NormalisationsAndSoftmax) {
  for (const std::int64_t width : {1, 5, 8, 33, 768}) {
    Sketch s;
    const Var x = s.input({2, 3, 7, width});
    const Var turned = g::permute(x, {0, 2, 1, 3});
    const Var w = s.weight({width}), b = s.weight({width});
    expect_agreement(s,
                     {g::layer_norm(x, {width}, w, b, 1e-6), g::layer_norm(turned, {width}, w, {}, 1e-5),
                      g::layer_norm(x, {7, width}, {}, {}, 1e-5), g::rms_norm(x, {width}, w, 1e-5), g::softmax(x, -1),
                      g::softmax(x, 1), g::log_softmax(turned, 3), g::l2_normalize(turned, -1)},
                     5e-6);
    if (HasFatalFailure()) return;
  }
}

TEST(FastMatmul, BroadcastsAndReadsViews) {
  Sketch s;
  const Var a = s.input({2, 1, 5, 7}), b = s.input({3, 7, 4}), c = s.input({2, 3, 4, 7});
  expect_agreement(s, {g::matmul(a, b), g::matmul(a, g::transpose(c, -1, -2)),
                       g::relu(g::matmul(g::transpose(a, 2, 3), a)), g::permute(g::matmul(a, b), {0, 2, 1, 3})});
}

TEST(FastAttention, ReadsHeadsFromOneProjection) {
  for (const auto& [length, heads, d] : {std::tuple{5, 2, 8}, std::tuple{70, 3, 16}, std::tuple{197, 2, 64}}) {
    Sketch s;
    const std::int64_t width = heads * d;
    const Var x = s.input({2, length, width});
    Var y = g::linear(x, s.weight({3 * width, width}, 0.1F), s.weight({3 * width}));
    y = g::permute(g::reshape(y, {2, length, 3, heads, d}), {2, 0, 3, 1, 4});
    std::vector<Var> qkv;
    for (int k = 0; k < 3; ++k) qkv.push_back(g::reshape(g::narrow(y, 0, k, 1), {2, heads, length, d}));
    const Var mask = s.weight({heads, length, length}), column = s.weight({2, 1, length, 1});
    std::vector<Var> outputs;
    for (const Var& m : {Var(), mask, column}) {
      const Var z = g::attention(qkv[0], qkv[1], qkv[2], m, 0.25);
      outputs.push_back(g::linear(g::reshape(g::permute(z, {0, 2, 1, 3}), {2, length, width}), s.weight({9, width})));
    }
    expect_agreement(s, outputs, 4e-6);
    if (HasFatalFailure()) return;
  }
}

TEST(FastMovement, WindowsShuffleConcatenationPadsAndRolls) {
  Sketch s;
  const Var x = s.input({1, 6, 8, 8});
  const Var y = g::conv(x, s.weight({16, 6, 3, 3}), {}, {}, {1}, {}),
            z = g::conv(x, s.weight({12, 6, 1, 1}), {}, {}, {}, {});
  const Var joined[] = {y, z, y}, halves[] = {g::narrow(y, 1, 8, 8), g::narrow(y, 1, 3, 5)};
  Var shuffled = g::permute(g::reshape(g::cat(joined, 1), {1, 2, 22, 8, 8}), {0, 2, 1, 3, 4});
  shuffled = g::reshape(shuffled, {1, 44, 8, 8});
  // Swin's windows.
  Var w = g::roll(g::pad(g::permute(x, {0, 2, 3, 1}), {0, 0, 0, 1, 0, 1}), {-2, -2}, {1, 2});
  w = g::reshape(g::permute(g::reshape(w, {1, 3, 3, 3, 3, 6}), {0, 1, 3, 2, 4, 5}), {9, 9, 6});
  const Var rows[] = {x, g::mul(x, 2)};
  expect_agreement(s, {g::relu(shuffled), g::cat(halves, 1), w, g::cat(rows, 0), g::flatten(z), g::narrow(y, 2, 1, 3),
                       g::conv(g::narrow(y, 1, 8, 8), s.weight({5, 8, 1, 1}), {}, {}, {}, {})});
}

}  // namespace
}  // namespace flambeau
