#include "models/blocks.h"

#include <cmath>

#include "nn/forward.h"

namespace flambeau::models {

NormLayer batch_norm(nn::BatchNormOptions options) {
  return [options](std::int64_t channels) { return layer<nn::BatchNorm2d>(channels, options); };
}

ModulePtr relu() { return layer<nn::ReLU>(true); }

std::int64_t make_divisible(double value, std::int64_t divisor) {
  const double d = static_cast<double>(divisor);
  const auto rounded = std::max(divisor, static_cast<std::int64_t>(value + d / 2) / divisor * divisor);
  return static_cast<double>(rounded) < 0.9 * value ? rounded + divisor : rounded;
}

ConvNormActivation::ConvNormActivation(std::int64_t in, std::int64_t out, const ConvNormActivationOptions& o)
    : out_channels_(out) {
  const auto padding = o.padding.value_or(nn::Padding(nn::Size((o.kernel_size[0] - 1) / 2)));
  append(layer<nn::Conv2d>(
      in, out, o.kernel_size,
      nn::ConvOptions{
          .stride = o.stride, .padding = padding, .groups = o.groups, .bias = o.bias.value_or(o.norm == nullptr)}));
  if (o.norm) append(o.norm(out));
  if (o.activation) append(o.activation());
}

void ConvNormActivation::fields(nn::Fields& fields) {
  const bool old = !fields.writing() && !fields.find("out_channels");  // before 0.9
  fields("out_channels", out_channels_);
  if (!old || children().empty() || !children().front().module) return;
  if (const auto* conv = dynamic_cast<const nn::Conv2d*>(children().front().module.get()))
    out_channels_ = conv->out_channels;
}

ConvBatchNormRelu::ConvBatchNormRelu(std::int64_t in, std::int64_t out, const nn::Size& kernel_size,
                                     nn::ConvOptions options) {
  options.bias = false;
  register_module("conv", layer<nn::Conv2d>(in, out, kernel_size, options));
  register_module("bn", layer<nn::BatchNorm2d>(out, nn::BatchNormOptions{.eps = 0.001}));
}

Var from_imagenet_to_half(Var x) {
  constexpr double mean[] = {0.485, 0.456, 0.406}, std[] = {0.229, 0.224, 0.225};
  float scale[3], shift[3];
  for (int c = 0; c < 3; ++c) {
    scale[c] = static_cast<float>(std[c] / 0.5);
    shift[c] = static_cast<float>((mean[c] - 0.5) / 0.5);
  }
  const Shape per_channel{1, 3, 1, 1};
  return x * x.graph().constant(Tensor::of<float>(per_channel, scale)) +
         x.graph().constant(Tensor::of<float>(per_channel, shift));
}

SqueezeExcitation::SqueezeExcitation(std::int64_t channels, std::int64_t squeeze_channels,
                                     const ActivationLayer& activation, const ActivationLayer& scale_activation) {
  register_module("avgpool", layer<nn::AdaptiveAvgPool2d>(1));
  register_module("fc1", layer<nn::Conv2d>(channels, squeeze_channels, 1));
  register_module("fc2", layer<nn::Conv2d>(squeeze_channels, channels, 1));
  register_module("activation", activation());
  register_module("scale_activation", scale_activation());
}

void SqueezeExcitation::fields(nn::Fields& fields) {
  const auto relu = std::ranges::find(children(), "relu", &nn::Module::Child::name);
  if (fields.writing() || relu == children().end()) return;
  // MobileNetV3's own of 0.9 and 0.10: fc1, relu, fc2, and functions for the rest.
  const ModulePtr activation = relu->module;
  children().erase(relu);
  add_missing(*this, "avgpool", "fc1", layer<nn::AdaptiveAvgPool2d>(1));
  add_missing(*this, "activation", "", activation);
  add_missing(*this, "scale_activation", "", layer<nn::Hardsigmoid>());
}

Var FrozenBatchNorm2d::forward(Var x) {
  return graph::batch_norm(x, constant(x, "running_mean"), constant(x, "running_var"), constant(x, "weight"),
                           constant(x, "bias"), eps_);
}

void FrozenBatchNorm2d::upgrade(StateDict& state_dict, const std::string& prefix, std::optional<std::int64_t>) {
  state_dict.erase(prefix + "num_batches_tracked");
}

std::string FrozenBatchNorm2d::extra_repr() const {
  return std::to_string(buffer("weight").size(0)) + ", eps=" + nn::python_repr(eps_);
}

void add_missing(nn::Module& module, std::string name, std::string_view next, const ModulePtr& child) {
  if (has_entry(module, name)) return;
  const auto at = std::ranges::find(module.children(), next, &nn::Module::Child::name);
  child->train(module.training());
  module.children().insert(at, {std::move(name), child});
}

Var SqueezeExcitation::forward(Var x) {
  Var scale = x;
  for (const char* step : {"avgpool", "fc1", "activation", "fc2", "scale_activation"}) scale = call(step, scale);
  return scale * x;
}

MLPLayers::MLPLayers(std::int64_t in, std::int64_t hidden, const ActivationLayer& activation, double dropout) {
  append(layer<nn::Linear>(in, hidden));
  append(activation());
  append(layer<nn::Dropout>(dropout));
  append(layer<nn::Linear>(hidden, in));
  append(layer<nn::Dropout>(dropout));
}

Var StochasticDepth::forward(Var x) {
  if (!training() || p_ == 0.0) return x;
  Shape shape(static_cast<std::size_t>(x.dim()), 1);
  if (mode_ == "row") shape[0] = x.size(0);
  return nn::dropped(x, p_, std::move(shape));
}

void StochasticDepth::fields(nn::Fields& fields) {
  fields("p", p_);
  fields("mode", mode_);
}

std::string StochasticDepth::repr() const {
  return "StochasticDepth(p=" + nn::python_repr(p_) + ", mode=" + mode_ + ")";
}

Tensor relative_position_index(std::int64_t height, std::int64_t width) {
  const std::int64_t tokens = height * width;
  std::vector<std::int64_t> index;
  index.reserve(static_cast<std::size_t>(tokens * tokens));
  for (std::int64_t a = 0; a < tokens; ++a)
    for (std::int64_t b = 0; b < tokens; ++b) {
      const auto rows = a / width - b / width + height - 1;
      const auto columns = a % width - b % width + width - 1;
      index.push_back(rows * (2 * width - 1) + columns);
    }
  return Tensor::of<std::int64_t>({tokens, tokens}, index);
}

Var relative_position_bias(Var table, Var index, std::int64_t tokens) {
  Var bias = graph::embedding(graph::reshape(index, {tokens * tokens}), table);
  bias = graph::permute(graph::reshape(bias, {tokens, tokens, -1}), {2, 0, 1});
  return graph::reshape(bias, {1, bias.size(0), tokens, tokens});
}

}  // namespace flambeau::models
