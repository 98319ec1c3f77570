#include <flambeau/nn_linear.h>

#include <algorithm>
#include <cmath>

#include <flambeau/init.h>

#include "nn/forward.h"

namespace flambeau::nn {
namespace {

std::optional<std::int64_t> checked_padding_idx(std::optional<std::int64_t> index, std::int64_t num_embeddings) {
  if (!index) return index;
  if (*index >= num_embeddings || *index < -num_embeddings)
    throw Error(ErrorCode::invalid_argument,
                "padding_idx must be within num_embeddings, but got padding_idx=" + std::to_string(*index) +
                    ", num_embeddings=" + std::to_string(num_embeddings));
  return *index < 0 ? *index + num_embeddings : *index;
}

void make_embedding(Module& module, std::int64_t num, std::int64_t dim, std::optional<std::int64_t> padding_idx) {
  Tensor& weight = module.register_parameter("weight", new_parameter({num, dim}));
  init::normal_(weight);
  if (padding_idx && !weight.is_meta()) {
    const auto row = weight.mutable_data<float>().subspan(static_cast<std::size_t>(*padding_idx * dim),
                                                          static_cast<std::size_t>(dim));
    std::fill(row.begin(), row.end(), 0.0f);
  }
}

}  // namespace

Linear::Linear(std::int64_t in, std::int64_t out, const LinearOptions& options) : in_features(in), out_features(out) {
  Tensor& weight = register_parameter("weight", new_parameter({out, in}));
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  Tensor& bias = register_parameter("bias", options.bias ? new_parameter({out}) : Tensor());
  if (options.bias) {
    const double bound = in > 0 ? 1 / std::sqrt(static_cast<double>(in)) : 0;
    init::uniform_(bias, -bound, bound);
  }
}

Var Linear::forward(Var x) { return graph::linear(x, constant(x, "weight"), constant(x, "bias")); }

void Linear::fields(Fields& f) {
  f("in_features", in_features);
  f("out_features", out_features);
}

std::string Linear::extra_repr() const {
  return "in_features=" + std::to_string(in_features) + ", out_features=" + std::to_string(out_features) +
         ", bias=" + python_repr(has_tensor(*this, "bias"));
}

Bilinear::Bilinear(std::int64_t in1, std::int64_t in2, std::int64_t out, const LinearOptions& options)
    : in1_features(in1), in2_features(in2), out_features(out) {
  if (in1 <= 0) throw Error(ErrorCode::invalid_argument, "in1_features must be > 0, but got " + std::to_string(in1));
  const double bound = 1 / std::sqrt(static_cast<double>(in1));
  init::uniform_(register_parameter("weight", new_parameter({out, in1, in2})), -bound, bound);
  Tensor& bias = register_parameter("bias", options.bias ? new_parameter({out}) : Tensor());
  if (options.bias) init::uniform_(bias, -bound, bound);
}

Var Bilinear::forward(Var) { unsupported(*this, "it takes two inputs"); }

Var Bilinear::forward(Var x1, Var x2) {
  // For each output o: x1 W[o] gives (N, in2); its products with x2, summed, are one column.
  const Var weight = constant(x1, "weight"), bias = constant(x1, "bias");
  const std::int64_t n = x1.size(0);
  const Var flat = graph::reshape(graph::permute(weight, {1, 0, 2}), {in1_features, out_features * in2_features});
  const Var left = graph::reshape(graph::matmul(x1, flat), {n, out_features, in2_features});
  const Var y = graph::reshape(graph::matmul(left, graph::reshape(x2, {n, in2_features, 1})), {n, out_features});
  return bias ? graph::add(y, bias) : y;
}

void Bilinear::fields(Fields& f) {
  f("in1_features", in1_features);
  f("in2_features", in2_features);
  f("out_features", out_features);
}

std::string Bilinear::extra_repr() const {
  return "in1_features=" + std::to_string(in1_features) + ", in2_features=" + std::to_string(in2_features) +
         ", out_features=" + std::to_string(out_features) + ", bias=" + python_repr(has_tensor(*this, "bias"));
}

Var Flatten::forward(Var x) { return graph::flatten(x, start_dim, end_dim); }

void Flatten::fields(Fields& f) {
  f("start_dim", start_dim);
  f("end_dim", end_dim);
}

std::string Flatten::extra_repr() const {
  return "start_dim=" + std::to_string(start_dim) + ", end_dim=" + std::to_string(end_dim);
}

Var Unflatten::forward(Var x) {
  Shape shape = x.shape();
  const std::int64_t at = dim < 0 ? dim + x.dim() : dim;
  if (at < 0 || at >= x.dim())
    throw Error(ErrorCode::invalid_argument,
                "dimension " + std::to_string(dim) + " of an input with " + std::to_string(x.dim()) + " dimensions");
  const Shape& parts = unflattened_size.values();
  shape.insert(shape.erase(shape.begin() + at), parts.begin(), parts.end());
  return graph::reshape(x, shape);
}

void Unflatten::fields(Fields& f) {
  f("dim", dim);
  f("unflattened_size", unflattened_size);
}

std::string Unflatten::extra_repr() const {
  return "dim=" + std::to_string(dim) + ", unflattened_size=" + python_repr(unflattened_size);
}

Embedding::Embedding(std::int64_t num, std::int64_t dim, const EmbeddingOptions& o)
    : num_embeddings(num),
      embedding_dim(dim),
      padding_idx(checked_padding_idx(o.padding_idx, num)),
      max_norm(o.max_norm),
      norm_type(o.norm_type),
      scale_grad_by_freq(o.scale_grad_by_freq),
      sparse(o.sparse) {
  make_embedding(*this, num, dim, padding_idx);
}

Var Embedding::forward(Var x) {
  if (max_norm) unsupported(*this, "max_norm changes its weights at each lookup");
  return graph::embedding(x, constant(x, "weight"));
}

void Embedding::fields(Fields& f) {
  f("num_embeddings", num_embeddings);
  f("embedding_dim", embedding_dim);
  f("padding_idx", padding_idx);
  f("max_norm", max_norm);
  f("norm_type", norm_type);
  f("scale_grad_by_freq", scale_grad_by_freq);
  f("sparse", sparse);
}

std::string Embedding::extra_repr() const {
  std::string text = std::to_string(num_embeddings) + ", " + std::to_string(embedding_dim);
  if (padding_idx) text += ", padding_idx=" + std::to_string(*padding_idx);
  if (max_norm) text += ", max_norm=" + python_repr(*max_norm);
  if (norm_type != 2) text += ", norm_type=" + python_repr(norm_type);
  if (scale_grad_by_freq) text += ", scale_grad_by_freq=True";
  if (sparse) text += ", sparse=True";
  return text;
}

EmbeddingBag::EmbeddingBag(std::int64_t num, std::int64_t dim, const EmbeddingBagOptions& o)
    : num_embeddings(num),
      embedding_dim(dim),
      max_norm(o.max_norm),
      norm_type(o.norm_type),
      scale_grad_by_freq(o.scale_grad_by_freq),
      padding_idx(checked_padding_idx(o.padding_idx, num)),
      mode(o.mode),
      sparse(o.sparse),
      include_last_offset(o.include_last_offset) {
  make_embedding(*this, num, dim, padding_idx);
}

Var EmbeddingBag::forward(Var x) {
  if (max_norm || padding_idx) unsupported(*this, "max_norm and padding_idx are not recorded");
  if (x.dim() != 2) unsupported(*this, "indices must be (bags, length)");
  const Var rows = graph::embedding(x, constant(x, "weight"));
  if (mode == "max") return graph::flatten(graph::max_pool(graph::transpose(rows, 1, 2), {x.size(1)}, {}, {}, {}));
  if (mode != "mean" && mode != "sum") unsupported(*this, "mode '" + mode + "' is not recorded");
  const Var mean = graph::mean(rows, {1});
  return mode == "mean" ? mean : graph::mul(mean, static_cast<double>(x.size(1)));
}

void EmbeddingBag::fields(Fields& f) {
  f("num_embeddings", num_embeddings);
  f("embedding_dim", embedding_dim);
  f("max_norm", max_norm);
  f("norm_type", norm_type);
  f("scale_grad_by_freq", scale_grad_by_freq);
  f("padding_idx", padding_idx);
  f("mode", mode);
  f("sparse", sparse);
  f("include_last_offset", include_last_offset);
}

std::string EmbeddingBag::extra_repr() const {
  std::string text = std::to_string(num_embeddings) + ", " + std::to_string(embedding_dim);
  if (max_norm) text += ", max_norm=" + python_repr(*max_norm);
  if (norm_type != 2) text += ", norm_type=" + python_repr(norm_type);
  if (scale_grad_by_freq) text += ", scale_grad_by_freq=True";
  text += ", mode=" + python_repr(mode);
  if (padding_idx) text += ", padding_idx=" + std::to_string(*padding_idx);
  return text;
}

}  // namespace flambeau::nn
