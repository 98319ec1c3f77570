// What layers compute, against PyTorch 2.13's output for the same weights and input.
#include <gtest/gtest.h>

#include <cmath>

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

}  // namespace
}  // namespace flambeau
