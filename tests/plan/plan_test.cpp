// The plan as a whole: outputs, errors, threads, memory.
#include <flambeau/error.h>

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

#include "plan/compare.h"
#include "plan/kernels/vector.h"

namespace {
std::atomic<std::size_t> large_allocations = 0;
constexpr std::size_t large = 16384;
}  // namespace

// Counts what a run takes from the heap. oneDNN's own small argument lists are allowed, tensors are not.
void* operator new(std::size_t size) {
  if (size >= large) large_allocations.fetch_add(1);
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size ? size : 1); }
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace flambeau {
namespace {

namespace g = graph;
using g::Var;
using plan_test::difference;
using plan_test::random_tensor;
using plan_test::Sketch;

Var small_network(Sketch& s, Var x) {
  x = g::max_pool(g::relu(g::conv(x, s.weight({16, 3, 3, 3}), s.weight({16}), {}, {1}, {})), {2}, {}, {}, {});
  const Var y = g::relu(s.batch_norm(g::conv(x, s.weight({16, 16, 3, 3}, 0.1F), {}, {}, {1}, {})) + x);
  return g::linear(g::flatten(g::adaptive_avg_pool(y, {2})), s.weight({10, 64}), s.weight({10}));
}

std::string error_of(const std::function<void()>& f, ErrorCode code) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Plan, GivesSeveralOutputsInOrderAlsoTheSameTwiceAndInputs) {
  Sketch s;
  const Var x = s.input({1, 3, 8, 8}), c = s.weight({2, 2});
  const Var y = g::relu(x);
  plan_test::expect_agreement(s,
                              {small_network(s, x), y, y, x, g::reshape(y, {3, 64}), c, g::permute(x, {3, 1, 2, 0})});
}

TEST(Plan, RefusesOtherInputsWithBothShapes) {
  Sketch s;
  const Var y = g::relu(s.input({2, 3}));
  s.graph.set_outputs(std::span(&y, 1));
  const Plan plan = Plan::compile(s.graph);
  EXPECT_THAT(error_of(
                  [&] {
                    plan.run(random_tensor({3, 2}, 1));
                  },
                  ErrorCode::invalid_argument),
              testing::AllOf(testing::HasSubstr("(3, 2)"), testing::HasSubstr("(2, 3)")));
  EXPECT_THAT(error_of(
                  [&] {
                    plan.run(Tensor::zeros({2, 3}, DType::int64));
                  },
                  ErrorCode::invalid_argument),
              testing::HasSubstr("int64"));
  EXPECT_THAT(error_of(
                  [&] {
                    plan.run(random_tensor({3, 2}, 1).permute({1, 0}));
                  },
                  ErrorCode::invalid_argument),
              testing::HasSubstr("strided"));
  EXPECT_THAT(error_of([&] { plan.run(std::span<const Tensor>{}); }, ErrorCode::invalid_argument),
              testing::HasSubstr("0 inputs given, the plan has 1"));
}

TEST(Plan, RefusesMetaConstantsAndGraphsWithoutOutputs) {
  g::Graph graph;
  EXPECT_THAT(error_of([&] { Plan::compile(graph); }, ErrorCode::invalid_argument), testing::HasSubstr("no outputs"));
  const Var x = graph.input({1, 4}), y = g::linear(x, graph.constant(Tensor::meta({2, 4}, DType::float32)));
  graph.set_outputs(std::span(&y, 1));
  EXPECT_THAT(error_of([&] { Plan::compile(graph); }, ErrorCode::invalid_argument), testing::HasSubstr("meta"));
}

TEST(Plan, RefusesWhatTheMachineCannotHold) {
  Sketch s;
  const Var y = g::pad(s.input({1, 1, 8}), {std::int64_t{1} << 44, 0});
  s.graph.set_outputs(std::span(&y, 1));
  for (const Kernels kernels : {Kernels::fast, Kernels::reference})
    EXPECT_THAT(error_of([&] { plan_test::run(s, {.kernels = kernels}); }, ErrorCode::limit),
                testing::HasSubstr("(1, 1, 17592186044424) needs 70368744177696 bytes"));
}

TEST(Plan, EmptyBatchesPassThrough) {
  for (const Kernels kernels : {Kernels::reference, Kernels::fast}) {
    Sketch s;
    const Var y = small_network(s, s.input({0, 3, 8, 8}));
    s.graph.set_outputs(std::span(&y, 1));
    EXPECT_EQ(plan_test::run(s, {.kernels = kernels}).front().shape(), (Shape{0, 10}));
  }
}

TEST(Plan, HalfAndDoubleWeightsAreConverted) {
  for (const DType dtype : {DType::float16, DType::bfloat16, DType::float64})
    for (const Kernels kernels : {Kernels::reference, Kernels::fast}) {
      Sketch s;
      const Var x = s.input({1, 8}), w = s.graph.constant(random_tensor({5, 8}, 3).to(dtype));
      const Var y = g::linear(x, w);
      const Tensor same = random_tensor({5, 8}, 3).to(dtype).to(DType::float32);
      const Var z = g::linear(x, s.graph.constant(same));
      s.graph.set_outputs(std::vector{y, z});
      const auto found = plan_test::run(s, {.kernels = kernels});
      EXPECT_LE(difference(found[0], found[1]), 1e-6) << name(dtype);
    }
}

TEST(Plan, TwoThreadsMayRunOnePlan) {
  Sketch s;
  const Var y = small_network(s, s.input({1, 3, 16, 16}));
  s.graph.set_outputs(std::span(&y, 1));
  const Plan plan = Plan::compile(s.graph, {.threads = 1});
  std::vector<Tensor> inputs, expected;
  for (unsigned i = 0; i < 4; ++i) {
    inputs.push_back(random_tensor({1, 3, 16, 16}, 50 + i));
    expected.push_back(plan.run(inputs.back()));
  }
  std::atomic<int> wrong = 0;
  const auto work = [&](std::size_t first) {
    for (std::size_t i = 0; i < 40; ++i)
      if (!plan.run(inputs[(first + i) % 4]).equal(expected[(first + i) % 4])) ++wrong;
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Plan, RunsTakeNoTensorMemory) {
  Sketch s;
  const Var y = small_network(s, s.input({1, 3, 64, 64}));
  s.graph.set_outputs(std::span(&y, 1));
  const Plan plan = Plan::compile(s.graph, {.threads = 2});
  std::vector<Tensor> outputs = {Tensor::zeros({1, 10})};
  plan.run(s.inputs, outputs);  // makes the workspace
  const std::size_t before = large_allocations;
  for (int i = 0; i < 5; ++i) plan.run(s.inputs, outputs);
  EXPECT_EQ(large_allocations, before);
}

TEST(Plan, ArenaReusesTheMemoryOfDeadValues) {
  Sketch s;
  Var x = s.input({1, 8, 32, 32});
  for (int i = 0; i < 10; ++i)
    x = g::max_pool(g::conv(x, s.weight({8, 8, 3, 3}, 0.1F), {}, {}, {1}, {}), {3}, {1}, {1}, {});
  s.graph.set_outputs(std::span(&x, 1));
  const std::uint64_t one = 8 * 32 * 32 * 4;
  EXPECT_LE(Plan::compile(s.graph, {.threads = 1}).arena_bytes(), 4 * one);
}

TEST(Plan, ConvolutionsAreFusedWithWhatFollows) {
  Sketch s;
  const Var y = small_network(s, s.input({1, 3, 16, 16}));
  s.graph.set_outputs(std::span(&y, 1));
  const std::string text = Plan::compile(s.graph).describe();
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("batch_norm")));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("activation")));
  EXPECT_THAT(text, testing::HasSubstr("+add +relu"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("reference")));
}

TEST(Plan, OneRunTransformsWeightsOnlyForLargeImages) {
  if (plan::isa() == plan::Isa::plain) GTEST_SKIP() << "no vector kernels";
  for (const std::int64_t size : {28, 56}) {
    Sketch s;
    const Var y = g::relu(g::conv(s.input({1, 64, size, size}), s.weight({64, 64, 3, 3}), s.weight({64}), {}, {1}, {}));
    s.graph.set_outputs(std::span(&y, 1));
    const Plan once = Plan::compile(s.graph, {.effort = Effort::oneshot});
    EXPECT_EQ(once.describe().find("winograd") != std::string::npos, size == 56) << once.describe();
    EXPECT_LT(difference(once.run(s.inputs)[0], plan_test::run(s, {.kernels = Kernels::reference})[0]), 2e-5);
  }
}

TEST(Plan, AttentionReadsViewsWithoutCopies) {
  Sketch s;
  Var y = g::linear(s.input({1, 20, 32}), s.weight({96, 32}));
  y = g::permute(g::reshape(y, {1, 20, 3, 4, 8}), {2, 0, 3, 1, 4});
  std::vector<Var> qkv;
  for (int k = 0; k < 3; ++k) qkv.push_back(g::reshape(g::narrow(y, 0, k, 1), {1, 4, 20, 8}));
  y = g::reshape(g::permute(g::attention(qkv[0], qkv[1], qkv[2], {}, 0.3), {0, 2, 1, 3}), {1, 20, 32});
  y = g::linear(y, s.weight({32, 32}));
  s.graph.set_outputs(std::span(&y, 1));
  const std::string text = Plan::compile(s.graph).describe();
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("reorder")));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("copy")));
}

TEST(Plan, ConstantSubgraphsAreComputedOnce) {
  Sketch s;
  const Var bias = g::softmax(g::matmul(s.weight({4, 6}), s.weight({6, 5})), -1);
  const Var y = g::add(s.input({3, 4, 5}), bias);
  plan_test::expect_agreement(s, {y});
  EXPECT_THAT(Plan::compile(s.graph).describe(), testing::Not(testing::HasSubstr("matmul")));
}

TEST(Plan, NotANumberAndInfinityPassThrough) {
  Sketch s;
  const Var x = s.input({1, 8, 6, 6});
  s.inputs[0].mutable_data<float>()[0] = NAN;
  s.inputs[0].mutable_data<float>()[50] = INFINITY;
  const Var y = g::conv(x, s.weight({8, 8, 1, 1}), {}, {}, {}, {});
  s.graph.set_outputs(std::vector{y, g::relu(x), g::layer_norm(x, {6}, {}, {}, 1e-5)});
  const auto found = plan_test::run(s, {});
  const auto expected = plan_test::run(s, {.kernels = Kernels::reference});
  for (std::size_t k = 0; k < found.size(); ++k)
    for (std::size_t i = 0; i < static_cast<std::size_t>(found[k].numel()); ++i)
      EXPECT_EQ(std::isfinite(found[k].data<float>()[i]), std::isfinite(expected[k].data<float>()[i])) << k << " " << i;
}

TEST(Training, UnreadBatchNormsStillUpdateTheirStatistics) {
  g::Graph graph;
  Tensor mean = Tensor::zeros({2});
  Tensor variance = Tensor::zeros({2});
  const Var x = graph.input({8, 2, 3});
  g::batch_norm(x, graph.constant(mean), graph.constant(variance), {}, {}, 1e-5, true, 0.5);
  const Var y = g::relu(x);
  graph.set_outputs(std::span(&y, 1));
  const Plan plan = Plan::compile(graph);
  plan.run(random_tensor({8, 2, 3}, 5));
  const float once = mean.data<float>()[0];
  EXPECT_NE(once, 0);
  plan.run(random_tensor({8, 2, 3}, 6));
  EXPECT_NE(mean.data<float>()[0], once);
  EXPECT_GT(variance.data<float>()[1], 0);
}

}  // namespace
}  // namespace flambeau
