#pragma once
/// torch.nn.modules.linear, flatten and sparse: Linear, Bilinear, Identity, Flatten, Unflatten, Embedding,
/// EmbeddingBag.

#include <flambeau/nn.h>

namespace flambeau::nn {

struct LinearOptions {
  bool bias = true;
};

/// x (…, in) → (…, out). weight (out, in): kaiming_uniform(√5); bias (out): ±1/√in.
class Linear : public Module {
 public:
  Linear(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options = {});
  explicit Linear(Blank) {}

  std::int64_t in_features = 0, out_features = 0;
  Tensor& weight() { return parameter("weight"); }
  Tensor& bias() { return parameter("bias"); }

  std::string_view python_module() const override { return "torch.nn.modules.linear"; }
  std::string_view class_name() const override { return "Linear"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

/// The Linear inside MultiheadAttention.
class NonDynamicallyQuantizableLinear : public Linear {
 public:
  using Linear::Linear;
  std::string_view class_name() const override { return "NonDynamicallyQuantizableLinear"; }
};

/// y = x1ᵀ W x2 + b. weight (out, in1, in2) and bias: ±1/√in1.
class Bilinear : public Module {
 public:
  Bilinear(std::int64_t in1_features, std::int64_t in2_features, std::int64_t out_features,
           const LinearOptions& options = {});
  explicit Bilinear(Blank) {}

  std::int64_t in1_features = 0, in2_features = 0, out_features = 0;

  std::string_view python_module() const override { return "torch.nn.modules.linear"; }
  std::string_view class_name() const override { return "Bilinear"; }
  Var forward(Var x) override;  // throws: it takes two inputs
  /// (N, in1), (N, in2) → (N, out).
  Var forward(Var x1, Var x2);
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

class Identity : public Module {
 public:
  Identity() = default;
  explicit Identity(Blank) {}
  std::string_view python_module() const override { return "torch.nn.modules.linear"; }
  std::string_view class_name() const override { return "Identity"; }
  Var forward(Var x) override { return x; }
};

class Flatten : public Module {
 public:
  explicit Flatten(std::int64_t start = 1, std::int64_t end = -1) : start_dim(start), end_dim(end) {}
  explicit Flatten(Blank) {}

  std::int64_t start_dim = 1, end_dim = -1;

  std::string_view python_module() const override { return "torch.nn.modules.flatten"; }
  std::string_view class_name() const override { return "Flatten"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

/// Splits dimension `dim` into `unflattened_size` (one may be -1).
class Unflatten : public Module {
 public:
  Unflatten(std::int64_t dimension, Size sizes) : dim(dimension), unflattened_size(std::move(sizes)) {}
  explicit Unflatten(Blank) {}

  std::int64_t dim = 1;
  Size unflattened_size = {1};

  std::string_view python_module() const override { return "torch.nn.modules.flatten"; }
  std::string_view class_name() const override { return "Unflatten"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

struct EmbeddingOptions {
  std::optional<std::int64_t> padding_idx{};
  std::optional<Number> max_norm{};
  Number norm_type = 2.0;
  bool scale_grad_by_freq = false;
  bool sparse = false;
};

/// Indices (…) int64 → (…, embedding_dim). weight (num, dim): normal(0, 1), the padding row zero.
class Embedding : public Module {
 public:
  Embedding(std::int64_t num_embeddings, std::int64_t embedding_dim, const EmbeddingOptions& options = {});
  explicit Embedding(Blank) {}

  std::int64_t num_embeddings = 0, embedding_dim = 0;
  std::optional<std::int64_t> padding_idx{};
  std::optional<Number> max_norm{};
  Number norm_type = 2.0;
  bool scale_grad_by_freq = false, sparse = false;

  std::string_view python_module() const override { return "torch.nn.modules.sparse"; }
  std::string_view class_name() const override { return "Embedding"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

struct EmbeddingBagOptions {
  std::optional<Number> max_norm{};
  Number norm_type = 2.0;
  bool scale_grad_by_freq = false;
  std::string mode = "mean";  ///< "sum", "mean", "max"
  bool sparse = false;
  bool include_last_offset = false;
  std::optional<std::int64_t> padding_idx{};
};

/// Bags of equal length: indices (N, L) int64 → (N, dim). forward knows mode "mean" and "sum".
class EmbeddingBag : public Module {
 public:
  EmbeddingBag(std::int64_t num_embeddings, std::int64_t embedding_dim, const EmbeddingBagOptions& options = {});
  explicit EmbeddingBag(Blank) {}

  std::int64_t num_embeddings = 0, embedding_dim = 0;
  std::optional<Number> max_norm{};
  Number norm_type = 2.0;
  bool scale_grad_by_freq = false;
  std::optional<std::int64_t> padding_idx{};
  std::string mode = "mean";
  bool sparse = false, include_last_offset = false;

  std::string_view python_module() const override { return "torch.nn.modules.sparse"; }
  std::string_view class_name() const override { return "EmbeddingBag"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

}  // namespace flambeau::nn
