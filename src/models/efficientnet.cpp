// EfficientNet (arXiv 1905.11946) and EfficientNetV2 (2104.00298).
#include <cmath>

#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

/// A row of the papers' tables: what a stage is made of.
struct Stage {
  bool fused;
  std::int64_t expand_ratio, kernel, stride, in, out, layers;
};

ModulePtr silu() { return layer<nn::SiLU>(true); }

/// What both blocks share: a residual around `block`.
class ResidualBlock : public nn::Module {
 public:
  Var forward(Var x) override {
    const Var y = call("block", x);
    return use_res_connect_ ? call("stochastic_depth", y) + x : y;
  }
  void fields(nn::Fields& fields) override {
    fields("use_res_connect", use_res_connect_);
    fields("out_channels", out_channels_);
  }

 protected:
  explicit ResidualBlock(nn::Blank) {}
  explicit ResidualBlock(const Stage& s) : use_res_connect_(s.stride == 1 && s.in == s.out), out_channels_(s.out) {}
  void finish(nn::Modules layers, double drop) {
    register_module("block", layer<nn::Sequential>(layers));
    register_module("stochastic_depth", layer<StochasticDepth>(drop, "row"));
  }

 private:
  bool use_res_connect_ = false;
  std::int64_t out_channels_ = 0;
};

std::int64_t expanded(const Stage& s) { return make_divisible(static_cast<double>(s.in * s.expand_ratio)); }

class MBConv final : public Python<"torchvision.models.efficientnet", "MBConv", ResidualBlock> {
 public:
  explicit MBConv(nn::Blank blank) : Python(blank) {}
  MBConv(const Stage& s, double drop, const NormLayer& norm) : Python(s) {
    const auto wide = expanded(s);
    nn::Modules block;
    if (wide != s.in)
      block.push_back(layer<Conv2dNormActivation>(
          s.in, wide, ConvNormActivationOptions{.kernel_size = 1, .norm = norm, .activation = silu}));
    block.push_back(layer<Conv2dNormActivation>(
        wide, wide,
        ConvNormActivationOptions{
            .kernel_size = s.kernel, .stride = s.stride, .groups = wide, .norm = norm, .activation = silu}));
    block.push_back(
        layer<SqueezeExcitation>(wide, std::max<std::int64_t>(1, s.in / 4), silu, [] { return layer<nn::Sigmoid>(); }));
    block.push_back(layer<Conv2dNormActivation>(
        wide, s.out, ConvNormActivationOptions{.kernel_size = 1, .norm = norm, .activation = nullptr}));
    finish(std::move(block), drop);
  }
};

class FusedMBConv final : public Python<"torchvision.models.efficientnet", "FusedMBConv", ResidualBlock> {
 public:
  explicit FusedMBConv(nn::Blank blank) : Python(blank) {}
  FusedMBConv(const Stage& s, double drop, const NormLayer& norm) : Python(s) {
    const auto wide = expanded(s);
    nn::Modules block;
    block.push_back(layer<Conv2dNormActivation>(
        s.in, wide == s.in ? s.out : wide,
        ConvNormActivationOptions{.kernel_size = s.kernel, .stride = s.stride, .norm = norm, .activation = silu}));
    if (wide != s.in)
      block.push_back(layer<Conv2dNormActivation>(
          wide, s.out, ConvNormActivationOptions{.kernel_size = 1, .norm = norm, .activation = nullptr}));
    finish(std::move(block), drop);
  }
};

struct Variant {
  std::vector<Stage> stages;
  double dropout;
  std::int64_t last_channel;  // 0: four times the last stage
  NormLayer norm;
};

class EfficientNet final : public Python<"torchvision.models.efficientnet", "EfficientNet"> {
 public:
  explicit EfficientNet(nn::Blank) {}
  EfficientNet(const Variant& v, std::int64_t num_classes) {
    auto features = layer<nn::Sequential>();
    features->append(layer<Conv2dNormActivation>(
        3, v.stages.front().in, ConvNormActivationOptions{.stride = 2, .norm = v.norm, .activation = silu}));
    std::int64_t total = 0, done = 0;
    for (const Stage& s : v.stages) total += s.layers;
    for (const Stage& row : v.stages) {
      auto blocks = layer<nn::Sequential>();
      for (Stage s = row; blocks->size() < static_cast<std::size_t>(row.layers); s.in = s.out, s.stride = 1) {
        const double drop = 0.2 * static_cast<double>(done++) / static_cast<double>(total);
        blocks->append(s.fused ? ModulePtr(layer<FusedMBConv>(s, drop, v.norm)) : layer<MBConv>(s, drop, v.norm));
      }
      features->append(blocks);
    }
    const auto narrow = v.stages.back().out;
    const auto wide = v.last_channel ? v.last_channel : 4 * narrow;
    features->append(layer<Conv2dNormActivation>(
        narrow, wide, ConvNormActivationOptions{.kernel_size = 1, .norm = v.norm, .activation = silu}));
    register_module("features", features);
    register_module("avgpool", layer<nn::AdaptiveAvgPool2d>(1));
    register_module("classifier", layer<nn::Sequential>(
                                      nn::Modules{layer<nn::Dropout>(v.dropout, nn::DropoutOptions{.inplace = true}),
                                                  layer<nn::Linear>(wide, num_classes)}));
    each<nn::Module>(*this, [](nn::Module& m) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(&m)) {
        nn::init::kaiming_normal_(conv->weight(), 0, nn::init::FanMode::fan_out);
        zero_bias(*conv);
      } else if (auto* linear = dynamic_cast<nn::Linear*>(&m)) {
        const double range = 1.0 / std::sqrt(static_cast<double>(linear->out_features));
        nn::init::uniform_(linear->weight(), -range, range);
        zero_bias(*linear);
      }
    });
  }

  Var forward(Var x) override {
    x = call("avgpool", call("features", x));
    return call("classifier", graph::flatten(x, 1));
  }
};

ModulePtr v1(double width, double depth, double dropout, const NormLayer& norm, const Options& o) {
  std::vector<Stage> stages = {{false, 1, 3, 1, 32, 16, 1},  {false, 6, 3, 2, 16, 24, 2},
                               {false, 6, 5, 2, 24, 40, 2},  {false, 6, 3, 2, 40, 80, 3},
                               {false, 6, 5, 1, 80, 112, 3}, {false, 6, 5, 2, 112, 192, 4},
                               {false, 6, 3, 1, 192, 320, 1}};
  for (Stage& s : stages) {
    s.in = make_divisible(static_cast<double>(s.in) * width);
    s.out = make_divisible(static_cast<double>(s.out) * width);
    s.layers = static_cast<std::int64_t>(std::ceil(static_cast<double>(s.layers) * depth));
  }
  return layer<EfficientNet>(Variant{stages, dropout, 0, norm}, o.num_classes);
}

ModulePtr v2(std::vector<Stage> stages, double dropout, const Options& o) {
  return layer<EfficientNet>(Variant{std::move(stages), dropout, 1280, batch_norm({.eps = 0.001})}, o.num_classes);
}

const NormLayer slow_norm = batch_norm({.eps = 0.001, .momentum = 0.01});

}  // namespace

ModulePtr make_efficientnet_b0(const Options& o) { return v1(1.0, 1.0, 0.2, batch_norm(), o); }
ModulePtr make_efficientnet_b1(const Options& o) { return v1(1.0, 1.1, 0.2, batch_norm(), o); }
ModulePtr make_efficientnet_b2(const Options& o) { return v1(1.1, 1.2, 0.3, batch_norm(), o); }
ModulePtr make_efficientnet_b3(const Options& o) { return v1(1.2, 1.4, 0.3, batch_norm(), o); }
ModulePtr make_efficientnet_b4(const Options& o) { return v1(1.4, 1.8, 0.4, batch_norm(), o); }
ModulePtr make_efficientnet_b5(const Options& o) { return v1(1.6, 2.2, 0.4, slow_norm, o); }
ModulePtr make_efficientnet_b6(const Options& o) { return v1(1.8, 2.6, 0.5, slow_norm, o); }
ModulePtr make_efficientnet_b7(const Options& o) { return v1(2.0, 3.1, 0.5, slow_norm, o); }
ModulePtr make_efficientnet_v2_s(const Options& o) {
  return v2({{true, 1, 3, 1, 24, 24, 2},
             {true, 4, 3, 2, 24, 48, 4},
             {true, 4, 3, 2, 48, 64, 4},
             {false, 4, 3, 2, 64, 128, 6},
             {false, 6, 3, 1, 128, 160, 9},
             {false, 6, 3, 2, 160, 256, 15}},
            0.2, o);
}
ModulePtr make_efficientnet_v2_m(const Options& o) {
  return v2({{true, 1, 3, 1, 24, 24, 3},
             {true, 4, 3, 2, 24, 48, 5},
             {true, 4, 3, 2, 48, 80, 5},
             {false, 4, 3, 2, 80, 160, 7},
             {false, 6, 3, 1, 160, 176, 14},
             {false, 6, 3, 2, 176, 304, 18},
             {false, 6, 3, 1, 304, 512, 5}},
            0.3, o);
}
ModulePtr make_efficientnet_v2_l(const Options& o) {
  return v2({{true, 1, 3, 1, 32, 32, 4},
             {true, 4, 3, 2, 32, 64, 7},
             {true, 4, 3, 2, 64, 96, 7},
             {false, 4, 3, 2, 96, 192, 10},
             {false, 6, 3, 1, 192, 224, 19},
             {false, 6, 3, 2, 224, 384, 25},
             {false, 6, 3, 1, 384, 640, 7}},
            0.4, o);
}

std::span<const nn::ClassRow> efficientnet_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<EfficientNet>(), class_row<MBConv>(), class_row<FusedMBConv>()};
  return rows;
}

}  // namespace flambeau::models
