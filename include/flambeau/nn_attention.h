#pragma once
/// torch.nn.MultiheadAttention and torch.nn.modules.transformer. Sequences are (L, N, E), or (N, L, E) with
/// batch_first.

#include <flambeau/nn_container.h>
#include <flambeau/nn_dropout.h>
#include <flambeau/nn_linear.h>
#include <flambeau/nn_norm.h>

namespace flambeau::nn {

struct MultiheadAttentionOptions {
  Number dropout = 0.0;
  bool bias = true;
  bool add_bias_kv = false;
  bool add_zero_attn = false;
  std::optional<std::int64_t> kdim{}, vdim{};
  bool batch_first = false;
};

/// Parameters in_proj_weight (3E, E) and in_proj_bias (3E), or q_, k_, v_proj_weight for other kdim or vdim; child
/// out_proj.
class MultiheadAttention : public Module {
 public:
  MultiheadAttention(std::int64_t embed_dim, std::int64_t num_heads, const MultiheadAttentionOptions& options = {});
  explicit MultiheadAttention(Blank) {}

  std::int64_t embed_dim = 0, kdim = 0, vdim = 0;
  std::int64_t num_heads = 1, head_dim = 0;
  Number dropout = 0.0;
  bool batch_first = false, add_zero_attn = false;

  std::string_view python_module() const override { return "torch.nn.modules.activation"; }
  std::string_view class_name() const override { return "MultiheadAttention"; }
  /// Self-attention.
  Var forward(Var x) override { return forward(x, x, x); }
  /// The attended values (need_weights=False). `mask`: additive, broadcast to (N, heads, L, S). Unbatched (L, E) works.
  Var forward(Var query, Var key, Var value, Var mask = {});
  void fields(Fields& fields) override;

 private:
  bool qkv_same_embed_dim_ = true;
};

/// What the transformer layers take; `activation` is "relu" or "gelu". A pickled layer may have a module as activation.
struct TransformerLayerOptions {
  std::int64_t dim_feedforward = 2048;
  Number dropout = 0.1;
  std::string activation = "relu";
  Number layer_norm_eps = 1e-5;
  bool batch_first = false, norm_first = false, bias = true;
};

class TransformerBase : public Module {
 public:
  std::string_view python_module() const override { return "torch.nn.modules.transformer"; }

 protected:
  TransformerBase() = default;
};

class TransformerEncoderLayer : public TransformerBase {
 public:
  TransformerEncoderLayer(std::int64_t d_model, std::int64_t nhead, const TransformerLayerOptions& options = {});
  explicit TransformerEncoderLayer(Blank) {}

  bool norm_first = false;
  Global activation{"torch.nn.functional", "relu"};

  std::string_view class_name() const override { return "TransformerEncoderLayer"; }
  Var forward(Var src) override { return forward(src, Var{}); }
  Var forward(Var src, Var mask);
  void fields(Fields& fields) override;

 private:
  Value other_activation_{};  // of a pickled layer: neither a module nor a plain function
};

class TransformerDecoderLayer : public TransformerBase {
 public:
  TransformerDecoderLayer(std::int64_t d_model, std::int64_t nhead, const TransformerLayerOptions& options = {});
  explicit TransformerDecoderLayer(Blank) {}

  bool norm_first = false;
  Global activation{"torch.nn.functional", "relu"};

  std::string_view class_name() const override { return "TransformerDecoderLayer"; }
  Var forward(Var tgt) override;  // throws: it takes two inputs
  Var forward(Var tgt, Var memory, Var tgt_mask = {}, Var memory_mask = {});
  void fields(Fields& fields) override;

 private:
  Value other_activation_{};  // of a pickled layer: neither a module nor a plain function
};

/// `layer` is copied `num_layers` times, as Python's deepcopy: all start with its values, none is it.
class TransformerEncoder : public TransformerBase {
 public:
  TransformerEncoder(const TransformerEncoderLayer& layer, std::int64_t num_layers, ModulePtr norm = {},
                     bool enable_nested_tensor = true, bool mask_check = true);
  explicit TransformerEncoder(Blank) {}

  std::int64_t num_layers = 0;
  bool enable_nested_tensor = true, use_nested_tensor = true, mask_check = true;

  std::string_view class_name() const override { return "TransformerEncoder"; }
  Var forward(Var src) override { return forward(src, Var{}); }
  Var forward(Var src, Var mask);
  void fields(Fields& fields) override;
};

class TransformerDecoder : public TransformerBase {
 public:
  TransformerDecoder(const TransformerDecoderLayer& layer, std::int64_t num_layers, ModulePtr norm = {});
  explicit TransformerDecoder(Blank) {}

  std::int64_t num_layers = 0;

  std::string_view class_name() const override { return "TransformerDecoder"; }
  Var forward(Var tgt) override;  // throws: it takes two inputs
  Var forward(Var tgt, Var memory, Var tgt_mask = {}, Var memory_mask = {});
  void fields(Fields& fields) override;
};

struct TransformerOptions {
  std::int64_t d_model = 512, nhead = 8, num_encoder_layers = 6, num_decoder_layers = 6, dim_feedforward = 2048;
  Number dropout = 0.1;
  std::string activation = "relu";
  Number layer_norm_eps = 1e-5;
  bool batch_first = false, norm_first = false, bias = true;
};

class Transformer : public TransformerBase {
 public:
  explicit Transformer(const TransformerOptions& options = {});
  explicit Transformer(Blank) {}

  std::int64_t d_model = 0, nhead = 0;
  bool batch_first = false;

  std::string_view class_name() const override { return "Transformer"; }
  Var forward(Var src) override;  // throws: it takes two inputs
  Var forward(Var src, Var tgt, Var src_mask = {}, Var tgt_mask = {}, Var memory_mask = {});
  void fields(Fields& fields) override;
};

}  // namespace flambeau::nn
