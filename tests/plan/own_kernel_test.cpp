// Kernels of the user's own, before ours.

#include <atomic>
#include <cmath>

#include <gtest/gtest.h>

#include <flambeau/init.h>
#include <flambeau/plan.h>

namespace flambeau {
namespace {

namespace g = graph;

Tensor numbers(Shape shape, double step) {
  Tensor tensor = Tensor::uninitialized(std::move(shape));
  const auto values = tensor.mutable_data<float>();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(std::sin(step * static_cast<double>(i)));
  return tensor;
}

/// y = relu(x W1ᵀ + b1) + x, softmax of it: posts behind the product.
g::Graph network() {
  g::Graph graph;
  const g::Var x = graph.input({3, 8});
  const g::Var y = g::linear(x, graph.constant(numbers({8, 8}, 0.7)), graph.constant(numbers({8}, 0.3)));
  const g::Var z = g::softmax(g::add(g::relu(y), x), -1);
  graph.set_outputs(std::span(&z, 1));
  return graph;
}

TEST(OwnKernels, GoBeforeOursAndKeepTheirPosts) {
  std::atomic<int> calls = 0;
  const auto own = std::make_shared<const OwnKernels>([&calls](const OperationView& operation) -> OwnKernel {
    if (operation.op != g::Op::linear || operation.inputs.size() != 3) return {};
    const std::int64_t rows = operation.inputs[0][0], in = operation.inputs[0][1], out = operation.output[1];
    return [=, &calls](std::span<const float* const> inputs, float* output) {
      ++calls;
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t o = 0; o < out; ++o) {
          double sum = static_cast<double>(inputs[2][o]);
          for (std::int64_t i = 0; i < in; ++i)
            sum += static_cast<double>(inputs[0][r * in + i]) * static_cast<double>(inputs[1][o * in + i]);
          output[r * out + o] = static_cast<float>(sum);
        }
    };
  });
  const g::Graph graph = network();
  const Tensor x = numbers({3, 8}, 0.9);
  for (const Kernels kernels : {Kernels::fast, Kernels::reference}) {
    const Plan ours = Plan::compile(graph, {.kernels = kernels}),
               theirs = Plan::compile(graph, {.kernels = kernels, .own = own});
    EXPECT_EQ(ours.describe().find(" own "), std::string::npos);
    EXPECT_NE(theirs.describe().find(" own "), std::string::npos) << theirs.describe();
    const Tensor a = ours.run(x), b = theirs.run(x);
    for (std::size_t i = 0; i < a.data<float>().size(); ++i) EXPECT_NEAR(a.data<float>()[i], b.data<float>()[i], 1e-6);
  }
  EXPECT_EQ(calls, 2);
}

TEST(OwnKernels, AreNotAskedAboutIndicesNorTraining) {
  g::Graph graph;
  const g::Var index = graph.input({4}, DType::int64);
  const g::Var rows = g::embedding(index, graph.constant(numbers({5, 2}, 0.4)));
  const g::Var y =
      g::batch_norm(rows, graph.constant(Tensor::zeros({2})), graph.constant(numbers({2}, 1)), {}, {}, 1e-5, true);
  graph.set_outputs(std::span(&y, 1));
  const auto own = std::make_shared<const OwnKernels>([](const OperationView& operation) -> OwnKernel {
    ADD_FAILURE() << g::name(operation.op);
    return {};
  });
  Plan::compile(graph, {.own = own});
  Plan::compile(graph, {.own = std::make_shared<const OwnKernels>()});
}

}  // namespace
}  // namespace flambeau
