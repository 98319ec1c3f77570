#include <cmath>

#include <flambeau/init.h>
#include <flambeau/nn_attention.h>

#include "nn/forward.h"

namespace flambeau::nn {
namespace {

Tensor none_unless(bool wanted, Shape shape) { return wanted ? new_parameter(std::move(shape)) : Tensor(); }

/// `part` once for every item of a batch.
Var repeated(Var part, std::int64_t batch) {
  const std::vector<Var> parts(static_cast<std::size_t>(batch), part);
  return graph::cat(parts, 0);
}

}  // namespace

MultiheadAttention::MultiheadAttention(std::int64_t embed, std::int64_t heads, const MultiheadAttentionOptions& o)
    : embed_dim(embed),
      kdim(o.kdim.value_or(embed)),
      vdim(o.vdim.value_or(embed)),
      num_heads(heads),
      dropout(o.dropout),
      batch_first(o.batch_first),
      add_zero_attn(o.add_zero_attn) {
  if (embed <= 0 || heads <= 0)
    throw Error(ErrorCode::invalid_argument,
                "embed_dim and num_heads must be greater than 0, got embed_dim=" + std::to_string(embed) +
                    " and num_heads=" + std::to_string(heads) + " instead");
  head_dim = embed / heads;
  if (head_dim * heads != embed) throw Error(ErrorCode::invalid_argument, "embed_dim must be divisible by num_heads");
  qkv_same_embed_dim_ = kdim == embed && vdim == embed;
  const bool same = qkv_same_embed_dim_;
  if (same) register_parameter("in_proj_weight", new_parameter({3 * embed, embed}));
  register_parameter("q_proj_weight", none_unless(!same, {embed, embed}));
  register_parameter("k_proj_weight", none_unless(!same, {embed, kdim}));
  register_parameter("v_proj_weight", none_unless(!same, {embed, vdim}));
  if (!same) register_parameter("in_proj_weight", Tensor());
  register_parameter("in_proj_bias", none_unless(o.bias, {3 * embed}));
  const auto out = std::make_shared<NonDynamicallyQuantizableLinear>(embed, embed, LinearOptions{.bias = o.bias});
  register_module("out_proj", out);
  if (o.add_bias_kv) {
    register_parameter("bias_k", new_parameter({1, 1, embed}));
    register_parameter("bias_v", new_parameter({1, 1, embed}));
  }
  for (Parameter& p : parameters())
    if (p.tensor.defined() && p.name.ends_with("_weight")) init::xavier_uniform_(p.tensor);
  if (o.bias) {
    init::zeros_(parameter("in_proj_bias"));
    init::zeros_(out->bias());
  }
  if (o.add_bias_kv) {
    init::xavier_normal_(parameter("bias_k"));
    init::xavier_normal_(parameter("bias_v"));
  }
}

Var MultiheadAttention::forward(Var query, Var key, Var value, Var mask) {
  const bool self = query.id() == key.id() && key.id() == value.id();
  const bool unbatched = query.dim() == 2;
  // To (N, L, E).
  const auto inner = [&](Var x) {
    if (unbatched) return graph::reshape(x, {1, x.size(0), x.size(1)});
    return batch_first ? x : graph::transpose(x, 0, 1);
  };
  Var q = inner(query), k, v;
  const Var bias = constant(query, "in_proj_bias");
  const auto bias_part = [&](std::int64_t i) {
    return bias ? graph::narrow(bias, 0, i * embed_dim, embed_dim) : Var{};
  };
  if (qkv_same_embed_dim_) {
    const Var weight = constant(query, "in_proj_weight");
    if (self) {
      const auto parts = graph::chunk(graph::linear(q, weight, bias), 3, -1);
      q = parts[0], k = parts[1], v = parts[2];
    } else {
      const auto weight_part = [&](std::int64_t i) { return graph::narrow(weight, 0, i * embed_dim, embed_dim); };
      q = graph::linear(q, weight_part(0), bias_part(0));
      k = graph::linear(inner(key), weight_part(1), bias_part(1));
      v = graph::linear(inner(value), weight_part(2), bias_part(2));
    }
  } else {
    q = graph::linear(q, constant(query, "q_proj_weight"), bias_part(0));
    k = graph::linear(inner(key), constant(query, "k_proj_weight"), bias_part(1));
    v = graph::linear(inner(value), constant(query, "v_proj_weight"), bias_part(2));
  }
  const std::int64_t n = q.size(0), length = q.size(1);
  const auto lengthened = [&](Var x, Var by) {
    const std::array<Var, 2> parts = {x, repeated(by, n)};
    return graph::cat(parts, 1);
  };
  std::int64_t added = 0;
  if (has_tensor(*this, "bias_k") && has_tensor(*this, "bias_v")) {
    k = lengthened(k, constant(query, "bias_k"));
    v = lengthened(v, constant(query, "bias_v"));
    ++added;
  }
  if (add_zero_attn) {
    const Var zero = constant(query, Tensor::zeros({1, 1, embed_dim}));
    k = lengthened(k, zero);
    v = lengthened(v, zero);
    ++added;
  }
  if (mask && added > 0) mask = graph::pad(mask, {0, added});
  const auto heads = [&](Var x) {
    return graph::permute(graph::reshape(x, {n, x.size(1), num_heads, head_dim}), {0, 2, 1, 3});
  };
  q = heads(q), k = heads(k), v = heads(v);
  const double scale = 1 / std::sqrt(static_cast<double>(head_dim));
  Var y;
  if (training() && dropout.value > 0) {
    Var scores = graph::mul(graph::matmul(q, graph::transpose(k, -2, -1)), scale);
    if (mask) scores = graph::add(scores, mask);
    y = graph::matmul(dropped(graph::softmax(scores, -1), dropout), v);
  } else {
    y = graph::attention(q, k, v, mask, scale);
  }
  y = call("out_proj", graph::reshape(graph::permute(y, {0, 2, 1, 3}), {n, length, embed_dim}));
  if (unbatched) return graph::reshape(y, {length, embed_dim});
  return batch_first ? y : graph::transpose(y, 0, 1);
}

void MultiheadAttention::fields(Fields& f) {
  f("embed_dim", embed_dim);
  f("kdim", kdim);
  f("vdim", vdim);
  f("_qkv_same_embed_dim", qkv_same_embed_dim_);
  f("num_heads", num_heads);
  f("dropout", dropout);
  f("batch_first", batch_first);
  f("head_dim", head_dim);
  // Attributes only where they are no parameters.
  bool biased = false;
  for (const Parameter& p : parameters()) biased = biased || p.name == "bias_k";
  if (!biased) {
    f.derived("bias_k", std::optional<bool>());
    f.derived("bias_v", std::optional<bool>());
  }
  f("add_zero_attn", add_zero_attn);
}

}  // namespace flambeau::nn
