#pragma once
// Runs a graph with the reference and with the fast kernels and compares.

#include <flambeau/plan.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace flambeau::plan_test {

inline Tensor random_tensor(Shape shape, unsigned seed, float scale = 1) {
  Tensor tensor = Tensor::uninitialized(std::move(shape));
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution(0, scale);
  for (float& value : tensor.mutable_data<float>()) value = distribution(random);
  return tensor;
}

/// A graph under construction whose weights are random numbers.
class Sketch {
 public:
  graph::Graph graph{};
  std::vector<Tensor> inputs{};

  graph::Var input(Shape shape) {
    inputs.push_back(random_tensor(shape, ++seed_));
    return graph.input(std::move(shape));
  }
  graph::Var weight(Shape shape, float scale = 0.3F) {
    return graph.constant(random_tensor(std::move(shape), ++seed_, scale));
  }
  graph::Var positive(Shape shape) {
    Tensor tensor = random_tensor(std::move(shape), ++seed_);
    for (float& value : tensor.mutable_data<float>()) value = 0.5F + std::abs(value);
    return graph.constant(tensor);
  }
  graph::Var batch_norm(graph::Var x) {
    const Shape channels = {x.size(1)};
    return graph::batch_norm(x, weight(channels), positive(channels), weight(channels, 1), weight(channels), 1e-3);
  }

 private:
  unsigned seed_ = 0;
};

inline std::vector<Tensor> run(const Sketch& sketch, const PlanOptions& options) {
  return Plan::compile(sketch.graph, options).run(sketch.inputs);
}

/// Largest difference of an element, relative to the largest element; NaN belongs beside NaN.
inline double difference(const Tensor& found, const Tensor& expected) {
  if (found.shape() != expected.shape()) return INFINITY;
  double largest = 1e-6, most = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(expected.numel()); ++i) {
    const double e = expected.data<float>()[i], f = found.data<float>()[i];
    if (std::isnan(f) != std::isnan(e)) return INFINITY;
    if (std::isnan(e)) continue;
    largest = std::max(largest, std::abs(e));
    most = std::max(most, std::abs(e - f));
  }
  return most / largest;
}

/// Relative L2.
inline double deviation(const Tensor& found, const Tensor& expected) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < found.data<float>().size(); ++i) {
    difference += std::pow(found.data<float>()[i] - expected.data<float>()[i], 2);
    size += std::pow(expected.data<float>()[i], 2);
  }
  return std::sqrt(difference / size);
}

/// A small network of every kind of layer that narrow numbers reach.
inline Sketch network() {
  Sketch s;
  const graph::Var x = s.input({1, 3, 32, 32});
  const graph::Var a = graph::relu(s.batch_norm(graph::conv(x, s.weight({32, 3, 3, 3}), {}, {2}, {1}, {})));
  const graph::Var b = graph::relu(graph::conv(a, s.weight({32, 1, 3, 3}), s.weight({32}), {}, {1}, {}, 32));
  const graph::Var c = graph::relu(s.batch_norm(graph::conv(b, s.weight({32, 32, 1, 1}, 0.1F), {}, {}, {}, {})) + a);
  const graph::Var pooled = graph::reshape(graph::adaptive_avg_pool(c, {1, 1}), {1, 32});
  const graph::Var y = graph::linear(pooled, s.weight({20, 32}), s.weight({20}));
  s.graph.set_outputs(std::span(&y, 1));
  return s;
}

/// Fast kernels in both efforts and with one and two threads agree with the reference.
inline void expect_agreement(Sketch& sketch, std::vector<graph::Var> outputs, double tolerance = 2e-6) {
  sketch.graph.set_outputs(outputs);
  const auto expected = run(sketch, {.kernels = Kernels::reference});
  for (const Effort effort : {Effort::oneshot, Effort::steady})
    for (const int threads : {1, 2}) {
      const Plan plan = Plan::compile(sketch.graph, {.effort = effort, .threads = threads});
      const auto found = plan.run(sketch.inputs);
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t i = 0; i < found.size(); ++i)
        ASSERT_LE(difference(found[i], expected[i]), tolerance)
            << "output " << i << ", effort " << static_cast<int>(effort) << ", threads " << threads << "\n"
            << to_string(sketch.graph) << plan.describe();
    }
}

}  // namespace flambeau::plan_test
