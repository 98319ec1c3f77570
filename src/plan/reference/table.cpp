#include <array>

#include "plan/reference/reference.h"

namespace flambeau::plan::reference {
namespace {

using graph::Op;

struct Row {
  Op op;
  Function function;
};

constexpr std::array<Row, 34> table = {{
    {Op::input, nullptr},
    {Op::constant, nullptr},
    {Op::conv, conv},
    {Op::conv_transpose, conv_transpose},
    {Op::linear, linear},
    {Op::matmul, matmul},
    {Op::batch_norm, batch_norm},
    {Op::layer_norm, layer_norm},
    {Op::group_norm, group_norm},
    {Op::local_response_norm, local_response_norm},
    {Op::rms_norm, rms_norm},
    {Op::l2_normalize, l2_normalize},
    {Op::max_pool, max_pool},
    {Op::avg_pool, avg_pool},
    {Op::adaptive_avg_pool, adaptive_avg_pool},
    {Op::adaptive_max_pool, adaptive_max_pool},
    {Op::activation, activation},
    {Op::prelu, prelu},
    {Op::softmax, softmax},
    {Op::log_softmax, log_softmax},
    {Op::add, add},
    {Op::sub, sub},
    {Op::mul, mul},
    {Op::div, div},
    {Op::cat, cat},
    {Op::reshape, reshape},
    {Op::permute, permute},
    {Op::narrow, narrow},
    {Op::pad, pad},
    {Op::roll, roll},
    {Op::mean, mean},
    {Op::interpolate, interpolate},
    {Op::embedding, embedding},
    {Op::attention, attention},
}};

consteval bool complete() {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (static_cast<std::size_t>(table[i].op) != i) return false;
  return table.size() == static_cast<std::size_t>(Op::attention) + 1;
}
static_assert(complete(), "the table stands in the order of the enumeration");

}  // namespace

Function function(Op op) noexcept { return table[static_cast<std::size_t>(op)].function; }

}  // namespace flambeau::plan::reference
