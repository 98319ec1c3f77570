#include <flambeau/nn_dropout.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include <flambeau/init.h>

#include "nn/forward.h"

namespace flambeau::nn {

Var dropped(Var x, double p, Shape shape) {
  Tensor mask = Tensor::zeros(std::move(shape));
  if (p < 1) {
    bernoulli_(mask, 1 - p);
    const auto kept = static_cast<float>(1 - p);
    for (float& factor : mask.mutable_data<float>()) factor /= kept;
  }
  return graph::mul(x, x.graph().constant(mask));
}

namespace {

/// torch's _dropout<alpha>: what is dropped becomes SELU's limit, and the whole is scaled to keep mean and variance.
Var alpha_dropped(Var x, double p, Shape shape) {
  if (p == 1) return dropped(x, p, std::move(shape));
  constexpr double alpha = 1.7580993408473766;
  const double a = 1 / std::sqrt((alpha * alpha * p + 1) * (1 - p));
  Tensor factors = Tensor::uninitialized(std::move(shape));
  bernoulli_(factors, 1 - p);
  Tensor terms = Tensor::uninitialized(factors.shape());
  const std::span<float> factor = factors.mutable_data<float>(), term = terms.mutable_data<float>();
  for (std::size_t i = 0; i < factor.size(); ++i) {
    term[i] = (factor[i] - 1) * static_cast<float>(alpha * a);
    term[i] += static_cast<float>(alpha * a * p);
    factor[i] *= static_cast<float>(a);
  }
  return x * x.graph().constant(factors) + x.graph().constant(terms);
}

}  // namespace

DropoutNd::DropoutNd(Kind kind, Number probability, bool in_place, std::int64_t unbatched)
    : p(probability), inplace(in_place), kind_(kind), unbatched_(unbatched) {
  if (!(p.value >= 0 && p.value <= 1))
    throw Error(ErrorCode::invalid_argument,
                "dropout probability has to be between 0 and 1, but got " + python_repr(probability));
}

Var DropoutNd::forward(Var x) {
  if (!training() || p.value == 0) return x;
  Shape shape = x.shape();
  if (kind_ == Kind::channel || kind_ == Kind::channel_alpha) {
    if (x.dim() < 2)
      throw Error(ErrorCode::invalid_argument,
                  "Feature dropout requires at least 2 dimensions in the input, this one has " + to_string(x.shape()));
    std::fill(shape.begin() + (x.dim() == unbatched_ ? 1 : 2), shape.end(), 1);
  }
  const bool alpha = kind_ == Kind::alpha || kind_ == Kind::channel_alpha;
  return alpha ? alpha_dropped(x, p, std::move(shape)) : dropped(x, p, std::move(shape));
}

void DropoutNd::fields(Fields& f) {
  f("p", p);
  f("inplace", inplace);
}

std::string DropoutNd::extra_repr() const { return "p=" + python_repr(p) + ", inplace=" + python_repr(inplace); }

}  // namespace flambeau::nn
