#pragma once
// ResNet-20 to ResNet-110 for CIFAR-10 (arXiv 1512.03385, section 4.2), under the names of akamaster's
// pytorch_resnet_cifar10.
//
// How a network outside the library is added: classes that register their children under the checkpoint's names, and
// forward passes that record operations. Nothing else is needed for loading, running and saving it.

#include <memory>
#include <string>
#include <string_view>

#include <flambeau/error.h>
#include <flambeau/init.h>
#include <flambeau/layers.h>
#include <flambeau/vision.h>

namespace cifar {

namespace nn = flambeau::nn;
namespace graph = flambeau::graph;

/// Two 3 × 3 convolutions and a shortcut without weights ("option A"): every second pixel, zero channels around.
class BasicBlock : public nn::Module {
 public:
  explicit BasicBlock(nn::Blank) {}
  BasicBlock(std::int64_t in, std::int64_t out, std::int64_t stride) {
    const auto conv = [](std::int64_t from, std::int64_t to, std::int64_t step) {
      return std::make_shared<nn::Conv2d>(from, to, 3, nn::Conv2dOptions{.stride = step, .padding = 1, .bias = false});
    };
    register_module("conv1", conv(in, out, stride));
    register_module("bn1", std::make_shared<nn::BatchNorm2d>(out));
    register_module("conv2", conv(out, out, 1));
    register_module("bn2", std::make_shared<nn::BatchNorm2d>(out));
  }

  nn::Var forward(nn::Var x) override {
    const nn::Var y = call("bn2", call("conv2", graph::relu(call("bn1", call("conv1", x)))));
    const std::int64_t missing = y.size(1) - x.size(1);
    if (missing > 0) {
      const nn::Var halved = graph::max_pool(x, {1, 1}, {2, 2}, {0, 0}, {1, 1});  // x[:, :, ::2, ::2]
      x = graph::pad(halved, {0, 0, 0, 0, missing / 2, missing / 2});
    }
    return graph::relu(y + x);
  }

  std::string_view python_module() const override { return "resnet"; }
  std::string_view class_name() const override { return "BasicBlock"; }
};

/// (N, 3, 32, 32) to (N, 10).
class ResNet : public nn::Module {
 public:
  explicit ResNet(nn::Blank) {}
  /// `depth` is 6 n + 2: 20, 32, 44, 56, 110. Throws Error(invalid_argument) for others.
  explicit ResNet(int depth, std::int64_t num_classes = 10) {
    if (depth < 8 || depth % 6 != 2)
      throw flambeau::Error(flambeau::ErrorCode::invalid_argument,
                            "depth " + std::to_string(depth) + " is not 6 n + 2 (20, 32, 44, 56, 110)");
    register_module("conv1", std::make_shared<nn::Conv2d>(3, 16, 3, nn::Conv2dOptions{.padding = 1, .bias = false}));
    register_module("bn1", std::make_shared<nn::BatchNorm2d>(16));
    std::int64_t in = 16;
    for (int stage = 0; stage < 3; ++stage) {
      const std::int64_t out = std::int64_t{16} << stage;
      nn::Modules blocks;
      for (int i = 0; i < (depth - 2) / 6; ++i) {
        blocks.push_back(std::make_shared<BasicBlock>(in, out, stage > 0 && i == 0 ? 2 : 1));
        in = out;
      }
      register_module("layer" + std::to_string(stage + 1), std::make_shared<nn::Sequential>(blocks));
    }
    register_module("linear", std::make_shared<nn::Linear>(64, num_classes));
    for (auto& [path, module] : named_modules())
      if (path.ends_with("conv1") || path.ends_with("conv2") || path == "linear")
        nn::init::kaiming_normal_(module->parameter("weight"));
  }

  nn::Var forward(nn::Var x) override {
    x = graph::relu(call("bn1", call("conv1", x)));
    for (const char* stage : {"layer1", "layer2", "layer3"}) x = call(stage, x);
    return call("linear", graph::flatten(graph::adaptive_avg_pool(x, {1, 1})));
  }

  std::string_view python_module() const override { return "resnet"; }
  std::string_view class_name() const override { return "ResNet"; }
};

/// How the published weights were trained to see.
inline constexpr flambeau::vision::Preset preset{.resize = 32, .crop = 32};
inline constexpr std::string_view labels[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                              "dog",      "frog",       "horse", "ship", "truck"};

}  // namespace cifar
