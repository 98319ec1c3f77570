#pragma once
// EfficientNet-Lite0 under the names of the package efficientnet_lite_pytorch: a network outside the library with a
// layer of its own, TensorFlow's "same" convolution.

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <flambeau/init.h>
#include <flambeau/layers.h>
#include <flambeau/vision.h>

namespace lite0 {

namespace nn = flambeau::nn;
namespace graph = flambeau::graph;

/// A convolution without bias whose output has ⌈size / stride⌉ pixels: with an odd amount of padding the extra row and
/// column stand behind.
class SameConv2d : public nn::Module {
 public:
  explicit SameConv2d(nn::Blank) {}
  SameConv2d(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1, std::int64_t groups = 1)
      : stride_(stride), groups_(groups) {
    flambeau::Tensor& weight = register_parameter("weight", nn::new_parameter({out, in / groups, kernel, kernel}));
    nn::init::kaiming_normal_(weight, 0, nn::init::FanMode::fan_out);
  }

  nn::Var forward(nn::Var x) override {
    const nn::Var weight = constant(x, "weight");
    flambeau::Shape before(2), sides;  // torch's order of sides: from the last dimension on
    bool even = true;
    for (const std::int64_t dim : {3, 2}) {
      const std::int64_t size = x.size(dim), kernel = weight.size(dim);
      const std::int64_t all = std::max<std::int64_t>((size - 1) / stride_ * stride_ + kernel - size, 0);
      before[static_cast<std::size_t>(dim - 2)] = all / 2;
      sides.insert(sides.end(), {all / 2, all - all / 2});
      even &= all % 2 == 0;
    }
    if (!even) {
      x = graph::pad(x, sides);
      before = {0, 0};
    }
    return graph::conv(x, weight, {}, {stride_, stride_}, before, {1, 1}, groups_);
  }

  void fields(nn::Fields& f) override {  // for whole-model files
    f("stride", stride_);
    f("groups", groups_);
  }
  std::string_view python_module() const override { return "lite0"; }
  std::string_view class_name() const override { return "SameConv2d"; }

 private:
  std::int64_t stride_ = 1, groups_ = 1;
};

inline std::shared_ptr<nn::BatchNorm2d> batch_norm(std::int64_t channels) {
  return std::make_shared<nn::BatchNorm2d>(channels, nn::BatchNormOptions{.eps = 1e-3, .momentum = 0.01});
}
inline nn::Var relu6(nn::Var x) { return graph::activation(x, graph::Activation::relu6); }

/// Inverted residual without squeeze-and-excitation.
class MBConvBlock : public nn::Module {
 public:
  explicit MBConvBlock(nn::Blank) {}
  MBConvBlock(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t expansion)
      : skips_(stride == 1 && in == out) {
    const std::int64_t wide = in * expansion;
    if (expansion > 1) {
      register_module("_expand_conv", std::make_shared<SameConv2d>(in, wide, 1));
      register_module("_bn0", batch_norm(wide));
    }
    register_module("_depthwise_conv", std::make_shared<SameConv2d>(wide, wide, kernel, stride, wide));
    register_module("_bn1", batch_norm(wide));
    register_module("_project_conv", std::make_shared<SameConv2d>(wide, out, 1));
    register_module("_bn2", batch_norm(out));
  }

  nn::Var forward(nn::Var x) override {
    nn::Var y = child("_expand_conv") ? relu6(call("_bn0", call("_expand_conv", x))) : x;
    y = relu6(call("_bn1", call("_depthwise_conv", y)));
    y = call("_bn2", call("_project_conv", y));
    return skips_ ? y + x : y;
  }

  void fields(nn::Fields& f) override { f("id_skip", skips_); }
  std::string_view python_module() const override { return "lite0"; }
  std::string_view class_name() const override { return "MBConvBlock"; }

 private:
  bool skips_ = false;
};

/// (N, 3, 224, 224) to (N, 1000).
class EfficientNetLite0 : public nn::Module {
 public:
  explicit EfficientNetLite0(nn::Blank) {}
  explicit EfficientNetLite0(std::int64_t num_classes = 1000) {
    struct Stage {
      int repeats;
      std::int64_t kernel, stride, expansion, out;
    };
    constexpr Stage stages[] = {{1, 3, 1, 1, 16},  {2, 3, 2, 6, 24},  {2, 5, 2, 6, 40}, {3, 3, 2, 6, 80},
                                {3, 5, 1, 6, 112}, {4, 5, 2, 6, 192}, {1, 3, 1, 6, 320}};
    register_module("_conv_stem", std::make_shared<SameConv2d>(3, 32, 3, 2));
    register_module("_bn0", batch_norm(32));
    const auto blocks = register_module("_blocks", std::make_shared<nn::ModuleList>());
    std::int64_t in = 32;
    for (const Stage& s : stages)
      for (int i = 0; i < s.repeats; ++i) {
        blocks->append(std::make_shared<MBConvBlock>(in, s.out, s.kernel, i == 0 ? s.stride : 1, s.expansion));
        in = s.out;
      }
    register_module("_conv_head", std::make_shared<SameConv2d>(in, 1280, 1));
    register_module("_bn1", batch_norm(1280));
    register_module("_dropout", std::make_shared<nn::Dropout>(0.2));
    register_module("_fc", std::make_shared<nn::Linear>(1280, num_classes));
  }

  nn::Var forward(nn::Var x) override {
    x = relu6(call("_bn0", call("_conv_stem", x)));
    for (const auto& block : child("_blocks")->children()) x = (*block.module)(x);
    x = relu6(call("_bn1", call("_conv_head", x)));
    x = graph::flatten(graph::adaptive_avg_pool(x, {1, 1}));
    return call("_fc", call("_dropout", x));
  }

  std::string_view python_module() const override { return "lite0"; }
  std::string_view class_name() const override { return "EfficientNetLite0"; }
};

}  // namespace lite0
