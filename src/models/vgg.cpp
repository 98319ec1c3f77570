// VGG (arXiv 1409.1556): 3x3 convolutions, with batch norm in the _bn builders.
#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

constexpr int pool = 0;  // "M" in the paper's table
using Configuration = std::vector<int>;

// The paper's columns.
const Configuration A = {64, pool, 128, pool, 256, 256, pool, 512, 512, pool, 512, 512, pool};
const Configuration B = {64, 64, pool, 128, 128, pool, 256, 256, pool, 512, 512, pool, 512, 512, pool};
const Configuration D = {64, 64, pool, 128, 128, pool, 256, 256, 256, pool, 512, 512, 512, pool, 512, 512, 512, pool};
const Configuration E = {64,  64,  pool, 128, 128,  pool, 256, 256, 256, 256, pool,
                         512, 512, 512,  512, pool, 512,  512, 512, 512, pool};

class VGG final : public Python<"torchvision.models.vgg", "VGG"> {
 public:
  explicit VGG(nn::Blank) {}
  VGG(const Configuration& widths, bool with_norm, const Options& options) {
    auto features = layer<nn::Sequential>();
    std::int64_t channels = 3;
    for (const int width : widths) {
      if (width == pool) {
        features->append(layer<nn::MaxPool2d>(2, nn::MaxPoolOptions{.stride = 2}));
        continue;
      }
      features->append(layer<nn::Conv2d>(channels, width, 3, nn::ConvOptions{.padding = 1}));
      if (with_norm) features->append(layer<nn::BatchNorm2d>(width));
      features->append(relu());
      channels = width;
    }
    register_module("features", features);
    register_module("avgpool", layer<nn::AdaptiveAvgPool2d>(nn::Size{7, 7}));
    register_module("classifier", layer<nn::Sequential>(
                                      nn::Modules{layer<nn::Linear>(512 * 7 * 7, 4096), relu(), layer<nn::Dropout>(0.5),
                                                  layer<nn::Linear>(4096, 4096), relu(), layer<nn::Dropout>(0.5),
                                                  layer<nn::Linear>(4096, options.num_classes)}));
    if (options.weights) return;  // as torchvision: init_weights=False
    each<nn::Module>(*this, [](nn::Module& m) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(&m)) {
        nn::init::kaiming_normal_(conv->weight(), 0, nn::init::FanMode::fan_out, "relu");
        zero_bias(*conv);
      } else if (auto* linear = dynamic_cast<nn::Linear*>(&m)) {
        nn::init::normal_(linear->weight(), 0, 0.01);
        zero_bias(*linear);
      }
    });
  }

  Var forward(Var x) override {
    x = call("features", x);
    if (child("avgpool")) x = call("avgpool", x);  // files of torchvision 0.2 have none
    return call("classifier", graph::flatten(x, 1));
  }
};

ModulePtr plain(const Configuration& widths, const Options& o) { return layer<VGG>(widths, false, o); }
ModulePtr normed(const Configuration& widths, const Options& o) { return layer<VGG>(widths, true, o); }

}  // namespace

ModulePtr make_vgg11(const Options& o) { return plain(A, o); }
ModulePtr make_vgg11_bn(const Options& o) { return normed(A, o); }
ModulePtr make_vgg13(const Options& o) { return plain(B, o); }
ModulePtr make_vgg13_bn(const Options& o) { return normed(B, o); }
ModulePtr make_vgg16(const Options& o) { return plain(D, o); }
ModulePtr make_vgg16_bn(const Options& o) { return normed(D, o); }
ModulePtr make_vgg19(const Options& o) { return plain(E, o); }
ModulePtr make_vgg19_bn(const Options& o) { return normed(E, o); }

std::span<const nn::ClassRow> vgg_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<VGG>()};
  return rows;
}

}  // namespace flambeau::models
