#include <flambeau/nn_dropout.h>

#include <flambeau/init.h>

#include "nn/forward.h"

namespace flambeau::nn {

DropoutNd::DropoutNd(int channel_dims, Number probability, bool in_place)
    : p(probability), inplace(in_place), channel_dims_(channel_dims) {
  if (!(p.value >= 0 && p.value <= 1))
    throw Error(ErrorCode::invalid_argument,
                "dropout probability has to be between 0 and 1, but got " + python_repr(probability));
}

Var DropoutNd::forward(Var x) {
  if (!training() || p.value == 0) return x;
  if (channel_dims_ < 0) unsupported(*this, "its train mode is not recorded");
  return graph::dropout(x, p, channel_dims_, default_generator().random64());
}

void DropoutNd::fields(Fields& f) {
  f("p", p);
  f("inplace", inplace);
}

std::string DropoutNd::extra_repr() const { return "p=" + python_repr(p) + ", inplace=" + python_repr(inplace); }

}  // namespace flambeau::nn
