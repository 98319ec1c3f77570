// MobileNetV2 (arXiv 1801.04381).
#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

ModulePtr relu6() { return layer<nn::ReLU6>(true); }

class InvertedResidual final : public Python<"torchvision.models.mobilenetv2", "InvertedResidual"> {
 public:
  explicit InvertedResidual(nn::Blank) {}
  InvertedResidual(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t expand_ratio)
      : stride_(stride), use_res_connect_(stride == 1 && in == out), out_channels_(out), is_cn_(stride > 1) {
    const auto hidden = in * expand_ratio;
    auto conv = layer<nn::Sequential>();
    if (expand_ratio != 1)
      conv->append(
          layer<Conv2dNormActivation>(in, hidden, ConvNormActivationOptions{.kernel_size = 1, .activation = relu6}));
    conv->append(layer<Conv2dNormActivation>(
        hidden, hidden, ConvNormActivationOptions{.stride = stride, .groups = hidden, .activation = relu6}));
    conv->append(layer<nn::Conv2d>(hidden, out, 1, nn::ConvOptions{.bias = false}));
    conv->append(layer<nn::BatchNorm2d>(out));
    register_module("conv", conv);
  }

  Var forward(Var x) override { return use_res_connect_ ? x + call("conv", x) : call("conv", x); }
  void fields(nn::Fields& fields) override {
    fields("stride", stride_);
    fields("use_res_connect", use_res_connect_);
    const auto conv = fields.writing() || fields.find("out_channels") ? nullptr : child("conv");
    if (conv && !conv->children().empty())  // before 0.9
      if (const auto last = std::dynamic_pointer_cast<nn::BatchNorm2d>(conv->children().back().module)) {
        out_channels_ = last->num_features;
        is_cn_ = stride_ > 1;
      }
    fields("out_channels", out_channels_);
    fields("_is_cn", is_cn_);
  }

 private:
  std::int64_t stride_ = 1;
  bool use_res_connect_ = false;
  std::int64_t out_channels_ = 0;
  bool is_cn_ = false;
};

struct Stage {
  std::int64_t expand_ratio, channels, blocks, stride;
};
constexpr Stage stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                            {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

class MobileNetV2 final : public Python<"torchvision.models.mobilenetv2", "MobileNetV2"> {
 public:
  explicit MobileNetV2(nn::Blank) {}
  explicit MobileNetV2(std::int64_t num_classes) {
    auto features = layer<nn::Sequential>();
    features->append(layer<Conv2dNormActivation>(3, 32, ConvNormActivationOptions{.stride = 2, .activation = relu6}));
    std::int64_t channels = 32;
    for (const auto& s : stages)
      for (std::int64_t i = 0; i < s.blocks; ++i) {
        features->append(layer<InvertedResidual>(channels, s.channels, i == 0 ? s.stride : 1, s.expand_ratio));
        channels = s.channels;
      }
    features->append(layer<Conv2dNormActivation>(channels, last_channel_,
                                                 ConvNormActivationOptions{.kernel_size = 1, .activation = relu6}));
    register_module("features", features);
    register_module("classifier", layer<nn::Sequential>(nn::Modules{layer<nn::Dropout>(0.2),
                                                                    layer<nn::Linear>(last_channel_, num_classes)}));
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
    x = graph::adaptive_avg_pool(call("features", x), {1, 1});
    return call("classifier", graph::flatten(x, 1));
  }
  void fields(nn::Fields& fields) override { fields("last_channel", last_channel_); }

 private:
  std::int64_t last_channel_ = 1280;
};

}  // namespace

ModulePtr make_mobilenet_v2(const Options& o) { return layer<MobileNetV2>(o.num_classes); }

std::span<const nn::ClassRow> mobilenetv2_classes() {
  constexpr std::string_view until_0_8 = "torchvision.models.mobilenet";
  static constexpr nn::ClassRow rows[] = {class_row<MobileNetV2>(), class_row<InvertedResidual>(),
                                          old_class_row<MobileNetV2>(until_0_8, "MobileNetV2"),
                                          old_class_row<InvertedResidual>(until_0_8, "InvertedResidual")};
  return rows;
}

}  // namespace flambeau::models
