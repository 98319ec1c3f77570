#include <flambeau/init.h>
#include <flambeau/nn_attention.h>

#include "nn/deep_copy.h"
#include "nn/forward.h"

namespace flambeau::nn {
namespace {

Global function_named(const std::string& activation) {
  if (activation == "relu") return {"torch.nn.functional", "relu"};
  if (activation == "gelu") return {"torch._C._nn", "gelu"};
  throw Error(ErrorCode::invalid_argument, "activation should be relu/gelu, not " + activation);
}

MultiheadAttentionOptions attention_options(const TransformerLayerOptions& o) {
  return {.dropout = o.dropout, .bias = o.bias, .batch_first = o.batch_first};
}

LayerNormOptions norm_options(const TransformerLayerOptions& o) { return {.eps = o.layer_norm_eps, .bias = o.bias}; }

void add_feedforward(Module& layer, std::int64_t d_model, const TransformerLayerOptions& o) {
  const LinearOptions options{.bias = o.bias};
  layer.register_module("linear1", std::make_shared<Linear>(d_model, o.dim_feedforward, options));
  layer.register_module("dropout", std::make_shared<Dropout>(o.dropout));
  layer.register_module("linear2", std::make_shared<Linear>(o.dim_feedforward, d_model, options));
}

void add_norms(Module& layer, int count, std::int64_t d_model, const TransformerLayerOptions& o) {
  for (int i = 1; i <= count; ++i)
    layer.register_module("norm" + std::to_string(i), std::make_shared<LayerNorm>(d_model, norm_options(o)));
  for (int i = 1; i <= count; ++i)
    layer.register_module("dropout" + std::to_string(i), std::make_shared<Dropout>(o.dropout));
}

/// `activation` as an attribute; a module as activation is a child instead.
void activation_field(Fields& f, const Module& layer, Global& activation, Value& other) {
  if (!layer.child("activation")) f.callable("activation", activation, other);
}

/// torch's own number for the activation: 1 for relu, 2 for gelu, 0 for any other.
std::int64_t relu_or_gelu(const Module& layer, const Global& activation, const Value& other) {
  const auto child = layer.child("activation");
  const std::string_view name = child             ? child->class_name()
                                : other.is_none() ? std::string_view(activation.qualname)
                                                  : std::string_view();
  return name == "relu" || name == "ReLU" ? 1 : name == "gelu" || name == "GELU" ? 2 : 0;
}

/// The name of a function of torch; a builtin is pickled as getattr(torch._C._VariableFunctionsClass, "tanh").
std::string torch_function(const Global& activation, const Value& other) {
  if (other.is_none()) return activation.module.starts_with("torch.") ? activation.qualname : std::string();
  const auto* made = object::as<object::Object>(other.ref());
  const auto* args = made ? object::as<object::Sequence>(made->args) : nullptr;
  if (!args || args->items.size() != 2 || object::global_name(made->callable) != "builtins.getattr" ||
      object::global_name(args->items[0]) != "torch._C._VariableFunctionsClass")
    return {};
  return std::string(object::text(args->items[1]).value_or(""));
}

Var activate(const Module& layer, const Global& activation, const Value& other, Var x) {
  using graph::Activation;
  if (const auto child = layer.child("activation")) return (*child)(x);
  const std::string function = torch_function(activation, other);
  for (const Activation kind : {Activation::relu, Activation::gelu, Activation::silu, Activation::tanh,
                                Activation::sigmoid, Activation::mish, Activation::hardswish, Activation::relu6})
    if (function == graph::name(kind)) return graph::activation(x, kind);
  unsupported(layer, "its activation is " +
                         (other.is_none() ? activation.module + "." + activation.qualname : "a " + other.type_name()));
}

/// Attention and the dropout behind it.
Var attend(const Module& layer, std::string_view name, std::string_view dropout, Var query, Var memory, Var mask) {
  const auto attention = std::dynamic_pointer_cast<MultiheadAttention>(layer.child(name));
  if (!attention) unsupported(layer, std::string(name) + " is no MultiheadAttention");
  const auto drop = layer.child(dropout);
  if (!drop) unsupported(layer, "it has no child " + std::string(dropout));
  const Var y = attention->forward(query, memory, memory, mask);
  // torch computes attention with the batch second and draws masks in the order of memory.
  if (!drop->training() || !attention->batch_first || y.dim() != 3) return (*drop)(y);
  return graph::transpose((*drop)(graph::transpose(y, 0, 1)), 0, 1);
}

template <class Layer>
void add_clones(Module& stack, const Layer& layer, std::int64_t count) {
  const auto layers = std::make_shared<ModuleList>();
  for (std::int64_t i = 0; i < count; ++i) layers->append(deep_copy(layer));
  stack.register_module("layers", layers);
}

/// The layers of a stack as what they must be to be run.
template <class Layer>
std::vector<Layer*> layers_of(const Module& stack) {
  const auto list = stack.child("layers");
  if (!list) unsupported(stack, "it has no layers");
  std::vector<Layer*> layers;
  for (const Module::Child& child : list->children()) {
    layers.push_back(dynamic_cast<Layer*>(child.module.get()));
    if (!layers.back()) unsupported(stack, "layer '" + child.name + "' is of another class");
  }
  return layers;
}

void norm_field(Fields& f, const Module& stack) {
  for (const Module::Child& child : stack.children())
    if (child.name == "norm") return;
  f.derived("norm", std::optional<bool>());
}

TransformerLayerOptions layer_options(const TransformerOptions& o) {
  return {o.dim_feedforward, o.dropout, o.activation, o.layer_norm_eps, o.batch_first, o.norm_first, o.bias};
}

}  // namespace

TransformerEncoderLayer::TransformerEncoderLayer(std::int64_t d_model, std::int64_t nhead,
                                                 const TransformerLayerOptions& o)
    : norm_first(o.norm_first), activation(function_named(o.activation)) {
  register_module("self_attn", std::make_shared<MultiheadAttention>(d_model, nhead, attention_options(o)));
  add_feedforward(*this, d_model, o);
  add_norms(*this, 2, d_model, o);
}

Var TransformerEncoderLayer::forward(Var src, Var mask) {
  const auto self_attention = [&](Var x) { return attend(*this, "self_attn", "dropout1", x, x, mask); };
  const auto feedforward = [&](Var x) {
    x = call("dropout", activate(*this, activation, other_activation_, call("linear1", x)));
    return call("dropout2", call("linear2", x));
  };
  Var x = src;
  if (norm_first) {
    x = x + self_attention(call("norm1", x));
    return x + feedforward(call("norm2", x));
  }
  x = call("norm1", x + self_attention(x));
  return call("norm2", x + feedforward(x));
}

void TransformerEncoderLayer::fields(Fields& f) {
  f("norm_first", norm_first);
  f.derived("activation_relu_or_gelu", relu_or_gelu(*this, activation, other_activation_));
  activation_field(f, *this, activation, other_activation_);
}

TransformerDecoderLayer::TransformerDecoderLayer(std::int64_t d_model, std::int64_t nhead,
                                                 const TransformerLayerOptions& o)
    : norm_first(o.norm_first), activation(function_named(o.activation)) {
  register_module("self_attn", std::make_shared<MultiheadAttention>(d_model, nhead, attention_options(o)));
  register_module("multihead_attn", std::make_shared<MultiheadAttention>(d_model, nhead, attention_options(o)));
  add_feedforward(*this, d_model, o);
  add_norms(*this, 3, d_model, o);
}

Var TransformerDecoderLayer::forward(Var) { unsupported(*this, "it takes two inputs"); }

Var TransformerDecoderLayer::forward(Var tgt, Var memory, Var tgt_mask, Var memory_mask) {
  const auto self_attention = [&](Var x) { return attend(*this, "self_attn", "dropout1", x, x, tgt_mask); };
  const auto cross_attention = [&](Var x) {
    return attend(*this, "multihead_attn", "dropout2", x, memory, memory_mask);
  };
  const auto feedforward = [&](Var x) {
    x = call("dropout", activate(*this, activation, other_activation_, call("linear1", x)));
    return call("dropout3", call("linear2", x));
  };
  Var x = tgt;
  if (norm_first) {
    x = x + self_attention(call("norm1", x));
    x = x + cross_attention(call("norm2", x));
    return x + feedforward(call("norm3", x));
  }
  x = call("norm1", x + self_attention(x));
  x = call("norm2", x + cross_attention(x));
  return call("norm3", x + feedforward(x));
}

void TransformerDecoderLayer::fields(Fields& f) {
  f("norm_first", norm_first);
  activation_field(f, *this, activation, other_activation_);
}

TransformerEncoder::TransformerEncoder(const TransformerEncoderLayer& layer, std::int64_t count, ModulePtr norm,
                                       bool nested, bool check)
    : num_layers(count), enable_nested_tensor(nested), mask_check(check) {
  add_clones(*this, layer, count);
  if (norm) register_module("norm", std::move(norm));
  // Python's conditions for its fast path over nested tensors.
  const auto attention = std::dynamic_pointer_cast<MultiheadAttention>(layer.child("self_attn"));
  const auto norm1 = std::dynamic_pointer_cast<LayerNorm>(layer.child("norm1"));
  const auto norm2 = std::dynamic_pointer_cast<LayerNorm>(layer.child("norm2"));
  use_nested_tensor = nested && !layer.norm_first && attention && attention->batch_first &&
                      attention->kdim == attention->embed_dim && attention->vdim == attention->embed_dim &&
                      attention->parameter("in_proj_bias").defined() &&
                      (layer.activation.qualname == "relu" || layer.activation.qualname == "gelu") && norm1 && norm2 &&
                      norm1->eps.value == norm2->eps.value && attention->num_heads % 2 == 0;
}

Var TransformerEncoder::forward(Var src, Var mask) {
  for (auto* layer : layers_of<TransformerEncoderLayer>(*this)) src = layer->forward(src, mask);
  return child("norm") ? call("norm", src) : src;
}

void TransformerEncoder::fields(Fields& f) {
  f("num_layers", num_layers);
  norm_field(f, *this);
  f("enable_nested_tensor", enable_nested_tensor);
  f("use_nested_tensor", use_nested_tensor);
  f("mask_check", mask_check);
}

TransformerDecoder::TransformerDecoder(const TransformerDecoderLayer& layer, std::int64_t count, ModulePtr norm)
    : num_layers(count) {
  add_clones(*this, layer, count);
  if (norm) register_module("norm", std::move(norm));
}

Var TransformerDecoder::forward(Var) { unsupported(*this, "it takes two inputs"); }

Var TransformerDecoder::forward(Var tgt, Var memory, Var tgt_mask, Var memory_mask) {
  for (auto* layer : layers_of<TransformerDecoderLayer>(*this))
    tgt = layer->forward(tgt, memory, tgt_mask, memory_mask);
  return child("norm") ? call("norm", tgt) : tgt;
}

void TransformerDecoder::fields(Fields& f) {
  f("num_layers", num_layers);
  norm_field(f, *this);
}

Transformer::Transformer(const TransformerOptions& o) : d_model(o.d_model), nhead(o.nhead), batch_first(o.batch_first) {
  const TransformerLayerOptions options = layer_options(o);
  const TransformerEncoderLayer encoder_layer(d_model, nhead, options);
  register_module("encoder",
                  std::make_shared<TransformerEncoder>(encoder_layer, o.num_encoder_layers,
                                                       std::make_shared<LayerNorm>(d_model, norm_options(options))));
  const TransformerDecoderLayer decoder_layer(d_model, nhead, options);
  register_module("decoder",
                  std::make_shared<TransformerDecoder>(decoder_layer, o.num_decoder_layers,
                                                       std::make_shared<LayerNorm>(d_model, norm_options(options))));
  for (auto& [path, module] : named_modules())
    for (Parameter& p : module->parameters())
      if (p.tensor.defined() && p.tensor.dim() > 1) init::xavier_uniform_(p.tensor);
}

Var Transformer::forward(Var) { unsupported(*this, "it takes two inputs"); }

Var Transformer::forward(Var src, Var tgt, Var src_mask, Var tgt_mask, Var memory_mask) {
  const auto encoder = std::dynamic_pointer_cast<TransformerEncoder>(child("encoder"));
  const auto decoder = std::dynamic_pointer_cast<TransformerDecoder>(child("decoder"));
  if (!encoder || !decoder) unsupported(*this, "its encoder or decoder is of another class");
  return decoder->forward(tgt, encoder->forward(src, src_mask), tgt_mask, memory_mask);
}

void Transformer::fields(Fields& f) {
  f("d_model", d_model);
  f("nhead", nhead);
  f("batch_first", batch_first);
}

}  // namespace flambeau::nn
