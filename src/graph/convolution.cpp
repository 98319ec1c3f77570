// Products with weights: convolutions, linear layers, matrix products, attention, embeddings.
#include <fmt/format.h>

#include "graph/ops.h"
#include "graph/shape.h"

namespace flambeau::graph {
namespace {

struct ConvShapes {
  std::size_t spatial;
  ConvAttributes attributes;
};

ConvShapes conv_common(Op op, Var x, Var weight, Shape stride, Shape padding, Shape dilation, std::int64_t groups) {
  require_float(op, "input", x);
  require_float(op, "weight", weight);
  const std::size_t rank = x.shape().size();
  if (rank < 3 || rank > 5 || weight.shape().size() != rank)
    fail(op, fmt::format("input {} and weight {} need 3 to 5 dimensions, the batch included", to_string(x.shape()),
                         to_string(weight.shape())));
  if (groups < 1) fail(op, fmt::format("groups {} must be at least 1", groups));
  const std::size_t spatial = rank - 2;
  for (const std::int64_t size : weight.shape())
    if (size < 1) fail(op, "weight " + to_string(weight.shape()) + " is empty");
  return {spatial,
          {per_dimension(op, "stride", stride, spatial, 1, 1),
           per_dimension(op, "padding", padding, spatial, 0, 0),
           per_dimension(op, "dilation", dilation, spatial, 1, 1),
           {},
           groups}};
}

}  // namespace

Var conv(Var x, Var weight, Var bias, Shape stride, Shape padding, Shape dilation, std::int64_t groups) {
  constexpr Op op = Op::conv;
  auto [spatial, attributes] = conv_common(op, x, weight, stride, padding, dilation, groups);
  const Shape &in = x.shape(), &w = weight.shape();
  if (in[1] % groups != 0 || w[0] % groups != 0 || in[1] / groups != w[1])
    fail(op, fmt::format("input {} has {} channels, weight {} with groups {} needs {}", to_string(in), in[1],
                         to_string(w), groups, size_product(w[1], groups)));
  if (bias) require_shape(op, "bias", bias, {w[0]});
  Shape out = {in[0], w[0]};
  for (std::size_t i = 0; i < spatial; ++i) {
    const std::int64_t padded = size_sum(in[i + 2], size_product(2, attributes.padding[i]));
    const std::int64_t window = size_sum(size_product(attributes.dilation[i], w[i + 2] - 1), 1);
    if (padded < window)
      fail(op, fmt::format("input {} with padding {} is smaller than weight {} with dilation {}", to_string(in),
                           to_string(attributes.padding), to_string(w), to_string(attributes.dilation)));
    out.push_back((padded - window) / attributes.stride[i] + 1);
  }
  return x.graph().append(op, ids(op, {x, weight, bias}), std::move(attributes), std::move(out));
}

Var conv_transpose(Var x, Var weight, Var bias, Shape stride, Shape padding, Shape output_padding, Shape dilation,
                   std::int64_t groups) {
  constexpr Op op = Op::conv_transpose;
  auto [spatial, attributes] = conv_common(op, x, weight, stride, padding, dilation, groups);
  const Shape &in = x.shape(), &w = weight.shape();
  if (in[1] != w[0] || in[1] % groups != 0)
    fail(op, fmt::format("input {} has {} channels, weight {} with groups {} needs {}", to_string(in), in[1],
                         to_string(w), groups, w[0]));
  const std::int64_t channels = size_product(w[1], groups);
  if (bias) require_shape(op, "bias", bias, {channels});
  attributes.output_padding = per_dimension(op, "output_padding", output_padding, spatial, 0, 0);
  Shape out = {in[0], channels};
  for (std::size_t i = 0; i < spatial; ++i) {
    if (attributes.output_padding[i] >= std::max(attributes.stride[i], attributes.dilation[i]))
      fail(op, fmt::format("output_padding {} must be smaller than stride {} or dilation {}",
                           to_string(attributes.output_padding), to_string(attributes.stride),
                           to_string(attributes.dilation)));
    std::int64_t size = size_product(in[i + 2] - 1, attributes.stride[i]);
    size = size_sum(size, size_product(attributes.dilation[i], w[i + 2] - 1));
    size = size_sum(size_sum(size, attributes.output_padding[i]), 1);
    size = size_sum(size, size_product(-2, attributes.padding[i]));
    if (size < 1)
      fail(op, fmt::format("input {} with padding {} and weight {} gives a size of {}", to_string(in),
                           to_string(attributes.padding), to_string(w), size));
    out.push_back(size);
  }
  return x.graph().append(op, ids(op, {x, weight, bias}), std::move(attributes), std::move(out));
}

Var linear(Var x, Var weight, Var bias) {
  constexpr Op op = Op::linear;
  require_float(op, "input", x);
  require_float(op, "weight", weight);
  const Shape &in = x.shape(), &w = weight.shape();
  if (in.empty() || w.size() != 2 || in.back() != w[1])
    fail(op,
         fmt::format("input {} and weight {} do not fit: the last sizes must be equal", to_string(in), to_string(w)));
  if (bias) require_shape(op, "bias", bias, {w[0]});
  Shape out = in;
  out.back() = w[0];
  return x.graph().append(op, ids(op, {x, weight, bias}), {}, std::move(out));
}

Var matmul(Var a, Var b) {
  constexpr Op op = Op::matmul;
  require_float(op, "left operand", a);
  require_float(op, "right operand", b);
  const Shape &left = a.shape(), &right = b.shape();
  if (left.size() < 2 || right.size() < 2 || left.back() != right[right.size() - 2])
    fail(op,
         fmt::format("shapes {} and {} do not fit: (…, m, k) x (…, k, n) expected", to_string(left), to_string(right)));
  Shape out = broadcast(op, Shape(left.begin(), left.end() - 2), Shape(right.begin(), right.end() - 2));
  out.push_back(left[left.size() - 2]);
  out.push_back(right.back());
  return a.graph().append(op, ids(op, {a, b}), {}, std::move(out));
}

Var embedding(Var indices, Var weight) {
  constexpr Op op = Op::embedding;
  const DType dtype = indices.graph()[indices.id()].dtype;
  if (dtype != DType::int64) fail(op, fmt::format("indices have dtype {}, int64 is needed", flambeau::name(dtype)));
  require_float(op, "weight", weight);
  if (weight.shape().size() != 2) fail(op, "weight " + to_string(weight.shape()) + " needs 2 dimensions");
  Shape out = indices.shape();
  out.push_back(weight.shape()[1]);
  return indices.graph().append(op, ids(op, {indices, weight}), {}, std::move(out));
}

Var attention(Var q, Var k, Var v, Var mask, double scale) {
  constexpr Op op = Op::attention;
  for (const Var& var : {q, k, v}) require_float(op, "operand", var);
  const Shape &qs = q.shape(), &ks = k.shape(), &vs = v.shape();
  const std::size_t rank = qs.size();
  bool fits =
      rank >= 2 && ks.size() == rank && vs.size() == rank && qs.back() == ks.back() && ks[rank - 2] == vs[rank - 2];
  for (std::size_t i = 0; fits && i + 2 < rank; ++i) fits = qs[i] == ks[i] && qs[i] == vs[i];
  if (!fits)
    fail(op, fmt::format("q {}, k {} and v {} do not fit: (…, L, d), (…, S, d) and (…, S, e) expected", to_string(qs),
                         to_string(ks), to_string(vs)));
  Shape scores = qs;
  scores.back() = ks[rank - 2];
  if (mask && !broadcasts_to(mask.shape(), scores))
    fail(op, fmt::format("mask {} does not broadcast to {}", to_string(mask.shape()), to_string(scores)));
  if (mask) require_float(op, "mask", mask);
  Shape out = qs;
  out.back() = vs.back();
  return q.graph().append(op, ids(op, {q, k, v, mask}), AttentionAttributes{scale}, std::move(out));
}

}  // namespace flambeau::graph
