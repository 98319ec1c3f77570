// Every operation against the results of PyTorch 2.13, with the reference kernels and with the fast ones.
#include <flambeau/plan.h>

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <ostream>

#include "plan/golden.h"

namespace flambeau {
namespace {

namespace g = graph;
using g::Activation;
using g::Var;

/// The tensors of one golden case in a graph: names given to `input` become inputs, the others constants.
class Recorder {
 public:
  explicit Recorder(std::string name) : name_(std::move(name)) {}
  Var input(const std::string& key) {
    inputs_.push_back(tensor(key));
    return graph_.input(inputs_.back().shape(), inputs_.back().dtype());
  }
  Var constant(const std::string& key) { return graph_.constant(tensor(key).clone()); }
  const Tensor& tensor(const std::string& key) const { return plan_test::golden().at(name_ + "/" + key); }

  /// Runs the graph and compares the result with golden tensor `key`.
  void check(const Var& y, const std::string& key, Kernels kernels, double tolerance = 2e-6) {
    graph_.set_outputs(std::span(&y, 1));
    const Plan plan = Plan::compile(graph_, {.kernels = kernels, .threads = 2});
    const Tensor found = plan.run(inputs_).front();
    const Tensor& expected = tensor(key);
    ASSERT_EQ(found.shape(), expected.shape()) << name_ << "/" << key;
    for (std::size_t i = 0; i < static_cast<std::size_t>(expected.numel()); ++i) {
      const double e = expected.data<float>()[i], f = found.data<float>()[i];
      ASSERT_NEAR(f, e, tolerance * std::max(1.0, std::abs(e))) << name_ << "/" << key << " element " << i;
    }
  }

 private:
  std::string name_;
  g::Graph graph_{};
  std::vector<Tensor> inputs_{};
};

struct Case {
  const char* name;
  std::function<Var(Recorder&)> record;
};
void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }

const Case cases[] = {
    {"conv2d",
     [](Recorder& r) {
       return g::conv(r.input("x"), r.constant("w"), r.constant("b"), {2, 1}, {1, 2}, {1, 2}, 2);
     }},
    {"conv1d", [](Recorder& r) { return g::conv(r.input("x"), r.constant("w"), {}, {2}, {1}, {}); }},
    {"conv3d",
     [](Recorder& r) {
       return g::conv(r.input("x"), r.constant("w"), r.constant("b"), {1}, {0, 1, 0}, {});
     }},
    {"conv_transpose2d",
     [](Recorder& r) {
       return g::conv_transpose(r.input("x"), r.constant("w"), r.constant("b"), {2, 3}, {1, 0}, {1, 2}, {2, 1}, 2);
     }},
    {"linear", [](Recorder& r) { return g::linear(r.input("x"), r.constant("w"), r.constant("b")); }},
    {"matmul", [](Recorder& r) { return g::matmul(r.input("a"), r.input("b")); }},
    {"embedding", [](Recorder& r) { return g::embedding(r.input("i"), r.constant("w")); }},
    {"attention", [](Recorder& r) { return g::attention(r.input("q"), r.input("k"), r.input("v"), {}, 0.3); }},
    {"attention_mask",
     [](Recorder& r) { return g::attention(r.input("q"), r.input("k"), r.input("v"), r.constant("m"), 0.5); }},
    {"batch_norm",
     [](Recorder& r) {
       return g::batch_norm(r.input("x"), r.constant("mean"), r.constant("var"), r.constant("w"), r.constant("b"),
                            1e-3);
     }},
    {"layer_norm",
     [](Recorder& r) {
       return g::layer_norm(r.input("x"), {4, 5}, r.constant("w"), r.constant("b"), 1e-6);
     }},
    {"group_norm", [](Recorder& r) { return g::group_norm(r.input("x"), 3, r.constant("w"), r.constant("b"), 1e-5); }},
    {"local_response_norm", [](Recorder& r) { return g::local_response_norm(r.input("x"), 4, 0.2, 0.75, 1.5); }},
    {"rms_norm", [](Recorder& r) { return g::rms_norm(r.input("x"), {6}, r.constant("w"), 1e-5); }},
    {"l2_normalize", [](Recorder& r) { return g::l2_normalize(r.input("x"), 1); }},
    {"softmax", [](Recorder& r) { return g::softmax(r.input("x"), 1); }},
    {"log_softmax", [](Recorder& r) { return g::log_softmax(r.input("x"), -1); }},
    {"max_pool",
     [](Recorder& r) {
       return g::max_pool(r.input("x"), {3, 2}, {2}, {1}, {1, 2}, true);
     }},
    {"max_pool_ceil", [](Recorder& r) { return g::max_pool(r.input("x"), {3}, {2}, {}, {}, true); }},
    {"avg_pool",
     [](Recorder& r) {
       return g::avg_pool(r.input("x"), {3, 2}, {2}, {1}, true);
     }},
    {"avg_pool_exclude", [](Recorder& r) { return g::avg_pool(r.input("x"), {3}, {2}, {1}, true, false); }},
    {"avg_pool_divisor", [](Recorder& r) { return g::avg_pool(r.input("x"), {3}, {2}, {1}, false, true, 5); }},
    {"avg_pool1d", [](Recorder& r) { return g::avg_pool(r.input("x"), {3}, {2}, {1}); }},
    {"max_pool3d",
     [](Recorder& r) {
       return g::max_pool(r.input("x"), {2, 2, 3}, {2, 1, 2}, {1, 0, 1}, {});
     }},
    {"adaptive_avg_pool",
     [](Recorder& r) {
       return g::adaptive_avg_pool(r.input("x"), {3, 4});
     }},
    {"adaptive_max_pool",
     [](Recorder& r) {
       return g::adaptive_max_pool(r.input("x"), {4, 1});
     }},
    {"nearest",
     [](Recorder& r) {
       return g::interpolate(r.input("x"), {5, 11}, "nearest", false);
     }},
    {"bilinear",
     [](Recorder& r) {
       return g::interpolate(r.input("x"), {10, 4}, "bilinear", false);
     }},
    {"bilinear_corners",
     [](Recorder& r) {
       return g::interpolate(r.input("x"), {10, 4}, "bilinear", true);
     }},
    {"bicubic",
     [](Recorder& r) {
       return g::interpolate(r.input("x"), {10, 4}, "bicubic", false);
     }},
    {"bicubic_corners",
     [](Recorder& r) {
       return g::interpolate(r.input("x"), {3, 9}, "bicubic", true);
     }},
    {"linear_resize", [](Recorder& r) { return g::interpolate(r.input("x"), {14}, "linear", false); }},
    {"trilinear",
     [](Recorder& r) {
       return g::interpolate(r.input("x"), {3, 6, 7}, "trilinear", false);
     }},
    {"prelu", [](Recorder& r) { return g::prelu(r.input("x"), r.constant("w")); }},
    {"cat",
     [](Recorder& r) {
       const Var parts[] = {r.input("a"), r.input("b")};
       return g::cat(parts, 1);
     }},
    {"reshape",
     [](Recorder& r) {
       return g::reshape(r.input("x"), {4, -1});
     }},
    {"permute",
     [](Recorder& r) {
       return g::permute(r.input("x"), {2, 0, 1});
     }},
    {"narrow", [](Recorder& r) { return g::narrow(r.input("x"), 1, 1, 2); }},
    {"roll",
     [](Recorder& r) {
       return g::roll(r.input("x"), {1, -2}, {1, 2});
     }},
    {"mean",
     [](Recorder& r) {
       return g::mean(r.input("x"), {0, 2});
     }},
    {"mean_keepdim",
     [](Recorder& r) {
       return g::mean(r.input("x"), {1, 2}, true);
     }},
    {"pad_constant",
     [](Recorder& r) {
       return g::pad(r.input("x"), {1, -1, 2, 0}, "constant", 0.5);
     }},
    {"pad_reflect",
     [](Recorder& r) {
       return g::pad(r.input("x"), {2, 1, 3, 0}, "reflect");
     }},
    {"pad_replicate",
     [](Recorder& r) {
       return g::pad(r.input("x"), {2, 1, 0, 5}, "replicate");
     }},
    {"pad_circular",
     [](Recorder& r) {
       return g::pad(r.input("x"), {2, 1, 3, 4}, "circular");
     }},
};

class TorchAgreement : public testing::TestWithParam<Case> {};

TEST_P(TorchAgreement, Reference) {
  Recorder recorder(GetParam().name);
  recorder.check(GetParam().record(recorder), "y", Kernels::reference);
}

TEST_P(TorchAgreement, Fast) {
  Recorder recorder(GetParam().name);
  recorder.check(GetParam().record(recorder), "y", Kernels::fast, 5e-6);
}

INSTANTIATE_TEST_SUITE_P(Operations, TorchAgreement, testing::ValuesIn(cases),
                         [](const auto& test) { return std::string(test.param.name); });

struct ActivationCase {
  Activation kind;
  double a = 0, b = 0;
};

const ActivationCase activations[] = {
    {Activation::relu},
    {Activation::relu6},
    {Activation::sigmoid},
    {Activation::tanh},
    {Activation::silu},
    {Activation::gelu},
    {Activation::gelu_tanh},
    {Activation::hardswish},
    {Activation::hardsigmoid},
    {Activation::softsign},
    {Activation::mish},
    {Activation::log_sigmoid},
    {Activation::tanhshrink},
    {Activation::exp},
    {Activation::abs},
    {Activation::neg},
    {Activation::selu},
    {Activation::hardtanh, -0.7, 1.3},
    {Activation::elu, 0.7},
    {Activation::leaky_relu, 0.2},
    {Activation::celu, 1.4},
    {Activation::hardshrink, 0.5},
    {Activation::softplus, 0.8, 15},
    {Activation::softshrink, 0.4},
    {Activation::threshold, 0.5, -2.5},
    {Activation::clamp, -1.5, 0.25},
};

TEST(TorchAgreement, Activations) {
  for (const Kernels kernels : {Kernels::reference, Kernels::fast})
    for (const ActivationCase& c : activations) {
      Recorder recorder("activation");
      recorder.check(g::activation(recorder.input("x"), c.kind, c.a, c.b), std::string(g::name(c.kind)), kernels, 4e-6);
    }
}

TEST(TorchAgreement, SquareRootAndPower) {
  for (const Kernels kernels : {Kernels::reference, Kernels::fast}) {
    Recorder recorder("activation");
    const Var positive = g::activation(recorder.input("x"), Activation::abs);
    recorder.check(g::activation(positive, Activation::sqrt), "sqrt", kernels);
    recorder.check(g::activation(positive, Activation::pow, 1.7), "pow", kernels);
  }
}

TEST(TorchAgreement, Binary) {
  for (const Kernels kernels : {Kernels::reference, Kernels::fast})
    for (const auto& [key, function] :
         std::map<std::string, Var (*)(Var, Var)>{{"add", g::add}, {"sub", g::sub}, {"mul", g::mul}, {"div", g::div}}) {
      Recorder recorder("binary");
      const Var a = recorder.input("a"), b = recorder.input("b");
      recorder.check(function(a, b), key, kernels);
    }
}

TEST(TorchAgreement, BatchNormTrainingUpdatesTheStatistics) {
  for (const Kernels kernels : {Kernels::reference, Kernels::fast}) {
    Recorder recorder("batch_norm_train");
    const Var x = recorder.input("x"), mean = recorder.constant("mean"), variance = recorder.constant("var");
    const Var y = g::batch_norm(x, mean, variance, recorder.constant("w"), recorder.constant("b"), 1e-5, true, 0.3);
    recorder.check(y, "y", kernels);
    const g::Graph& graph = x.graph();
    for (const auto& [var, key] : {std::pair{mean, "mean2"}, std::pair{variance, "var2"}})
      for (std::size_t i = 0; i < 4; ++i)
        EXPECT_NEAR(graph[var.id()].constant.data<float>()[i], recorder.tensor(key).data<float>()[i], 1e-6) << key;
  }
}

}  // namespace
}  // namespace flambeau
