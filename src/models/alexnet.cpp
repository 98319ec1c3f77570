// AlexNet, "One weird trick" variant (arXiv 1404.5997).
#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

class AlexNet final : public Python<"torchvision.models.alexnet", "AlexNet"> {
 public:
  explicit AlexNet(nn::Blank) {}
  explicit AlexNet(std::int64_t num_classes) {
    using nn::Conv2d;
    register_module("features", layer<nn::Sequential>(
                                    nn::Modules{layer<Conv2d>(3, 64, 11, nn::ConvOptions{.stride = 4, .padding = 2}),
                                                relu(), layer<nn::MaxPool2d>(3, nn::MaxPoolOptions{.stride = 2}),
                                                layer<Conv2d>(64, 192, 5, nn::ConvOptions{.padding = 2}), relu(),
                                                layer<nn::MaxPool2d>(3, nn::MaxPoolOptions{.stride = 2}),
                                                layer<Conv2d>(192, 384, 3, nn::ConvOptions{.padding = 1}), relu(),
                                                layer<Conv2d>(384, 256, 3, nn::ConvOptions{.padding = 1}), relu(),
                                                layer<Conv2d>(256, 256, 3, nn::ConvOptions{.padding = 1}), relu(),
                                                layer<nn::MaxPool2d>(3, nn::MaxPoolOptions{.stride = 2})}));
    register_module("avgpool", layer<nn::AdaptiveAvgPool2d>(nn::Size{6, 6}));
    register_module("classifier",
                    layer<nn::Sequential>(nn::Modules{layer<nn::Dropout>(0.5), layer<nn::Linear>(256 * 6 * 6, 4096),
                                                      relu(), layer<nn::Dropout>(0.5), layer<nn::Linear>(4096, 4096),
                                                      relu(), layer<nn::Linear>(4096, num_classes)}));
  }

  Var forward(Var x) override {
    x = call("avgpool", call("features", x));
    return call("classifier", graph::flatten(x, 1));
  }
};

}  // namespace

ModulePtr make_alexnet(const Options& options) { return layer<AlexNet>(options.num_classes); }

std::span<const nn::ClassRow> alexnet_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<AlexNet>()};
  return rows;
}

}  // namespace flambeau::models
