// RegNet (arXiv 2003.13678). Widths and depths are resolved: Python computes them in float32 tensors.
#include <array>
#include <cmath>

#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

struct Variant {
  std::array<std::int64_t, 4> depths, widths, group_widths;
  bool squeeze_excite;
};

using SimpleStemIN = Python<"torchvision.models.regnet", "SimpleStemIN", ConvNormActivation>;

class BottleneckTransform final : public Python<"torchvision.models.regnet", "BottleneckTransform", nn::Sequential> {
 public:
  explicit BottleneckTransform(nn::Blank blank) : Python(blank) {}
  BottleneckTransform(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t group_width, bool se)
      : Python(nn::Blank{}) {
    add_module("a", layer<Conv2dNormActivation>(in, out, ConvNormActivationOptions{.kernel_size = 1}));
    add_module("b", layer<Conv2dNormActivation>(
                        out, out, ConvNormActivationOptions{.stride = stride, .groups = out / group_width}));
    if (se)  // nearbyint: Python's round() goes to even
      add_module("se", layer<SqueezeExcitation>(
                           out, static_cast<std::int64_t>(std::nearbyint(0.25 * static_cast<double>(in))),
                           [] { return layer<nn::ReLU>(); }, [] { return layer<nn::Sigmoid>(); }));
    add_module(
        "c", layer<Conv2dNormActivation>(out, out, ConvNormActivationOptions{.kernel_size = 1, .activation = nullptr}));
  }
};

class ResBottleneckBlock final : public Python<"torchvision.models.regnet", "ResBottleneckBlock"> {
 public:
  explicit ResBottleneckBlock(nn::Blank) {}
  ResBottleneckBlock(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t group_width, bool se) {
    if (in != out || stride != 1)
      register_module(
          "proj", layer<Conv2dNormActivation>(
                      in, out, ConvNormActivationOptions{.kernel_size = 1, .stride = stride, .activation = nullptr}));
    register_module("f", layer<BottleneckTransform>(in, out, stride, group_width, se));
    register_module("activation", relu());
  }

  Var forward(Var x) override { return call("activation", (child("proj") ? call("proj", x) : x) + call("f", x)); }
  void fields(nn::Fields& fields) override {
    if (!child("proj")) fields.derived("proj", std::optional<std::int64_t>());
  }
};

class AnyStage final : public Python<"torchvision.models.regnet", "AnyStage", nn::Sequential> {
 public:
  explicit AnyStage(nn::Blank blank) : Python(blank) {}
  AnyStage(std::int64_t in, const Variant& v, std::size_t stage) : Python(nn::Blank{}) {
    for (std::int64_t i = 0; i < v.depths[stage]; ++i)
      add_module("block" + std::to_string(stage + 1) + "-" + std::to_string(i),
                 layer<ResBottleneckBlock>(i == 0 ? in : v.widths[stage], v.widths[stage], i == 0 ? 2 : 1,
                                           v.group_widths[stage], v.squeeze_excite));
  }
  bool fresh_child_name(std::string_view) const override { return true; }
};

class RegNet final : public Python<"torchvision.models.regnet", "RegNet"> {
 public:
  explicit RegNet(nn::Blank) {}
  RegNet(const Variant& v, std::int64_t num_classes) {
    constexpr std::int64_t stem_width = 32;
    register_module("stem", layer<SimpleStemIN>(3, stem_width, ConvNormActivationOptions{.stride = 2}));
    auto trunk = layer<nn::Sequential>();
    std::int64_t width = stem_width;
    for (std::size_t i = 0; i < v.widths.size(); ++i) {
      trunk->add_module("block" + std::to_string(i + 1), layer<AnyStage>(width, v, i));
      width = v.widths[i];
    }
    register_module("trunk_output", trunk);
    register_module("avgpool", layer<nn::AdaptiveAvgPool2d>(nn::Size{1, 1}));
    register_module("fc", layer<nn::Linear>(width, num_classes));
    each<nn::Module>(*this, [](nn::Module& m) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(&m)) {
        const auto fan_out = conv->kernel_size[0] * conv->kernel_size[1] * conv->out_channels;
        nn::init::normal_(conv->weight(), 0, std::sqrt(2.0 / static_cast<double>(fan_out)));
      } else if (auto* linear = dynamic_cast<nn::Linear*>(&m)) {
        nn::init::normal_(linear->weight(), 0, 0.01);
        zero_bias(*linear);
      }
    });
  }

  Var forward(Var x) override {
    for (const char* step : {"stem", "trunk_output", "avgpool"}) x = call(step, x);
    return call("fc", graph::flatten(x, 1));
  }
};

using Four = std::array<std::int64_t, 4>;
ModulePtr regnet(bool se, Four depths, Four widths, Four group_widths, const Options& o) {
  return layer<RegNet>(Variant{depths, widths, group_widths, se}, o.num_classes);
}
ModulePtr x(Four depths, Four widths, std::int64_t g, const Options& o) {
  return regnet(false, depths, widths, {g, g, g, g}, o);
}
ModulePtr y(Four depths, Four widths, std::int64_t g, const Options& o) {
  return regnet(true, depths, widths, {g, g, g, g}, o);
}

}  // namespace

ModulePtr make_regnet_y_400mf(const Options& o) { return y({1, 3, 6, 6}, {48, 104, 208, 440}, 8, o); }
ModulePtr make_regnet_y_800mf(const Options& o) { return y({1, 3, 8, 2}, {64, 144, 320, 784}, 16, o); }
ModulePtr make_regnet_y_1_6gf(const Options& o) { return y({2, 6, 17, 2}, {48, 120, 336, 888}, 24, o); }
ModulePtr make_regnet_y_3_2gf(const Options& o) { return y({2, 5, 13, 1}, {72, 216, 576, 1512}, 24, o); }
ModulePtr make_regnet_y_8gf(const Options& o) { return y({2, 4, 10, 1}, {224, 448, 896, 2016}, 56, o); }
ModulePtr make_regnet_y_16gf(const Options& o) { return y({2, 4, 11, 1}, {224, 448, 1232, 3024}, 112, o); }
ModulePtr make_regnet_y_32gf(const Options& o) { return y({2, 5, 12, 1}, {232, 696, 1392, 3712}, 232, o); }
ModulePtr make_regnet_y_128gf(const Options& o) { return y({2, 7, 17, 1}, {528, 1056, 2904, 7392}, 264, o); }
ModulePtr make_regnet_x_400mf(const Options& o) { return x({1, 2, 7, 12}, {32, 64, 160, 400}, 16, o); }
ModulePtr make_regnet_x_800mf(const Options& o) { return x({1, 3, 7, 5}, {64, 128, 288, 672}, 16, o); }
ModulePtr make_regnet_x_1_6gf(const Options& o) { return x({2, 4, 10, 2}, {72, 168, 408, 912}, 24, o); }
ModulePtr make_regnet_x_3_2gf(const Options& o) { return x({2, 6, 15, 2}, {96, 192, 432, 1008}, 48, o); }
ModulePtr make_regnet_x_8gf(const Options& o) {
  return regnet(false, {2, 5, 15, 1}, {80, 240, 720, 1920}, {80, 120, 120, 120}, o);
}
ModulePtr make_regnet_x_16gf(const Options& o) { return x({2, 6, 13, 1}, {256, 512, 896, 2048}, 128, o); }
ModulePtr make_regnet_x_32gf(const Options& o) { return x({2, 7, 13, 1}, {336, 672, 1344, 2520}, 168, o); }

std::span<const nn::ClassRow> regnet_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<RegNet>(), class_row<AnyStage>(), class_row<ResBottleneckBlock>(),
                                          class_row<BottleneckTransform>(), class_row<SimpleStemIN>()};
  return rows;
}

}  // namespace flambeau::models
