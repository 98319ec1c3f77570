#pragma once
// The one table of operations: name, number of inputs and kind of attributes.

#include <flambeau/graph.h>

#include <array>
#include <cstddef>

namespace flambeau::graph {

struct OpInfo {
  Op op;
  std::string_view name;
  std::uint8_t min_inputs, max_inputs;  // 255: any number
  std::size_t attributes;               // index into the Attributes variant
};

enum AttributeIndex : std::size_t {
  no_attributes,
  conv_attributes,
  pool_attributes,
  norm_attributes,
  activation_attributes,
  shape_attributes,
  dim_attributes,
  attention_attributes,
};
static_assert(std::variant_size_v<Attributes> == attention_attributes + 1);

inline constexpr std::array<OpInfo, 34> ops = {{
    {Op::input, "input", 0, 0, no_attributes},
    {Op::constant, "constant", 0, 0, no_attributes},
    {Op::conv, "conv", 2, 3, conv_attributes},
    {Op::conv_transpose, "conv_transpose", 2, 3, conv_attributes},
    {Op::linear, "linear", 2, 3, no_attributes},
    {Op::matmul, "matmul", 2, 2, no_attributes},
    {Op::batch_norm, "batch_norm", 3, 5, norm_attributes},
    {Op::layer_norm, "layer_norm", 1, 3, norm_attributes},
    {Op::group_norm, "group_norm", 1, 3, norm_attributes},
    {Op::local_response_norm, "local_response_norm", 1, 1, norm_attributes},
    {Op::rms_norm, "rms_norm", 1, 2, norm_attributes},
    {Op::l2_normalize, "l2_normalize", 1, 1, dim_attributes},
    {Op::max_pool, "max_pool", 1, 1, pool_attributes},
    {Op::avg_pool, "avg_pool", 1, 1, pool_attributes},
    {Op::adaptive_avg_pool, "adaptive_avg_pool", 1, 1, shape_attributes},
    {Op::adaptive_max_pool, "adaptive_max_pool", 1, 1, shape_attributes},
    {Op::activation, "activation", 1, 1, activation_attributes},
    {Op::prelu, "prelu", 2, 2, no_attributes},
    {Op::softmax, "softmax", 1, 1, dim_attributes},
    {Op::log_softmax, "log_softmax", 1, 1, dim_attributes},
    {Op::add, "add", 2, 2, no_attributes},
    {Op::sub, "sub", 2, 2, no_attributes},
    {Op::mul, "mul", 2, 2, no_attributes},
    {Op::div, "div", 2, 2, no_attributes},
    {Op::cat, "cat", 1, 255, dim_attributes},
    {Op::reshape, "reshape", 1, 1, shape_attributes},
    {Op::permute, "permute", 1, 1, shape_attributes},
    {Op::narrow, "narrow", 1, 1, dim_attributes},
    {Op::pad, "pad", 1, 1, dim_attributes},
    {Op::roll, "roll", 1, 1, shape_attributes},
    {Op::mean, "mean", 1, 1, dim_attributes},
    {Op::interpolate, "interpolate", 1, 1, dim_attributes},
    {Op::embedding, "embedding", 2, 2, no_attributes},
    {Op::attention, "attention", 3, 4, attention_attributes},
}};

inline constexpr std::array<std::string_view, 28> activation_names = {
    "relu",      "relu6",       "sigmoid",  "tanh",        "silu",       "gelu",       "gelu_tanh",
    "hardswish", "hardsigmoid", "hardtanh", "leaky_relu",  "elu",        "celu",       "selu",
    "softplus",  "softsign",    "mish",     "log_sigmoid", "tanhshrink", "hardshrink", "softshrink",
    "threshold", "exp",         "clamp",    "sqrt",        "abs",        "neg",        "pow",
};

namespace detail {
consteval bool ops_complete() {
  for (std::size_t i = 0; i < ops.size(); ++i)
    if (static_cast<std::size_t>(ops[i].op) != i) return false;
  return ops.size() == static_cast<std::size_t>(Op::attention) + 1;
}
static_assert(ops_complete(), "the table stands in the order of the enumeration");
static_assert(activation_names.size() == static_cast<std::size_t>(Activation::pow) + 1);
}  // namespace detail

constexpr const OpInfo& info(Op op) noexcept { return ops[static_cast<std::size_t>(op)]; }

}  // namespace flambeau::graph
