// ConvNeXt (arXiv 2201.03545).
#include <array>

#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

/// LayerNorm over the channels of (N, C, H, W).
class LayerNorm2d final : public Python<"torchvision.models.convnext", "LayerNorm2d", nn::LayerNorm> {
 public:
  using Python::Python;
  Var forward(Var x) override {
    return graph::permute(nn::LayerNorm::forward(graph::permute(x, {0, 2, 3, 1})), {0, 3, 1, 2});
  }
};

const nn::LayerNormOptions small_eps{.eps = 1e-6};
ModulePtr layer_norm_2d(std::int64_t channels) { return layer<LayerNorm2d>(channels, small_eps); }

class CNBlock final : public Python<"torchvision.models.convnext", "CNBlock"> {
 public:
  explicit CNBlock(nn::Blank) {}
  CNBlock(std::int64_t dim, double drop) {
    auto block = layer<nn::Sequential>(nn::Modules{
        layer<nn::Conv2d>(dim, dim, 7, nn::ConvOptions{.padding = 3, .groups = dim}), layer<Permute>(Shape{0, 2, 3, 1}),
        layer<nn::LayerNorm>(dim, small_eps), layer<nn::Linear>(dim, 4 * dim), layer<nn::GELU>(),
        layer<nn::Linear>(4 * dim, dim), layer<Permute>(Shape{0, 3, 1, 2})});
    register_module("block", block);
    nn::init::constant_(register_parameter("layer_scale", nn::new_parameter({dim, 1, 1})), 1e-6);
    register_module("stochastic_depth", layer<StochasticDepth>(drop, "row"));
  }

  Var forward(Var x) override { return call("stochastic_depth", constant(x, "layer_scale") * call("block", x)) + x; }
};

class ConvNeXt final : public Python<"torchvision.models.convnext", "ConvNeXt"> {
 public:
  explicit ConvNeXt(nn::Blank) {}
  ConvNeXt(const std::array<std::int64_t, 4>& dims, const std::array<int, 4>& depths, double drop,
           std::int64_t num_classes) {
    auto features = layer<nn::Sequential>();
    features->append(layer<Conv2dNormActivation>(
        3, dims[0],
        ConvNormActivationOptions{
            .kernel_size = 4, .stride = 4, .padding = 0, .norm = layer_norm_2d, .activation = nullptr, .bias = true}));
    int total = 0, done = 0;
    for (const int depth : depths) total += depth;
    for (std::size_t i = 0; i < dims.size(); ++i) {
      auto stage = layer<nn::Sequential>();
      for (int k = 0; k < depths[i]; ++k) stage->append(layer<CNBlock>(dims[i], drop * done++ / (total - 1.0)));
      features->append(stage);
      if (i + 1 < dims.size())
        features->append(layer<nn::Sequential>(nn::Modules{
            layer_norm_2d(dims[i]), layer<nn::Conv2d>(dims[i], dims[i + 1], 2, nn::ConvOptions{.stride = 2})}));
    }
    register_module("features", features);
    register_module("avgpool", layer<nn::AdaptiveAvgPool2d>(1));
    register_module("classifier", layer<nn::Sequential>(nn::Modules{layer_norm_2d(dims[3]), layer<nn::Flatten>(1),
                                                                    layer<nn::Linear>(dims[3], num_classes)}));
    each<nn::Module>(*this, [](nn::Module& m) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(&m)) {
        nn::init::trunc_normal_(conv->weight(), 0, 0.02);
        zero_bias(*conv);
      } else if (auto* linear = dynamic_cast<nn::Linear*>(&m)) {
        nn::init::trunc_normal_(linear->weight(), 0, 0.02);
        zero_bias(*linear);
      }
    });
  }

  Var forward(Var x) override { return call("classifier", call("avgpool", call("features", x))); }
};

}  // namespace

ModulePtr make_convnext_tiny(const Options& o) {
  return layer<ConvNeXt>(std::array<std::int64_t, 4>{96, 192, 384, 768}, std::array{3, 3, 9, 3}, 0.1, o.num_classes);
}
ModulePtr make_convnext_small(const Options& o) {
  return layer<ConvNeXt>(std::array<std::int64_t, 4>{96, 192, 384, 768}, std::array{3, 3, 27, 3}, 0.4, o.num_classes);
}
ModulePtr make_convnext_base(const Options& o) {
  return layer<ConvNeXt>(std::array<std::int64_t, 4>{128, 256, 512, 1024}, std::array{3, 3, 27, 3}, 0.5, o.num_classes);
}
ModulePtr make_convnext_large(const Options& o) {
  return layer<ConvNeXt>(std::array<std::int64_t, 4>{192, 384, 768, 1536}, std::array{3, 3, 27, 3}, 0.5, o.num_classes);
}

std::span<const nn::ClassRow> convnext_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<ConvNeXt>(), class_row<CNBlock>(), class_row<LayerNorm2d>()};
  return rows;
}

}  // namespace flambeau::models
