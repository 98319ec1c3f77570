#include <flambeau/nn_padding.h>

#include "nn/forward.h"

namespace flambeau::nn {

Var PadNd::forward(Var x) {
  if (mode_ == "constant") return graph::pad(x, padding.expand(2 * dims_), mode_, fill());
  return batched(x, dims_, [&](Var batch) { return graph::pad(batch, padding.expand(2 * dims_), mode_); });
}

void PadNd::fields(Fields& f) { f("padding", padding); }

void ConstantPadNd::fields(Fields& f) {
  f("value", value);
  PadNd::fields(f);
}

std::string ConstantPadNd::extra_repr() const {
  return "padding=" + python_repr(padding) + ", value=" + python_repr(value);
}

}  // namespace flambeau::nn
