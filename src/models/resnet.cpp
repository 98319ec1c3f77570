// ResNet (arXiv 1512.03385), ResNeXt (1611.05431) and Wide ResNet (1605.07146); the stride of a bottleneck is on its
// 3x3.
#include <array>

#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

struct BlockShape {
  std::int64_t in, planes, stride, groups, base_width;
};

ModulePtr conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t groups = 1) {
  return layer<nn::Conv2d>(in, out, 3,
                           nn::ConvOptions{.stride = stride, .padding = 1, .groups = groups, .bias = false});
}
ModulePtr conv1x1(std::int64_t in, std::int64_t out, std::int64_t stride = 1) {
  return layer<nn::Conv2d>(in, out, 1, nn::ConvOptions{.stride = stride, .bias = false});
}

/// What both blocks share: an optional `downsample` child (a plain None attribute without) and `stride`.
class ResidualBlock : public nn::Module {
 public:
  void fields(nn::Fields& fields) override {
    if (!child("downsample")) fields.derived("downsample", std::optional<std::int64_t>());
    fields("stride", stride_);
  }

 protected:
  Var shortcut(Var x) const { return child("downsample") ? call("downsample", x) : x; }
  void finish(const ModulePtr& downsample, std::int64_t stride) {
    if (downsample) register_module("downsample", downsample);
    stride_ = stride;
  }

 private:
  std::int64_t stride_ = 1;
};

class BasicBlock final : public Python<"torchvision.models.resnet", "BasicBlock", ResidualBlock> {
 public:
  static constexpr std::int64_t expansion = 1;
  explicit BasicBlock(nn::Blank) {}
  BasicBlock(const BlockShape& s, const ModulePtr& downsample) {
    register_module("conv1", conv3x3(s.in, s.planes, s.stride));
    register_module("bn1", layer<nn::BatchNorm2d>(s.planes));
    register_module("relu", relu());
    register_module("conv2", conv3x3(s.planes, s.planes, 1));
    register_module("bn2", layer<nn::BatchNorm2d>(s.planes));
    finish(downsample, s.stride);
  }

  Var forward(Var x) override {
    Var y = call("relu", call("bn1", call("conv1", x)));
    y = call("bn2", call("conv2", y));
    return call("relu", y + shortcut(x));
  }
};

class Bottleneck final : public Python<"torchvision.models.resnet", "Bottleneck", ResidualBlock> {
 public:
  static constexpr std::int64_t expansion = 4;
  explicit Bottleneck(nn::Blank) {}
  Bottleneck(const BlockShape& s, const ModulePtr& downsample) {
    const auto width =
        static_cast<std::int64_t>(static_cast<double>(s.planes) * (static_cast<double>(s.base_width) / 64.0)) *
        s.groups;
    register_module("conv1", conv1x1(s.in, width));
    register_module("bn1", layer<nn::BatchNorm2d>(width));
    register_module("conv2", conv3x3(width, width, s.stride, s.groups));
    register_module("bn2", layer<nn::BatchNorm2d>(width));
    register_module("conv3", conv1x1(width, s.planes * expansion));
    register_module("bn3", layer<nn::BatchNorm2d>(s.planes * expansion));
    register_module("relu", relu());
    finish(downsample, s.stride);
  }

  Var forward(Var x) override {
    Var y = call("relu", call("bn1", call("conv1", x)));
    y = call("relu", call("bn2", call("conv2", y)));
    y = call("bn3", call("conv3", y));
    return call("relu", y + shortcut(x));
  }
};

struct Widths {
  std::int64_t groups = 1, per_group = 64;
};

class ResNet final : public Python<"torchvision.models.resnet", "ResNet"> {
 public:
  explicit ResNet(nn::Blank) {}

  template <class Block>
  static std::shared_ptr<ResNet> build(const std::array<int, 4>& depths, const Options& options, Widths widths = {}) {
    auto net = std::make_shared<ResNet>(nn::Blank{});
    net->groups_ = widths.groups;
    net->base_width_ = widths.per_group;
    net->register_module("conv1",
                         layer<nn::Conv2d>(3, 64, 7, nn::ConvOptions{.stride = 2, .padding = 3, .bias = false}));
    net->register_module("bn1", layer<nn::BatchNorm2d>(64));
    net->register_module("relu", relu());
    net->register_module("maxpool", layer<nn::MaxPool2d>(3, nn::MaxPoolOptions{.stride = 2, .padding = 1}));
    for (std::size_t i = 0; i < depths.size(); ++i)
      net->register_module("layer" + std::to_string(i + 1),
                           net->stage<Block>(std::int64_t{64} << i, depths[i], i == 0 ? 1 : 2));
    net->register_module("avgpool", layer<nn::AdaptiveAvgPool2d>(nn::Size{1, 1}));
    net->register_module("fc", layer<nn::Linear>(512 * Block::expansion, options.num_classes));
    each<nn::Conv2d>(*net, [](nn::Conv2d& conv) {
      nn::init::kaiming_normal_(conv.weight(), 0, nn::init::FanMode::fan_out, "relu");
    });
    return net;
  }

  Var forward(Var x) override {
    for (const char* step : {"conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool"})
      x = call(step, x);
    return call("fc", graph::flatten(x, 1));
  }

  void fields(nn::Fields& fields) override {
    fields.callable("_norm_layer", norm_layer_, made_norm_layer_);
    fields("inplanes", inplanes_);
    fields("dilation", dilation_);
    fields("groups", groups_);
    fields("base_width", base_width_);
  }

 private:
  template <class Block>
  ModulePtr stage(std::int64_t planes, int blocks, std::int64_t stride) {
    const std::int64_t out = planes * Block::expansion;
    ModulePtr downsample;
    if (stride != 1 || inplanes_ != out)
      downsample = layer<nn::Sequential>(nn::Modules{conv1x1(inplanes_, out, stride), layer<nn::BatchNorm2d>(out)});
    auto stage = layer<nn::Sequential>();
    stage->append(layer<Block>(BlockShape{inplanes_, planes, stride, groups_, base_width_}, downsample));
    inplanes_ = out;
    for (int i = 1; i < blocks; ++i)
      stage->append(layer<Block>(BlockShape{inplanes_, planes, 1, groups_, base_width_}, nullptr));
    return stage;
  }

  nn::Global norm_layer_{"torch.nn.modules.batchnorm", "BatchNorm2d"};
  Value made_norm_layer_{};  // functools.partial of one; forward has no use for either
  std::int64_t inplanes_ = 64, dilation_ = 1, groups_ = 1, base_width_ = 64;
};

}  // namespace

ModulePtr make_resnet18(const Options& o) { return ResNet::build<BasicBlock>({2, 2, 2, 2}, o); }
ModulePtr make_resnet34(const Options& o) { return ResNet::build<BasicBlock>({3, 4, 6, 3}, o); }
ModulePtr make_resnet50(const Options& o) { return ResNet::build<Bottleneck>({3, 4, 6, 3}, o); }
ModulePtr make_resnet101(const Options& o) { return ResNet::build<Bottleneck>({3, 4, 23, 3}, o); }
ModulePtr make_resnet152(const Options& o) { return ResNet::build<Bottleneck>({3, 8, 36, 3}, o); }
ModulePtr make_resnext50_32x4d(const Options& o) { return ResNet::build<Bottleneck>({3, 4, 6, 3}, o, {32, 4}); }
ModulePtr make_resnext101_32x8d(const Options& o) { return ResNet::build<Bottleneck>({3, 4, 23, 3}, o, {32, 8}); }
ModulePtr make_resnext101_64x4d(const Options& o) { return ResNet::build<Bottleneck>({3, 4, 23, 3}, o, {64, 4}); }
ModulePtr make_wide_resnet50_2(const Options& o) { return ResNet::build<Bottleneck>({3, 4, 6, 3}, o, {1, 128}); }
ModulePtr make_wide_resnet101_2(const Options& o) { return ResNet::build<Bottleneck>({3, 4, 23, 3}, o, {1, 128}); }

std::span<const nn::ClassRow> resnet_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<ResNet>(), class_row<BasicBlock>(), class_row<Bottleneck>()};
  return rows;
}

}  // namespace flambeau::models
