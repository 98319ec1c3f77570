// MobileNetV3 (arXiv 1905.02244).
#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

enum class Act : std::uint8_t { RE, HS };

/// A row of the paper's tables 1 and 2.
struct Row {
  std::int64_t in, kernel, expanded, out;
  bool squeeze_excite;
  Act act;
  std::int64_t stride;
};

constexpr auto RE = Act::RE, HS = Act::HS;
constexpr Row large[] = {
    {16, 3, 16, 16, false, RE, 1},   {16, 3, 64, 24, false, RE, 2},   {24, 3, 72, 24, false, RE, 1},
    {24, 5, 72, 40, true, RE, 2},    {40, 5, 120, 40, true, RE, 1},   {40, 5, 120, 40, true, RE, 1},
    {40, 3, 240, 80, false, HS, 2},  {80, 3, 200, 80, false, HS, 1},  {80, 3, 184, 80, false, HS, 1},
    {80, 3, 184, 80, false, HS, 1},  {80, 3, 480, 112, true, HS, 1},  {112, 3, 672, 112, true, HS, 1},
    {112, 5, 672, 160, true, HS, 2}, {160, 5, 960, 160, true, HS, 1}, {160, 5, 960, 160, true, HS, 1},
};
constexpr Row small[] = {
    {16, 3, 16, 16, true, RE, 2},  {16, 3, 72, 24, false, RE, 2}, {24, 3, 88, 24, false, RE, 1},
    {24, 5, 96, 40, true, HS, 2},  {40, 5, 240, 40, true, HS, 1}, {40, 5, 240, 40, true, HS, 1},
    {40, 5, 120, 48, true, HS, 1}, {48, 5, 144, 48, true, HS, 1}, {48, 5, 288, 96, true, HS, 2},
    {96, 5, 576, 96, true, HS, 1}, {96, 5, 576, 96, true, HS, 1},
};

ModulePtr hardswish() { return layer<nn::Hardswish>(true); }
NormLayer norm() { return batch_norm({.eps = 0.001, .momentum = 0.01}); }

class InvertedResidual final : public Python<"torchvision.models.mobilenetv3", "InvertedResidual"> {
 public:
  explicit InvertedResidual(nn::Blank) {}
  explicit InvertedResidual(const Row& r)
      : use_res_connect_(r.stride == 1 && r.in == r.out), out_channels_(r.out), is_cn_(r.stride > 1) {
    const ActivationLayer activation = r.act == Act::HS ? hardswish : relu;
    auto block = layer<nn::Sequential>();
    if (r.expanded != r.in)
      block->append(layer<Conv2dNormActivation>(
          r.in, r.expanded, ConvNormActivationOptions{.kernel_size = 1, .norm = norm(), .activation = activation}));
    block->append(layer<Conv2dNormActivation>(r.expanded, r.expanded,
                                              ConvNormActivationOptions{.kernel_size = r.kernel,
                                                                        .stride = r.stride,
                                                                        .groups = r.expanded,
                                                                        .norm = norm(),
                                                                        .activation = activation}));
    if (r.squeeze_excite) {
      const std::int64_t quarter = r.expanded / 4;  // torchvision's integer division
      block->append(layer<SqueezeExcitation>(
          r.expanded, make_divisible(static_cast<double>(quarter)), [] { return layer<nn::ReLU>(); },
          [] { return layer<nn::Hardsigmoid>(); }));
    }
    block->append(layer<Conv2dNormActivation>(
        r.expanded, r.out, ConvNormActivationOptions{.kernel_size = 1, .norm = norm(), .activation = nullptr}));
    register_module("block", block);
  }

  Var forward(Var x) override { return use_res_connect_ ? call("block", x) + x : call("block", x); }
  void fields(nn::Fields& fields) override {
    fields("use_res_connect", use_res_connect_);
    fields("out_channels", out_channels_);
    fields("_is_cn", is_cn_);
  }

 private:
  bool use_res_connect_ = false;
  std::int64_t out_channels_ = 0;
  bool is_cn_ = false;
};

class MobileNetV3 final : public Python<"torchvision.models.mobilenetv3", "MobileNetV3"> {
 public:
  explicit MobileNetV3(nn::Blank) {}
  MobileNetV3(std::span<const Row> rows, std::int64_t last_channel, std::int64_t num_classes) {
    auto features = layer<nn::Sequential>();
    features->append(layer<Conv2dNormActivation>(
        3, rows.front().in, ConvNormActivationOptions{.stride = 2, .norm = norm(), .activation = hardswish}));
    for (const Row& row : rows) features->append(layer<InvertedResidual>(row));
    const auto channels = rows.back().out, wide = 6 * channels;
    features->append(layer<Conv2dNormActivation>(
        channels, wide, ConvNormActivationOptions{.kernel_size = 1, .norm = norm(), .activation = hardswish}));
    register_module("features", features);
    register_module("avgpool", layer<nn::AdaptiveAvgPool2d>(1));
    register_module("classifier",
                    layer<nn::Sequential>(nn::Modules{layer<nn::Linear>(wide, last_channel), hardswish(),
                                                      layer<nn::Dropout>(0.2, nn::DropoutOptions{.inplace = true}),
                                                      layer<nn::Linear>(last_channel, num_classes)}));
    each<nn::Module>(*this, [](nn::Module& m) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(&m)) {
        nn::init::kaiming_normal_(conv->weight(), 0, nn::init::FanMode::fan_out);
        zero_bias(*conv);
      } else if (auto* linear = dynamic_cast<nn::Linear*>(&m)) {
        nn::init::normal_(linear->weight(), 0, 0.01);
        zero_bias(*linear);
      }
    });
  }

  Var forward(Var x) override {
    x = call("avgpool", call("features", x));
    return call("classifier", graph::flatten(x, 1));
  }
};

}  // namespace

ModulePtr make_mobilenet_v3_large(const Options& o) { return layer<MobileNetV3>(large, 1280, o.num_classes); }
ModulePtr make_mobilenet_v3_small(const Options& o) { return layer<MobileNetV3>(small, 1024, o.num_classes); }

std::span<const nn::ClassRow> mobilenetv3_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<MobileNetV3>(), class_row<InvertedResidual>()};
  return rows;
}

}  // namespace flambeau::models
