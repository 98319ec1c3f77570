#include <algorithm>
#include <array>

#include "plan/kernels/kernels.h"
#include "plan/kernels/vector.h"

namespace flambeau::plan {
namespace {

using graph::Op;

struct Row {
  Op op;
  std::array<Implementation, 8> fast;  // before the reference, best first; null: none
};

constexpr Row rows[] = {
    {Op::conv,
     {gemv_implementation, depthwise_implementation, onednn::bfloat16, onednn::int8, pointwise_implementation,
      onednn::winograd, winograd_implementation, onednn::conv}},
    {Op::linear,
     {gemv_implementation, tile_product_implementation, onednn::bfloat16, onednn::int8, linear_implementation,
      onednn::linear}},
    {Op::matmul, {matmul_implementation}},
    {Op::batch_norm, {batch_norm_implementation}},
    {Op::layer_norm, {rows_implementation}},
    {Op::rms_norm, {rows_implementation}},
    {Op::l2_normalize, {rows_implementation}},
    {Op::max_pool, {onednn::pool}},
    {Op::avg_pool, {channel_average_implementation, onednn::pool}},
    {Op::activation, {activation_implementation}},
    {Op::softmax, {rows_implementation}},
    {Op::log_softmax, {rows_implementation}},
    {Op::add, {binary_implementation}},
    {Op::sub, {binary_implementation}},
    {Op::mul, {channel_scaling_implementation, binary_implementation}},
    {Op::div, {binary_implementation}},
    {Op::cat, {onednn::cat}},
    {Op::pad, {indexed_copy_implementation}},
    {Op::roll, {indexed_copy_implementation}},
    {Op::attention, {attention_implementation}},
};

constexpr std::size_t op_count = static_cast<std::size_t>(Op::attention) + 1;

/// For each operation its fast implementations, then the reference.
struct Lists {
  std::array<std::array<Implementation, std::tuple_size_v<decltype(Row::fast)> + 1>, op_count> list{};
  std::array<std::size_t, op_count> size{};
};

Lists make_lists() {
  Lists result;
  for (const Row& row : rows) {
    const auto op = static_cast<std::size_t>(row.op);
    for (const Implementation implementation : row.fast)
      if (implementation) result.list[op][result.size[op]++] = implementation;
  }
  for (std::size_t op = 0; op < op_count; ++op) result.list[op][result.size[op]++] = reference_implementation;
  return result;
}

}  // namespace

std::span<const Implementation> implementations(Op op, Kernels kernels) {
  static const Lists lists =
      make_lists();  // not constexpr: GCC's sanitizer does not take a function's address for a constant
  const auto index = static_cast<std::size_t>(op);
  const std::span all(lists.list[index].data(), lists.size[index]);
  return kernels == Kernels::fast ? all : all.last(1);
}

// EfficientNet-B0 takes a seventh less time where oneDNN's AVX-512 convolutions do not apply it; its AVX2 ones do it
// well.
bool is_better_apart(Op op, graph::Activation activation) {
  return op == Op::conv && activation == graph::Activation::silu && isa() == Isa::avx512;
}

}  // namespace flambeau::plan
