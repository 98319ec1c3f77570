// A network that diverged says so: NaN and infinity reach the outputs as they do in the reference kernels, and in
// torch.
#include <gmock/gmock.h>

#include <limits>
#include <thread>

#include "plan/compare.h"
#include "plan/parallel.h"

namespace flambeau {
namespace {

namespace g = graph;
using g::Activation;
using g::Var;
using plan_test::random_tensor;
using plan_test::Sketch;

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();

constexpr Activation activations[] = {Activation::relu,        Activation::relu6, Activation::hardtanh,
                                      Activation::hardsigmoid, Activation::clamp, Activation::leaky_relu,
                                      Activation::silu};

/// Every kind of product with an activation behind it, one output each.
std::vector<Var> products(Sketch& s, Activation kind) {
  const auto act = [&](Var x) { return g::activation(x, kind, kind == Activation::leaky_relu ? 0.1 : -1, 1); };
  const Var x = s.input({2, 32, 15, 15});
  const Var y = g::conv(x, s.weight({32, 32, 3, 3}), s.weight({32}), {}, {1}, {});
  return {act(y),
          act(g::conv(x, s.weight({48, 32, 1, 1}), {}, {}, {}, {})),
          act(g::conv(x, s.weight({32, 1, 3, 3}), {}, {}, {1}, {}, 32)),
          act(g::conv(x, s.weight({32, 16, 3, 3}), {}, {2}, {1}, {}, 2)),
          act(s.batch_norm(g::conv(x, s.weight({32, 32, 3, 3}), {}, {}, {1}, {})) + x),
          act(g::linear(g::mean(x, {2, 3}), s.weight({40, 32}), s.weight({40})))};
}

std::vector<Var> pools(Sketch& s) {
  const Var x = s.input({2, 32, 16, 16});
  return {g::max_pool(x, {2}, {}, {}, {}), g::max_pool(x, {3}, {2}, {1}, {}), g::max_pool(x, {3}, {1}, {1}, {}, true),
          g::adaptive_max_pool(x, {4})};
}

void expect_same_nan(const Sketch& s, PlanOptions options) {
  options.kernels = Kernels::reference;
  const std::vector<Tensor> expected = plan_test::run(s, options);
  options.kernels = Kernels::fast;
  const Plan plan = Plan::compile(s.graph, options);
  for (int round = 0; round < 2; ++round) {
    const std::vector<Tensor> found = plan.run(s.inputs);
    for (std::size_t i = 0; i < found.size(); ++i) {
      int wrong = 0;
      for (std::size_t k = 0; k < found[i].data<float>().size(); ++k)
        wrong += std::isnan(found[i].data<float>()[k]) != std::isnan(expected[i].data<float>()[k]);
      EXPECT_EQ(wrong, 0) << "output " << i << " in round " << round;
    }
  }
}

void set_outputs(Sketch& s, const std::vector<Var>& outputs) { s.graph.set_outputs(outputs); }

TEST(NotFinite, InTheInputReachesTheOutputs) {
  for (const Activation kind : activations)
    for (const Effort effort : {Effort::steady, Effort::oneshot})
      for (const int threads : {1, 2})
        for (const float value : {nan, inf}) {
          if (kind == Activation::silu && value == inf) continue;  // silu(-inf): -0 for the limit that it is
          SCOPED_TRACE(std::string(name(kind)) + " " + std::to_string(value));
          Sketch s;
          set_outputs(s, products(s, kind));
          s.inputs[0].mutable_data<float>()[777] = value;
          expect_same_nan(s, {.effort = effort, .threads = threads});
        }
}

TEST(NotFinite, InTheInputReachesThePooled) {
  Sketch s;
  set_outputs(s, pools(s));
  s.inputs[0].mutable_data<float>()[777] = nan;
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8})
    expect_same_nan(s, {.precision = precision});
}

TEST(NotFinite, InAWeightReachesTheOutputs) {
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) {
    Sketch s;
    const Var x = s.input({1, 16, 20, 20});
    Tensor bad = random_tensor({16, 16, 3, 3}, 7);
    bad.mutable_data<float>()[100] = nan;
    Var y = g::relu(g::conv(x, s.graph.constant(bad), {}, {}, {1}, {}));
    y = g::relu(g::conv(g::max_pool(y, {2}, {}, {}, {}), s.weight({16, 16, 3, 3}), {}, {}, {1}, {}));
    set_outputs(s, {g::linear(g::flatten(g::adaptive_avg_pool(y, {1})), s.weight({10, 16}), {})});
    expect_same_nan(s, {.precision = precision});
  }
}

TEST(NotFinite, VarianceBelowZeroIsNotANumber) {
  Sketch s;
  const Var x = s.input({1, 16, 8, 8});
  const Tensor negative = Tensor::uninitialized({16});
  std::ranges::fill(const_cast<Tensor&>(negative).mutable_data<float>(), -2.0F);
  const Var y = g::conv(x, s.weight({16, 16, 3, 3}), {}, {}, {1}, {});
  set_outputs(s, {g::relu(g::batch_norm(y, s.weight({16}), s.graph.constant(negative), {}, {}, 1e-5))});
  expect_same_nan(s, {});
}

TEST(NotFinite, NumbersAreNotTakenForIt) {
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8})
    for (const Effort effort : {Effort::steady, Effort::oneshot}) {
      Sketch s;
      std::vector<Var> outputs = products(s, Activation::relu), pooled = pools(s);
      outputs.insert(outputs.end(), pooled.begin(), pooled.end());
      const Var tokens = s.input({2, 197, 64});  // no whole vectors of keys, after integers in the same memory
      const Var q = g::linear(tokens, s.weight({70, 64}), {});
      outputs.push_back(g::attention(q, q, q, {}, 0.1));
      set_outputs(s, outputs);
      const Plan plan = Plan::compile(s.graph, {.effort = effort, .precision = precision});
      for (int round = 0; round < 3; ++round) plan.run(s.inputs);
      EXPECT_FALSE(plan.met_nan()) << static_cast<int>(precision);
    }
}

TEST(NotFinite, IsSeenBySeveralThreadsOfOnePlan) {
  Sketch s;
  set_outputs(s, products(s, Activation::relu));
  const Plan plan = Plan::compile(s.graph, {.threads = 1});
  std::vector<Tensor> broken = s.inputs;
  broken[0] = broken[0].clone();
  broken[0].mutable_data<float>()[777] = nan;
  const auto count = [&](const std::vector<Tensor>& inputs) {
    const auto outputs = plan.run(inputs);
    return std::ranges::count_if(outputs[0].data<float>(), [](float v) { return std::isnan(v); });
  };
  std::ptrdiff_t clean = 0, lost = 0;
  std::thread other([&] {
    for (int i = 0; i < 50; ++i) clean += count(s.inputs);
  });
  for (int i = 0; i < 50; ++i) lost += count(broken) == 0;
  other.join();
  EXPECT_EQ(clean, 0);
  EXPECT_EQ(lost, 0);
}

#if defined(__x86_64__)
TEST(ThreadScope, TellsWhetherANanWasMet) {
  volatile float number = 1, none = 0;
  const auto met = [&](int where, float with) {
    number = 1;
    plan::ThreadScope scope(2);
    plan::parallel_slots(2, [&](std::int64_t, std::int64_t i) {
      if (i == where) number = std::max(with, static_cast<float>(number));
    });
    return scope.end();
  };
  EXPECT_FALSE(met(0, 2));
  EXPECT_TRUE(met(0, nan));
  EXPECT_TRUE(met(1, nan));
  EXPECT_FALSE(met(1, inf));
  number = none / none;  // the caller's own business
  EXPECT_FALSE(met(1, 3));
}
#endif

}  // namespace
}  // namespace flambeau
