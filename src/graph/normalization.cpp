// Normalisations, softmax and the random layers of training.
#include <fmt/format.h>
#include <algorithm>

#include "graph/ops.h"
#include "graph/shape.h"

namespace flambeau::graph {
namespace {

/// Checks both; the kernels know no bias without a weight, so it gets one of ones.
void check_affine(Op op, Var x, Var& weight, Var bias, const Shape& shape) {
  if (bias) require_shape(op, "bias", bias, shape);
  if (bias && !weight) {
    Tensor ones = Tensor::uninitialized(shape);
    std::ranges::fill(ones.mutable_data<float>(), 1.0F);
    weight = x.graph().constant(ones);
  }
  if (weight) require_shape(op, "weight", weight, shape);
}

/// x with weight and bias over its last dimensions.
Var norm_over_last(Op op, Var x, Shape normalized_shape, Var weight, Var bias, double eps) {
  require_float(op, "input", x);
  const Shape& in = x.shape();
  if (normalized_shape.empty() || normalized_shape.size() > in.size() ||
      !std::equal(normalized_shape.rbegin(), normalized_shape.rend(), in.rbegin()))
    fail(op,
         fmt::format("input {} does not end with the normalized shape {}", to_string(in), to_string(normalized_shape)));
  check_affine(op, x, weight, bias, normalized_shape);
  NormAttributes attributes;
  attributes.eps = eps;
  attributes.normalized_shape = std::move(normalized_shape);
  return x.graph().append(op, ids(op, {x, weight, bias}), std::move(attributes), Shape(in));
}

Var over_dim(Op op, Var x, std::int64_t dim, double value = 0) {
  require_float(op, "input", x);
  DimAttributes attributes;
  // torch's softmax of a scalar is that of one element.
  if (!x.shape().empty()) attributes.dims = {normalized_dim(op, dim, x.shape().size())};
  attributes.value = value;
  return x.graph().append(op, {x.id()}, std::move(attributes), Shape(x.shape()));
}

}  // namespace

Var batch_norm(Var x, Var mean, Var variance, Var weight, Var bias, double eps, bool training, double momentum) {
  constexpr Op op = Op::batch_norm;
  require_float(op, "input", x);
  const Shape& in = x.shape();
  if (in.size() < 2) fail(op, "input " + to_string(in) + " needs a batch and a channel dimension");
  const Shape channels = {in[1]};
  require_shape(op, "mean", mean, channels);
  require_shape(op, "variance", variance, channels);
  check_affine(op, x, weight, bias, channels);
  if (training) {
    if (in[1] != 0 && checked_numel(in) / in[1] == 1)
      fail(op, "expected more than 1 value per channel when training, got input size " + to_string(in));
    for (const Var& statistic : {mean, variance})
      if (statistic.graph()[statistic.id()].op != Op::constant)
        fail(op, "training updates the mean and variance, which must be constants");
  }
  NormAttributes attributes;
  attributes.eps = eps;
  attributes.training = training;
  attributes.momentum = momentum;
  return x.graph().append(op, ids(op, {x, mean, variance, weight, bias}), std::move(attributes), Shape(in));
}

Var layer_norm(Var x, Shape normalized_shape, Var weight, Var bias, double eps) {
  return norm_over_last(Op::layer_norm, x, std::move(normalized_shape), weight, bias, eps);
}

Var rms_norm(Var x, Shape normalized_shape, Var weight, double eps) {
  return norm_over_last(Op::rms_norm, x, std::move(normalized_shape), weight, {}, eps);
}

Var group_norm(Var x, std::int64_t groups, Var weight, Var bias, double eps) {
  constexpr Op op = Op::group_norm;
  require_float(op, "input", x);
  const Shape& in = x.shape();
  if (in.size() < 2 || groups < 1 || in[1] % groups != 0)
    fail(op, fmt::format("the channels of input {} do not divide into {} groups", to_string(in), groups));
  check_affine(op, x, weight, bias, {in[1]});
  NormAttributes attributes;
  attributes.eps = eps;
  attributes.groups = groups;
  return x.graph().append(op, ids(op, {x, weight, bias}), std::move(attributes), Shape(in));
}

Var local_response_norm(Var x, std::int64_t size, double alpha, double beta, double k) {
  constexpr Op op = Op::local_response_norm;
  require_float(op, "input", x);
  if (x.shape().size() < 3) fail(op, "input " + to_string(x.shape()) + " needs at least 3 dimensions");
  if (size < 1) fail(op, fmt::format("size {} must be at least 1", size));
  NormAttributes attributes;
  attributes.size = size;
  attributes.alpha = alpha;
  attributes.beta = beta;
  attributes.k = k;
  return x.graph().append(op, {x.id()}, std::move(attributes), Shape(x.shape()));
}

Var l2_normalize(Var x, std::int64_t dim, double eps) { return over_dim(Op::l2_normalize, x, dim, eps); }
Var softmax(Var x, std::int64_t dim) { return over_dim(Op::softmax, x, dim); }
Var log_softmax(Var x, std::int64_t dim) { return over_dim(Op::log_softmax, x, dim); }

}  // namespace flambeau::graph
