// ShuffleNetV2 (arXiv 1807.11164).
#include <array>

#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

ModulePtr depthwise(std::int64_t channels, std::int64_t stride) {
  return layer<nn::Conv2d>(channels, channels, 3,
                           nn::ConvOptions{.stride = stride, .padding = 1, .groups = channels, .bias = false});
}
ModulePtr pointwise(std::int64_t in, std::int64_t out) {
  return layer<nn::Conv2d>(in, out, 1, nn::ConvOptions{.stride = 1, .padding = 0, .bias = false});
}

/// Interleaves the channels of `groups` groups.
Var channel_shuffle(Var x, std::int64_t groups) {
  const Shape shape = x.shape();
  x = graph::reshape(x, {shape[0], groups, shape[1] / groups, shape[2], shape[3]});
  return graph::reshape(graph::transpose(x, 1, 2), shape);
}

class InvertedResidual final : public Python<"torchvision.models.shufflenetv2", "InvertedResidual"> {
 public:
  explicit InvertedResidual(nn::Blank) {}
  InvertedResidual(std::int64_t in, std::int64_t out, std::int64_t stride) : stride_(stride) {
    const auto half = out / 2;
    nn::Modules first;
    if (stride > 1)
      first = {depthwise(in, stride), layer<nn::BatchNorm2d>(in), pointwise(in, half), layer<nn::BatchNorm2d>(half),
               relu()};
    register_module("branch1", layer<nn::Sequential>(first));
    register_module("branch2", layer<nn::Sequential>(
                                   nn::Modules{pointwise(stride > 1 ? in : half, half), layer<nn::BatchNorm2d>(half),
                                               relu(), depthwise(half, stride), layer<nn::BatchNorm2d>(half),
                                               pointwise(half, half), layer<nn::BatchNorm2d>(half), relu()}));
  }

  Var forward(Var x) override {
    std::vector<Var> parts;
    if (stride_ == 1) {
      parts = graph::chunk(x, 2, 1);
      parts[1] = call("branch2", parts[1]);
    } else {
      parts = {call("branch1", x), call("branch2", x)};
    }
    return channel_shuffle(graph::cat(parts, 1), 2);
  }
  void fields(nn::Fields& fields) override { fields("stride", stride_); }

 private:
  std::int64_t stride_ = 1;
};

class ShuffleNetV2 final : public Python<"torchvision.models.shufflenetv2", "ShuffleNetV2"> {
 public:
  explicit ShuffleNetV2(nn::Blank) {}
  ShuffleNetV2(std::vector<std::int64_t> widths, std::int64_t num_classes) : stage_out_channels_(std::move(widths)) {
    const auto& w = stage_out_channels_;
    register_module("conv1",
                    layer<nn::Sequential>(nn::Modules{
                        layer<nn::Conv2d>(3, w[0], 3, nn::ConvOptions{.stride = 2, .padding = 1, .bias = false}),
                        layer<nn::BatchNorm2d>(w[0]), relu()}));
    register_module("maxpool", layer<nn::MaxPool2d>(3, nn::MaxPoolOptions{.stride = 2, .padding = 1}));
    constexpr std::array repeats{4, 8, 4};
    for (std::size_t i = 0; i < repeats.size(); ++i) {
      auto stage = layer<nn::Sequential>();
      stage->append(layer<InvertedResidual>(w[i], w[i + 1], 2));
      for (int k = 1; k < repeats[i]; ++k) stage->append(layer<InvertedResidual>(w[i + 1], w[i + 1], 1));
      register_module("stage" + std::to_string(i + 2), stage);
    }
    register_module("conv5",
                    layer<nn::Sequential>(nn::Modules{pointwise(w[3], w[4]), layer<nn::BatchNorm2d>(w[4]), relu()}));
    register_module("fc", layer<nn::Linear>(w[4], num_classes));
  }

  Var forward(Var x) override {
    for (const char* step : {"conv1", "maxpool", "stage2", "stage3", "stage4", "conv5"}) x = call(step, x);
    return call("fc", graph::mean(x, {2, 3}));
  }
  void fields(nn::Fields& fields) override { fields("_stage_out_channels", stage_out_channels_); }

 private:
  std::vector<std::int64_t> stage_out_channels_{};
};

ModulePtr shufflenet(std::vector<std::int64_t> widths, const Options& o) {
  return layer<ShuffleNetV2>(std::move(widths), o.num_classes);
}

}  // namespace

ModulePtr make_shufflenet_v2_x0_5(const Options& o) { return shufflenet({24, 48, 96, 192, 1024}, o); }
ModulePtr make_shufflenet_v2_x1_0(const Options& o) { return shufflenet({24, 116, 232, 464, 1024}, o); }
ModulePtr make_shufflenet_v2_x1_5(const Options& o) { return shufflenet({24, 176, 352, 704, 1024}, o); }
ModulePtr make_shufflenet_v2_x2_0(const Options& o) { return shufflenet({24, 244, 488, 976, 2048}, o); }

std::span<const nn::ClassRow> shufflenetv2_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<ShuffleNetV2>(), class_row<InvertedResidual>()};
  return rows;
}

}  // namespace flambeau::models
