// What layers compute, against PyTorch 2.13's output for the same weights and input.
#include <gtest/gtest.h>

#include <cmath>

#include <flambeau/error.h>
#include <flambeau/plan.h>

#include "../nn/layer_cases.h"

namespace flambeau {
namespace {

Shape shape_of(const std::string& text) {
  std::istringstream fields(text);
  Shape shape;
  for (std::int64_t size; fields >> size;) shape.push_back(size);
  return shape;
}

class LayerForward : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(LayerForward, GivesTorchsOutput) {
  const auto& row = GetParam();
  const nn::ModulePtr module = nn::test::make(row[0]);
  ASSERT_TRUE(module);
  module->eval();
  Tensor x = Tensor::uninitialized(shape_of(row[1]));
  const auto values = x.mutable_data<float>();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(std::sin(0.37 * static_cast<double>(i) + 0.1));
  graph::Graph graph;
  const graph::Var y = (*module)(graph.input(x.shape()));
  graph.set_outputs(std::span(&y, 1));
  const Tensor found = Plan::compile(graph, {.kernels = Kernels::reference}).run(x).contiguous();
  EXPECT_EQ(found.shape(), row.size() > 2 ? shape_of(row[2]) : Shape{});
  std::istringstream expected(row[3]);
  std::size_t i = 0;
  for (double value; expected >> value; ++i)
    EXPECT_NEAR(found.data<float>()[i], value, 2e-6 + 2e-6 * std::abs(value)) << "element " << i;
  EXPECT_EQ(i, found.data<float>().size());
}

INSTANTIATE_TEST_SUITE_P(Torch, LayerForward,
                         testing::ValuesIn(nn::test::rows(FLAMBEAU_TEST_DATA "/../../nn/data/forward.tsv")),
                         [](const auto& row) { return row.param[0]; });

TEST(LayerForward, PairwiseDistanceOfAnyPower) {
  for (const double p : {1.0, 2.0, 3.5}) {
    const Tensor a = Tensor::of<float>({1, 3}, std::vector<float>{1, -2, 3});
    graph::Graph graph;
    const graph::Var x = graph.input({1, 3});
    const graph::Var y = nn::PairwiseDistance(p).forward(x, graph.constant(Tensor::zeros({1, 3})));
    graph.set_outputs(std::span(&y, 1));
    const double expected = std::pow(1 + std::pow(2, p) + std::pow(3, p), 1 / p);
    EXPECT_NEAR(Plan::compile(graph).run(a).item(), expected, 1e-5) << p;
  }
}

std::string refusal(nn::Module& module, Shape shape) {
  graph::Graph graph;
  try {
    module(graph.input(std::move(shape)));
    return "runs";
  } catch (const Error& error) {
    return error.message();
  }
}

TEST(LayerForward, RefusesInputsThatTorchRefuses) {
  nn::BatchNorm1d one(3);
  nn::BatchNorm2d two(3);
  nn::BatchNorm3d three(3);
  EXPECT_EQ(refusal(one, {2, 3, 4, 4}), "expected 2D or 3D input (got 4D input (2, 3, 4, 4))");
  EXPECT_EQ(refusal(two, {3, 4, 4}), "expected 4D input (got 3D input (3, 4, 4))");
  EXPECT_EQ(refusal(three, {1, 3, 4, 4}), "expected 5D input (got 4D input (1, 3, 4, 4))");
  nn::InstanceNorm2d instance(3);
  EXPECT_EQ(refusal(instance, {2, 3, 1, 1}),
            "expected more than 1 spatial element when training, got input size (2, 3, 1, 1)");
  EXPECT_EQ(refusal(instance, {2, 3, 1, 1, 3}), "expected 3D or 4D input (got 5D input (2, 3, 1, 1, 3))");
  EXPECT_EQ(refusal(instance, {3, 1, 2}), "runs");
  nn::AvgPool2d pool(2, nn::AvgPoolOptions{.divisor_override = 0});
  EXPECT_EQ(refusal(pool, {1, 1, 4, 4}), "divisor must be not zero");
  two.eval();
  two.buffer("running_mean") = Tensor();
  EXPECT_EQ(refusal(two, {1, 3, 4, 4}), "batch_norm: mean is None, a tensor is needed");
}

TEST(LayerForward, EmbeddingBagOfTheLargest) {
  nn::EmbeddingBag bag(3, 2, nn::EmbeddingBagOptions{.mode = "max"});
  const std::vector<float> rows = {1, 2, 3, -4, -5, 6};
  bag.parameter("weight").copy_from(Tensor::of<float>({3, 2}, rows));
  graph::Graph graph;
  const graph::Var y = bag.forward(graph.input({2, 2}, DType::int64));
  graph.set_outputs(std::span(&y, 1));
  const std::vector<std::int64_t> indices = {0, 1, 1, 2};
  const Tensor found = Plan::compile(graph).run(Tensor::of<std::int64_t>({2, 2}, indices)).contiguous();
  const std::vector<float> expected = {3, 2, 3, 6};
  EXPECT_TRUE(found.equal(Tensor::of<float>({2, 2}, expected)));
}

}  // namespace
}  // namespace flambeau
