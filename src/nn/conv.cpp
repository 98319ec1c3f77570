#include <flambeau/nn_conv.h>

#include <cmath>

#include <flambeau/init.h>

#include "nn/forward.h"

namespace flambeau::nn {
namespace {

void check(bool fine, const std::string& text) {
  if (!fine) throw Error(ErrorCode::invalid_argument, text);
}

void check_channels(std::int64_t in, std::int64_t out, std::int64_t groups) {
  check(groups > 0, "groups must be a positive integer");
  check(in % groups == 0, "in_channels must be divisible by groups");
  check(out % groups == 0, "out_channels must be divisible by groups");
}

}  // namespace

ConvNd::ConvNd(std::size_t dims, std::int64_t in, std::int64_t out, const Size& kernel, const ConvOptions& o)
    : in_channels(in),
      out_channels(out),
      kernel_size(kernel.tuple(dims)),
      stride(o.stride.tuple(dims)),
      padding(o.padding.mode().empty() ? Padding(o.padding.tuple(dims)) : o.padding),
      dilation(o.dilation.tuple(dims)),
      output_padding(Size(0).tuple(dims)),
      groups(o.groups),
      padding_mode(o.padding_mode),
      dims_(dims) {
  check_channels(in, out, groups);
  const std::string& mode = padding.mode();
  check(mode.empty() || mode == "same" || mode == "valid",
        "Invalid padding string '" + mode + "', should be one of 'valid', 'same'");
  if (mode == "same")
    for (const std::int64_t step : stride.values())
      check(step == 1, "padding='same' is not supported for strided convolutions");
  check(
      padding_mode == "zeros" || padding_mode == "reflect" || padding_mode == "replicate" || padding_mode == "circular",
      "padding_mode must be one of 'zeros', 'reflect', 'replicate', 'circular', but got padding_mode='" + padding_mode +
          "'");
  make_parameters(o.bias);
}

ConvNd::ConvNd(std::size_t dims, std::int64_t in, std::int64_t out, const Size& kernel, const ConvTransposeOptions& o)
    : in_channels(in),
      out_channels(out),
      kernel_size(kernel.tuple(dims)),
      stride(o.stride.tuple(dims)),
      padding(o.padding.tuple(dims)),
      dilation(o.dilation.tuple(dims)),
      transposed(true),
      output_padding(o.output_padding.tuple(dims)),
      groups(o.groups),
      dims_(dims) {
  check_channels(in, out, groups);
  make_parameters(o.bias);
}

void ConvNd::make_parameters(bool with_bias) {
  Shape shape = transposed ? Shape{in_channels, out_channels / groups} : Shape{out_channels, in_channels / groups};
  const Shape kernel = kernel_size.expand(dims_);
  shape.insert(shape.end(), kernel.begin(), kernel.end());
  Tensor& weight = register_parameter("weight", new_parameter(std::move(shape)));
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  const std::int64_t fan_in = init::fans(weight).in;
  Tensor& bias = register_parameter("bias", with_bias ? new_parameter({out_channels}) : Tensor());
  if (with_bias && fan_in != 0) {
    const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
    init::uniform_(bias, -bound, bound);
  }
}

Size ConvNd::reversed_padding() const {
  Shape twice;
  if (padding.mode().empty()) {
    const Shape numbers = padding.expand(dims_);
    for (std::size_t i = dims_; i-- > 0;) twice.insert(twice.end(), 2, numbers[i]);
    return Size(std::move(twice));
  }
  for (std::size_t i = dims_; i-- > 0;) {
    const std::int64_t total = padding.mode() == "same" ? dilation[i] * (kernel_size[i] - 1) : 0;
    twice.push_back(total / 2);  // the odd element goes to the right and the bottom
    twice.push_back(total - total / 2);
  }
  return Size(std::move(twice), Size::Kind::list);
}

Var ConvNd::forward(Var x) {
  return batched(x, dims_, [&](Var batch) {
    const Var weight_var = constant(batch, "weight"), bias_var = constant(batch, "bias");
    const Shape steps = stride.expand(dims_), spread = dilation.expand(dims_);
    if (transposed)
      return graph::conv_transpose(batch, weight_var, bias_var, steps, padding.expand(dims_),
                                   output_padding.expand(dims_), spread, groups);
    Shape pads = padding.mode().empty() ? padding.expand(dims_) : Shape(dims_, 0);
    const Size around = reversed_padding();
    bool even = true;
    for (std::size_t i = 0; i < dims_; ++i) even = even && around[2 * i] == around[2 * i + 1];
    if (padding_mode != "zeros" || !even) {
      batch = graph::pad(batch, around.values(), padding_mode == "zeros" ? "constant" : padding_mode);
      pads.assign(dims_, 0);
    } else {
      for (std::size_t i = 0; i < dims_; ++i) pads[i] = around[2 * (dims_ - 1 - i)];
    }
    return graph::conv(batch, weight_var, bias_var, steps, pads, spread, groups);
  });
}

void ConvNd::fields(Fields& f) {
  f("in_channels", in_channels);
  f("out_channels", out_channels);
  f("kernel_size", kernel_size);
  f("stride", stride);
  f("padding", padding);
  f("dilation", dilation);
  f("transposed", transposed);
  f("output_padding", output_padding);
  f("groups", groups);
  f("padding_mode", padding_mode);
  if (f.writing())
    f.derived("_reversed_padding_repeated_twice", reversed_padding());
  else
    f.take("_reversed_padding_repeated_twice");
}

std::string ConvNd::extra_repr() const {
  const auto is_all = [](const Size& size, std::int64_t value) {
    for (const std::int64_t item : size.values())
      if (item != value) return false;
    return true;
  };
  std::string text = std::to_string(in_channels) + ", " + std::to_string(out_channels) +
                     ", kernel_size=" + python_repr(kernel_size) + ", stride=" + python_repr(stride);
  if (!padding.mode().empty())
    text += ", padding=" + padding.mode();
  else if (!is_all(padding, 0))
    text += ", padding=" + python_repr(static_cast<const Size&>(padding));
  if (!is_all(dilation, 1)) text += ", dilation=" + python_repr(dilation);
  if (!is_all(output_padding, 0)) text += ", output_padding=" + python_repr(output_padding);
  if (groups != 1) text += ", groups=" + std::to_string(groups);
  if (!has_tensor(*this, "bias")) text += ", bias=False";
  if (padding_mode != "zeros") text += ", padding_mode=" + padding_mode;
  return text;
}

}  // namespace flambeau::nn
