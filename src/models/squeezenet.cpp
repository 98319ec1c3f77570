// SqueezeNet (arXiv 1602.07360).
#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

class Fire final : public Python<"torchvision.models.squeezenet", "Fire"> {
 public:
  explicit Fire(nn::Blank) {}
  Fire(std::int64_t in, std::int64_t squeeze, std::int64_t expand1x1, std::int64_t expand3x3) : inplanes_(in) {
    register_module("squeeze", layer<nn::Conv2d>(in, squeeze, 1));
    register_module("squeeze_activation", relu());
    register_module("expand1x1", layer<nn::Conv2d>(squeeze, expand1x1, 1));
    register_module("expand1x1_activation", relu());
    register_module("expand3x3", layer<nn::Conv2d>(squeeze, expand3x3, 3, nn::ConvOptions{.padding = 1}));
    register_module("expand3x3_activation", relu());
  }

  Var forward(Var x) override {
    x = call("squeeze_activation", call("squeeze", x));
    const Var parts[] = {call("expand1x1_activation", call("expand1x1", x)),
                         call("expand3x3_activation", call("expand3x3", x))};
    return graph::cat(parts, 1);
  }
  void fields(nn::Fields& fields) override { fields("inplanes", inplanes_); }

 private:
  std::int64_t inplanes_ = 0;
};

ModulePtr pool() { return layer<nn::MaxPool2d>(3, nn::MaxPoolOptions{.stride = 2, .ceil_mode = true}); }
ModulePtr fire(std::int64_t in, std::int64_t squeeze, std::int64_t expand) {
  return layer<Fire>(in, squeeze, expand, expand);
}

nn::Modules features_1_0() {
  return {layer<nn::Conv2d>(3, 96, 7, nn::ConvOptions{.stride = 2}),
          relu(),
          pool(),
          fire(96, 16, 64),
          fire(128, 16, 64),
          fire(128, 32, 128),
          pool(),
          fire(256, 32, 128),
          fire(256, 48, 192),
          fire(384, 48, 192),
          fire(384, 64, 256),
          pool(),
          fire(512, 64, 256)};
}
nn::Modules features_1_1() {
  return {layer<nn::Conv2d>(3, 64, 3, nn::ConvOptions{.stride = 2}),
          relu(),
          pool(),
          fire(64, 16, 64),
          fire(128, 16, 64),
          pool(),
          fire(128, 32, 128),
          fire(256, 32, 128),
          pool(),
          fire(256, 48, 192),
          fire(384, 48, 192),
          fire(384, 64, 256),
          fire(512, 64, 256)};
}

class SqueezeNet final : public Python<"torchvision.models.squeezenet", "SqueezeNet"> {
 public:
  explicit SqueezeNet(nn::Blank) {}
  SqueezeNet(nn::Modules (*features)(), std::int64_t num_classes) : num_classes_(num_classes) {
    register_module("features", layer<nn::Sequential>(features()));
    auto final_conv = layer<nn::Conv2d>(512, num_classes, 1);
    register_module("classifier", layer<nn::Sequential>(nn::Modules{layer<nn::Dropout>(0.5), final_conv, relu(),
                                                                    layer<nn::AdaptiveAvgPool2d>(nn::Size{1, 1})}));
    each<nn::Conv2d>(*this, [&](nn::Conv2d& conv) {
      if (&conv == final_conv.get())
        nn::init::normal_(conv.weight(), 0, 0.01);
      else
        nn::init::kaiming_uniform_(conv.weight());
      zero_bias(conv);
    });
  }

  Var forward(Var x) override { return graph::flatten(call("classifier", call("features", x)), 1); }
  void fields(nn::Fields& fields) override { fields("num_classes", num_classes_); }

 private:
  std::int64_t num_classes_ = 1000;
};

}  // namespace

ModulePtr make_squeezenet1_0(const Options& o) { return layer<SqueezeNet>(features_1_0, o.num_classes); }
ModulePtr make_squeezenet1_1(const Options& o) { return layer<SqueezeNet>(features_1_1, o.num_classes); }

std::span<const nn::ClassRow> squeezenet_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<SqueezeNet>(), class_row<Fire>()};
  return rows;
}

}  // namespace flambeau::models
