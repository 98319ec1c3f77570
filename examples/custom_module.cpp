// A module of one's own, which the library knows nothing about, goes all the way: initial values, plans, training
// statistics, state_dict and whole-model files, prediction from an image.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include <flambeau/init.h>
#include <flambeau/layers.h>
#include <flambeau/predict.h>
#include <flambeau/vision.h>

namespace nn = flambeau::nn;
namespace graph = flambeau::graph;
using flambeau::Model;
using flambeau::Tensor;

namespace {

/// x · sigmoid(a x + b), with a and b learnt per channel. In Python: class Gate(nn.Module) of the file mine.py.
class Gate : public nn::Module {
 public:
  explicit Gate(nn::Blank) {}  // for load_model
  explicit Gate(std::int64_t channels, double start = 1) : start_(start) {
    nn::init::constant_(register_parameter("scale", nn::new_parameter({channels, 1, 1})), start);
    nn::init::zeros_(register_parameter("shift", nn::new_parameter({channels, 1, 1})));
  }

  nn::Var forward(nn::Var x) override { return x * graph::sigmoid(x * constant(x, "scale") + constant(x, "shift")); }

  void fields(nn::Fields& f) override { f("start", start_); }  // self.start, in whole-model files
  std::string extra_repr() const override { return "start=" + nn::python_repr(start_); }
  std::string_view python_module() const override { return "mine"; }
  std::string_view class_name() const override { return "Gate"; }

 private:
  nn::Number start_ = 1.0;
};

/// (N, 3, H, W) to (N, 4).
class GatedNet : public nn::Module {
 public:
  explicit GatedNet(nn::Blank) {}
  GatedNet() {
    register_module("conv", std::make_shared<nn::Conv2d>(3, 8, 3, nn::Conv2dOptions{.stride = 2, .padding = 1}));
    register_module("norm", std::make_shared<nn::BatchNorm2d>(8));
    register_module("gate", std::make_shared<Gate>(8, 1.5));
    register_module("drop", std::make_shared<nn::Dropout>(0.1));
    register_module("head", std::make_shared<nn::Linear>(8, 4));
  }

  nn::Var forward(nn::Var x) override {
    x = call("gate", call("norm", call("conv", x)));
    return call("head", call("drop", graph::mean(x, {2, 3})));
  }

  std::string_view python_module() const override { return "mine"; }
  std::string_view class_name() const override { return "GatedNet"; }
};

void check(bool holds, const char* what) {
  std::printf("%-66s %s\n", what, holds ? "yes" : "NO");
  if (!holds) throw std::runtime_error(what);
}

/// A picture with a gradient, for want of a photograph.
Tensor picture() {
  flambeau::vision::Image image(96, 128);
  for (std::int64_t y = 0; y < image.height(); ++y)
    for (std::size_t x = 0; x < image.row(y).size(); ++x)
      image.row(y)[x] = static_cast<std::uint8_t>(static_cast<std::size_t>(y) + x / 2);
  return flambeau::vision::preprocess(image, {.resize = 64, .crop = 64});
}

float apart_at_most(const Tensor& a, const Tensor& b) {
  float most = 0;
  for (std::size_t i = 0; i < a.data<float>().size(); ++i)
    most = std::max(most, std::abs(a.data<float>()[i] - b.data<float>()[i]));
  return most;
}

void run(const std::filesystem::path& folder) {
  flambeau::manual_seed(0);
  Model model(std::make_shared<GatedNet>());
  std::printf("%s\n\n", model.repr().c_str());
  const Tensor x = picture();
  model(flambeau::randn({8, 3, 64, 64}));  // train mode: BatchNorm's statistics move
  check(model.state_dict()["norm.num_batches_tracked"].item() == 1, "train mode counts its batch");

  model.eval();
  const Tensor answer = model(x);
  check(flambeau::predict::top_k(flambeau::predict::softmax(answer), 4)[0].size() == 4, "it predicts");
  const Tensor reference = model(x, {.kernels = flambeau::Kernels::reference});
  check(apart_at_most(answer, reference) < 1e-5, "fast kernels agree with the plain loops");

  // A kernel of one's own, before ours: sigmoid, one element after the other.
  const auto kernels =
      std::make_shared<const flambeau::OwnKernels>([](const flambeau::OperationView& operation) -> flambeau::OwnKernel {
        const auto* kind = std::get_if<graph::ActivationAttributes>(&operation.attributes);
        if (!kind || kind->kind != graph::Activation::sigmoid) return {};
        std::size_t count = 1;
        for (const std::int64_t size : operation.output) count *= static_cast<std::size_t>(size);
        return [count](std::span<const float* const> inputs, float* output) {
          for (std::size_t i = 0; i < count; ++i) output[i] = 1 / (1 + std::exp(-inputs[0][i]));
        };
      });
  check(apart_at_most(model(x, {.own = kernels}), answer) < 1e-5, "a kernel of one's own gives the same answer");

  const std::string weights = folder / "weights.pth", whole = folder / "whole.pth";
  flambeau::save(model.state_dict(), weights);
  Model fresh(std::make_shared<GatedNet>());
  fresh.load_state_dict(flambeau::load(weights).state_dict());
  check(fresh.eval()(x).equal(answer), "a state_dict file brings the answer back");

  flambeau::save(model, whole);  // Python loads it where mine.GatedNet exists
  const nn::ClassRow classes[] = {nn::class_row<GatedNet>("mine", "GatedNet"), nn::class_row<Gate>("mine", "Gate")};
  const Model back = flambeau::load_model(whole, {}, classes);
  check(back.repr() == model.repr() && back(x).equal(answer), "a whole-model file brings the model back");
  check(flambeau::load_model(whole).state_dict().size() == model.state_dict().size(),
        "without the classes its weights are still read");
}

}  // namespace

int main() {
  std::string name = (std::filesystem::temp_directory_path() / "flambeau-custom-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return 2;
  int status = 0;
  try {
    run(name);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "custom_module: %s\n", error.what());
    status = 1;
  }
  std::filesystem::remove_all(name);
  return status;
}
