#include <flambeau/nn_pool_rare.h>

#include "nn/forward.h"

namespace flambeau::nn {

Var LPPoolNd::forward(Var x) {
  return batched(x, dims_, [&](Var batch) {
    const Shape kernel = kernel_size.expand(dims_);
    double count = 1;
    for (const std::int64_t size : kernel) count *= static_cast<double>(size);
    const auto sum = [&](Var y) {
      return graph::mul(
          graph::avg_pool(y, kernel, stride.value_or(kernel_size).expand(dims_), Shape(dims_, 0), ceil_mode), count);
    };
    if (norm_type.value == 1) return sum(batch);
    if (norm_type.value != 2) unsupported(*this, "only norm_type 1 and 2 are recorded");
    return graph::activation(sum(batch * batch), graph::Activation::sqrt);
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
