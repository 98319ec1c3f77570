// Elementwise operations and the reduction.
#include <fmt/format.h>
#include <algorithm>

#include "graph/ops.h"
#include "graph/shape.h"

namespace flambeau::graph {
namespace {

Var binary(Op op, Var a, Var b) {
  require_float(op, "left operand", a);
  require_float(op, "right operand", b);
  return a.graph().append(op, ids(op, {a, b}), {}, broadcast(op, a.shape(), b.shape()));
}

Var scalar(Var like, double value) {
  const auto number = static_cast<float>(value);
  return like.graph().constant(Tensor::of<float>({}, std::span(&number, 1)));
}

}  // namespace

Var activation(Var x, Activation kind, double a, double b) {
  constexpr Op op = Op::activation;
  if (static_cast<std::size_t>(kind) >= activation_names.size()) fail(op, "unknown kind");
  require_float(op, "input", x);
  return x.graph().append(op, {x.id()}, ActivationAttributes{kind, a, b}, Shape(x.shape()));
}

Var prelu(Var x, Var weight) {
  constexpr Op op = Op::prelu;
  require_float(op, "input", x);
  const Shape &in = x.shape(), &w = weight.shape();
  const std::int64_t channels = in.size() > 1 ? in[1] : 1;
  if (w.size() != 1 || (w[0] != 1 && w[0] != channels))
    fail(op, fmt::format("weight {} must have 1 or {} elements for input {}", to_string(w), channels, to_string(in)));
  return x.graph().append(op, ids(op, {x, weight}), {}, Shape(in));
}

Var add(Var a, Var b) { return binary(Op::add, a, b); }
Var sub(Var a, Var b) { return binary(Op::sub, a, b); }
Var mul(Var a, Var b) { return binary(Op::mul, a, b); }
Var div(Var a, Var b) { return binary(Op::div, a, b); }
Var mul(Var a, double value) { return mul(a, scalar(a, value)); }
Var add(Var a, double value) { return add(a, scalar(a, value)); }

Var mean(Var x, Shape dims, bool keepdim) {
  constexpr Op op = Op::mean;
  require_float(op, "input", x);
  const Shape& in = x.shape();
  for (std::int64_t& dim : dims) dim = normalized_dim(op, dim, in.size());
  std::sort(dims.begin(), dims.end());
  if (std::adjacent_find(dims.begin(), dims.end()) != dims.end())
    fail(op, "dims " + to_string(dims) + " name a dimension twice");
  if (dims.empty())  // torch: all of them
    for (std::size_t i = 0; i < in.size(); ++i) dims.push_back(static_cast<std::int64_t>(i));
  Shape out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const bool reduced = std::binary_search(dims.begin(), dims.end(), static_cast<std::int64_t>(i));
    if (!reduced) out.push_back(in[i]);
    if (reduced && keepdim) out.push_back(1);
  }
  DimAttributes attributes;
  attributes.dims = std::move(dims);
  attributes.keepdim = keepdim;
  return x.graph().append(op, {x.id()}, std::move(attributes), std::move(out));
}

}  // namespace flambeau::graph
