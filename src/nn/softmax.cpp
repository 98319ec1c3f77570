#include <flambeau/nn_softmax.h>

#include "nn/forward.h"

namespace flambeau::nn {

void SoftmaxBase::fields(Fields& f) { f("dim", dim); }

std::string SoftmaxBase::extra_repr() const { return "dim=" + python_repr(dim); }

std::int64_t SoftmaxBase::dim_of(Var x) const {
  if (dim) return *dim;
  return x.dim() == 0 || x.dim() == 1 || x.dim() == 3 ? 0 : 1;
}

Var Softmax::forward(Var x) { return graph::softmax(x, dim_of(x)); }
Var LogSoftmax::forward(Var x) { return graph::log_softmax(x, dim_of(x)); }
Var Softmin::forward(Var x) { return graph::softmax(graph::activation(x, graph::Activation::neg), dim_of(x)); }

Var Softmax2d::forward(Var x) {
  if (x.dim() != 3 && x.dim() != 4)
    throw Error(ErrorCode::invalid_argument,
                "Softmax2d: expected input to be 3D or 4D, got " + std::to_string(x.dim()) + "D instead");
  return graph::softmax(x, -3);
}

}  // namespace flambeau::nn
