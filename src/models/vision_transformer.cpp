// Vision Transformer (arXiv 2010.11929).
#include <cmath>

#include <flambeau/error.h>

#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

const nn::LayerNormOptions small_eps{.eps = 1e-6};

class MLPBlock final : public Python<"torchvision.models.vision_transformer", "MLPBlock", MLPLayers> {
 public:
  explicit MLPBlock(nn::Blank blank) : Python(blank) {}
  MLPBlock(std::int64_t in, std::int64_t mlp_dim)
      : Python(
            in, mlp_dim, [] { return layer<nn::GELU>(); }, 0.0) {
    each<nn::Linear>(*this, [](nn::Linear& linear) {
      nn::init::xavier_uniform_(linear.weight());
      nn::init::normal_(linear.bias(), 0, 1e-6);
    });
  }
  std::int64_t version() const override { return 2; }

  /// Version 1 named its layers linear_1 and linear_2.
  void upgrade(StateDict& state_dict, const std::string& prefix, std::optional<std::int64_t> version) override {
    if (version && *version >= 2) return;
    for (const auto& [old, now] : {std::pair("linear_1.", "0."), std::pair("linear_2.", "3.")})
      for (const char* kind : {"weight", "bias"})
        if (const Tensor* found = state_dict.find(prefix + old + kind)) {
          state_dict.set(prefix + now + kind, *found);
          state_dict.erase(prefix + old + kind);
        }
  }
};

class EncoderBlock final : public Python<"torchvision.models.vision_transformer", "EncoderBlock"> {
 public:
  explicit EncoderBlock(nn::Blank) {}
  EncoderBlock(std::int64_t heads, std::int64_t hidden, std::int64_t mlp) : num_heads_(heads) {
    register_module("ln_1", layer<nn::LayerNorm>(hidden, small_eps));
    register_module("self_attention",
                    layer<nn::MultiheadAttention>(hidden, heads, nn::MultiheadAttentionOptions{.batch_first = true}));
    register_module("dropout", layer<nn::Dropout>(0.0));
    register_module("ln_2", layer<nn::LayerNorm>(hidden, small_eps));
    register_module("mlp", layer<MLPBlock>(hidden, mlp));
  }

  Var forward(Var x) override {
    x = call("dropout", call("self_attention", call("ln_1", x))) + x;
    return x + call("mlp", call("ln_2", x));
  }
  void fields(nn::Fields& fields) override { fields("num_heads", num_heads_); }

 private:
  std::int64_t num_heads_ = 1;
};

struct Variant {
  std::int64_t patch, layers, heads, hidden, mlp;
};

class Encoder final : public Python<"torchvision.models.vision_transformer", "Encoder"> {
 public:
  explicit Encoder(nn::Blank) {}
  Encoder(std::int64_t tokens, const Variant& v) {
    nn::init::normal_(register_parameter("pos_embedding", nn::new_parameter({1, tokens, v.hidden})), 0, 0.02);
    register_module("dropout", layer<nn::Dropout>(0.0));
    auto layers = layer<EncoderLayers>(nn::Blank{});
    for (std::int64_t i = 0; i < v.layers; ++i)
      layers->add_module("encoder_layer_" + std::to_string(i), layer<EncoderBlock>(v.heads, v.hidden, v.mlp));
    register_module("layers", layers);
    register_module("ln", layer<nn::LayerNorm>(v.hidden, small_eps));
  }

  Var forward(Var x) override { return call("ln", call("layers", call("dropout", x + constant(x, "pos_embedding")))); }

 private:
  /// Names are made anew by an f-string.
  class EncoderLayers final : public nn::Sequential {
   public:
    using nn::Sequential::Sequential;
    bool fresh_child_name(std::string_view) const override { return true; }
  };
};

/// functools.partial(nn.LayerNorm, eps=1e-06): only pickles see it.
class NormLayerAttribute {
 public:
  void visit(nn::Fields& fields) {
    if (!fields.writing()) {
      if (const auto ref = fields.find("norm_layer"); ref) fields("norm_layer", value_);
      return;
    }
    if (!value_.is_none()) return fields("norm_layer", value_);
    auto& heap = fields.heap();
    const auto cls = heap.global("torch.nn.modules.normalization", "LayerNorm");
    const auto partial =
        heap.object(object::Construction::reduce, heap.global("functools", "partial"), heap.tuple({cls}));
    auto* node = object::as<object::Object>(partial);
    node->has_state = true;
    node->state =
        heap.tuple({cls, heap.tuple({}), heap.dict({{heap.interned("eps"), heap.floating(1e-6)}}), heap.dict()});
    fields.write("norm_layer", partial);
  }

 private:
  Value value_{};
};

template <class M>
void init_from_fan_in(M& module, std::int64_t fan_in) {
  nn::init::trunc_normal_(module.weight(), 0, std::sqrt(1 / static_cast<double>(fan_in)));
  nn::init::zeros_(module.bias());
}

class VisionTransformer final : public Python<"torchvision.models.vision_transformer", "VisionTransformer"> {
 public:
  explicit VisionTransformer(nn::Blank) {}
  VisionTransformer(const Variant& v, const Options& o)
      : image_size_(o.image_size.value_or(224)),
        patch_size_(v.patch),
        hidden_dim_(v.hidden),
        mlp_dim_(v.mlp),
        num_classes_(o.num_classes),
        representation_size_(o.representation_size) {
    if (image_size_ % v.patch != 0)
      throw Error(ErrorCode::invalid_argument, "image size " + std::to_string(image_size_) +
                                                   " is not divisible by patch size " + std::to_string(v.patch));
    auto conv_proj =
        register_module("conv_proj", layer<nn::Conv2d>(3, v.hidden, v.patch, nn::ConvOptions{.stride = v.patch}));
    nn::init::zeros_(register_parameter("class_token", nn::new_parameter({1, 1, v.hidden})));
    seq_length_ = (image_size_ / v.patch) * (image_size_ / v.patch) + 1;
    register_module("encoder", layer<Encoder>(seq_length_, v));
    auto heads = register_module("heads", layer<nn::Sequential>());
    std::shared_ptr<nn::Linear> pre_logits;
    if (representation_size_) {
      heads->add_module("pre_logits", pre_logits = layer<nn::Linear>(v.hidden, *representation_size_));
      heads->add_module("act", layer<nn::Tanh>());
    }
    auto head = layer<nn::Linear>(representation_size_.value_or(v.hidden), o.num_classes);
    heads->add_module("head", head);
    init_from_fan_in(*conv_proj, 3 * v.patch * v.patch);
    if (pre_logits) init_from_fan_in(*pre_logits, v.hidden);
    nn::init::zeros_(head->weight());
    nn::init::zeros_(head->bias());
  }

  Var forward(Var x) override {
    const auto batch = x.size(0);
    if (x.size(2) != image_size_ || x.size(3) != image_size_)
      throw Error(ErrorCode::invalid_argument, "wrong image size: expected " + std::to_string(image_size_) + " x " +
                                                   std::to_string(image_size_) + " but got " +
                                                   std::to_string(x.size(2)) + " x " + std::to_string(x.size(3)));
    x = graph::permute(graph::reshape(call("conv_proj", x), {batch, hidden_dim_, -1}), {0, 2, 1});
    std::vector<Var> parts(static_cast<std::size_t>(batch), constant(x, "class_token"));
    const Var tokens[] = {batch == 1 ? parts[0] : graph::cat(parts, 0), x};
    x = call("encoder", graph::cat(tokens, 1));
    return call("heads", graph::reshape(graph::narrow(x, 1, 0, 1), {batch, hidden_dim_}));
  }

  void fields(nn::Fields& fields) override {
    fields("image_size", image_size_);
    fields("patch_size", patch_size_);
    fields("hidden_dim", hidden_dim_);
    fields("mlp_dim", mlp_dim_);
    fields("attention_dropout", attention_dropout_);
    fields("dropout", dropout_);
    fields("num_classes", num_classes_);
    fields("representation_size", representation_size_);
    norm_layer_.visit(fields);
    fields("seq_length", seq_length_);
  }

 private:
  std::int64_t image_size_ = 224, patch_size_ = 16, hidden_dim_ = 768, mlp_dim_ = 3072;
  nn::Number attention_dropout_ = 0.0, dropout_ = 0.0;
  std::int64_t num_classes_ = 1000;
  std::optional<std::int64_t> representation_size_{};
  NormLayerAttribute norm_layer_{};
  std::int64_t seq_length_ = 197;
};

}  // namespace

ModulePtr make_vit_b_16(const Options& o) { return layer<VisionTransformer>(Variant{16, 12, 12, 768, 3072}, o); }
ModulePtr make_vit_b_32(const Options& o) { return layer<VisionTransformer>(Variant{32, 12, 12, 768, 3072}, o); }
ModulePtr make_vit_l_16(const Options& o) { return layer<VisionTransformer>(Variant{16, 24, 16, 1024, 4096}, o); }
ModulePtr make_vit_l_32(const Options& o) { return layer<VisionTransformer>(Variant{32, 24, 16, 1024, 4096}, o); }
ModulePtr make_vit_h_14(const Options& o) { return layer<VisionTransformer>(Variant{14, 32, 16, 1280, 5120}, o); }

std::span<const nn::ClassRow> vision_transformer_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<VisionTransformer>(), class_row<Encoder>(),
                                          class_row<EncoderBlock>(), class_row<MLPBlock>()};
  return rows;
}

}  // namespace flambeau::models
