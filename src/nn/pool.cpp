#include <flambeau/nn_pool.h>

#include "nn/forward.h"

namespace flambeau::nn {

Var MaxPoolNd::forward(Var x) {
  if (return_indices) unsupported(*this, "return_indices=True gives a second output");
  return batched(x, dims_, [&](Var batch) {
    return graph::max_pool(batch, kernel_size.expand(dims_), stride.expand(dims_), padding.expand(dims_),
                           dilation.expand(dims_), ceil_mode);
  });
}

void MaxPoolNd::fields(Fields& f) {
  f("kernel_size", kernel_size);
  f("stride", stride);
  f("padding", padding);
  f("dilation", dilation);
  f("return_indices", return_indices);
  f("ceil_mode", ceil_mode);
}

std::string MaxPoolNd::extra_repr() const {
  return "kernel_size=" + python_repr(kernel_size) + ", stride=" + python_repr(stride) +
         ", padding=" + python_repr(padding) + ", dilation=" + python_repr(dilation) +
         ", ceil_mode=" + python_repr(ceil_mode);
}

AvgPool1d::AvgPool1d(const Size& kernel, const AvgPool1dOptions& o)
    : AvgPoolNd(1, kernel.tuple(1),
                {o.stride.value_or(kernel).tuple(1), o.padding.tuple(1), o.ceil_mode, o.count_include_pad, {}}) {}

Var AvgPoolNd::forward(Var x) {
  if (divisor_override == 0) throw Error(ErrorCode::invalid_argument, "divisor must be not zero");
  return batched(x, dims_, [&](Var batch) {
    return graph::avg_pool(batch, kernel_size.expand(dims_), stride.expand(dims_), padding.expand(dims_), ceil_mode,
                           count_include_pad, divisor_override.value_or(0));
  });
}

void AvgPoolNd::fields(Fields& f) {
  f("kernel_size", kernel_size);
  f("stride", stride);
  f("padding", padding);
  f("ceil_mode", ceil_mode);
  f("count_include_pad", count_include_pad);
  if (dims_ > 1) f("divisor_override", divisor_override);
}

std::string AvgPoolNd::extra_repr() const {
  return "kernel_size=" + python_repr(kernel_size) + ", stride=" + python_repr(stride) +
         ", padding=" + python_repr(padding);
}

Shape AdaptivePoolNd::target() const {
  Shape sizes = output_size.expand(dims_);
  for (std::int64_t& size : sizes)
    if (size == none) size = -1;
  return sizes;
}

void AdaptivePoolNd::fields(Fields& f) { f("output_size", output_size); }

std::string AdaptivePoolNd::extra_repr() const { return "output_size=" + python_repr(output_size); }

Var AdaptiveAvgPoolNd::forward(Var x) {
  return batched(x, dims_, [&](Var batch) { return graph::adaptive_avg_pool(batch, target()); });
}

Var AdaptiveMaxPoolNd::forward(Var x) {
  if (return_indices) unsupported(*this, "return_indices=True gives a second output");
  return batched(x, dims_, [&](Var batch) { return graph::adaptive_max_pool(batch, target()); });
}

void AdaptiveMaxPoolNd::fields(Fields& f) {
  AdaptivePoolNd::fields(f);
  f("return_indices", return_indices);
}

}  // namespace flambeau::nn
