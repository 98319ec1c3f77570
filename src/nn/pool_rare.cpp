#include <flambeau/nn_pool_rare.h>

#include <cmath>

#include "nn/forward.h"

namespace flambeau::nn {

Var LPPoolNd::forward(Var x) {
  return batched(x, dims_, [&](Var batch) {
    const Shape kernel = kernel_size.expand(dims_);
    const Shape steps = stride.value_or(kernel_size).expand(dims_), unpadded(dims_, 0), ones(dims_, 1);
    if (std::isinf(norm_type.value)) {  // the largest or the smallest magnitude
      const double sign = norm_type.value > 0 ? 1 : -1;
      const Var magnitudes = graph::mul(graph::activation(batch, graph::Activation::abs), sign);
      return graph::mul(graph::max_pool(magnitudes, kernel, steps, unpadded, ones, ceil_mode), sign);
    }
    double count = 1;
    for (const std::int64_t size : kernel) count *= static_cast<double>(size);
    const Var powers = graph::activation(batch, graph::Activation::pow, norm_type);
    const Var means = graph::avg_pool(powers, kernel, steps, unpadded, ceil_mode);
    return graph::activation(graph::mul(means, count), graph::Activation::pow, 1 / norm_type.value);
  });
}

void LPPoolNd::fields(Fields& f) {
  f("norm_type", norm_type);
  f("kernel_size", kernel_size);
  f("stride", stride);
  f("ceil_mode", ceil_mode);
}

std::string LPPoolNd::extra_repr() const {
  return "norm_type=" + python_repr(norm_type) + ", kernel_size=" + python_repr(kernel_size) +
         ", stride=" + python_repr(stride) + ", ceil_mode=" + python_repr(ceil_mode);
}

MaxUnpoolNd::MaxUnpoolNd(std::size_t dims, const Size& kernel, const MaxUnpoolOptions& o)
    : kernel_size(kernel.tuple(dims)),
      stride(o.stride ? o.stride->tuple(dims) : kernel.tuple(dims)),
      padding(o.padding.tuple(dims)) {}

Var MaxUnpoolNd::forward(Var) { unsupported(*this, "it takes two inputs"); }

void MaxUnpoolNd::fields(Fields& f) {
  f("kernel_size", kernel_size);
  f("stride", stride);
  f("padding", padding);
}

std::string MaxUnpoolNd::extra_repr() const {
  return "kernel_size=" + python_repr(kernel_size) + ", stride=" + python_repr(stride) +
         ", padding=" + python_repr(padding);
}

FractionalMaxPoolNd::FractionalMaxPoolNd(std::size_t dims, const Size& kernel, const FractionalMaxPoolOptions& o)
    : kernel_size(kernel.tuple(dims)), return_indices(o.return_indices) {
  if (o.output_size.has_value() == o.output_ratio.has_value())
    throw Error(ErrorCode::invalid_argument, "exactly one of output_size and output_ratio must be specified");
  if (o.output_size) output_size = o.output_size->tuple(dims);
  if (o.output_ratio) {
    output_ratio = o.output_ratio;
    if (!output_ratio->is_tuple) output_ratio->values.resize(dims, output_ratio->values.at(0));
    output_ratio->is_tuple = true;
  }
  register_buffer("_random_samples", Tensor());
}

Var FractionalMaxPoolNd::forward(Var) { unsupported(*this, "its random windows are carried, not computed"); }

void FractionalMaxPoolNd::fields(Fields& f) {
  f("kernel_size", kernel_size);
  f("return_indices", return_indices);
  f("output_size", output_size);
  f("output_ratio", output_ratio);
}

}  // namespace flambeau::nn
