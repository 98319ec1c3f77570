// Weights in the formats that oneDNN's primitives want.
#include <algorithm>
#include <unordered_map>

#include "plan/array.h"
#include "plan/kernels/vector.h"
#include "plan/onednn/support.h"
#include "plan/parallel.h"

namespace flambeau::plan::onednn {

using dnnl::memory;

namespace {

const std::byte* first_byte(const Tensor& dense) {
  return dense.storage()->unchecked_bytes().data() + static_cast<std::size_t>(dense.offset()) * itemsize(dense.dtype());
}

Operand as_operand(int argument, const memory::desc& desc, Tensor dense) {
  const std::byte* const data = first_byte(dense);
  return {Operand::From::constant, argument, desc, 0, std::move(dense), data};
}

/// Bits of the leading dimensions whose indices count `parts` equal parts; nullopt if there are none such.
std::optional<int> leading(const memory::dims& dims, std::size_t parts) {
  int bits = 0;
  std::size_t found = 1;
  for (std::size_t dim = 0; dim < dims.size() && found < parts; ++dim) {
    found *= static_cast<std::size_t>(dims[dim]);
    bits |= 1 << dim;
  }
  return found == parts ? std::optional(bits) : std::nullopt;
}

/// Factors, if given, belong to the indices of the dimensions `scaled`.
void reorder(const Tensor& given, const memory::desc& from, const memory::desc& to, float* data,
             const std::vector<float>* factors = nullptr, int scaled = 0) {
  memory source(from, engine(), const_cast<std::byte*>(first_byte(given))), target(to, engine(), data);
  std::unordered_map<int, memory> arguments = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, target}};
  dnnl::primitive_attr attr;
  if (factors) {
#if DNNL_VERSION_MAJOR >= 3
    attr.set_scales_mask(DNNL_ARG_FROM, scaled);
    const memory::desc scales({static_cast<memory::dim>(factors->size())}, memory::data_type::f32,
                              memory::format_tag::a);
    arguments.emplace(DNNL_ARG_ATTR_SCALES | DNNL_ARG_FROM,
                      memory(scales, engine(), const_cast<float*>(factors->data())));
#else
    attr.set_output_scales(scaled, *factors);
#endif
  }
  dnnl::stream stream(engine());
  dnnl::reorder(dnnl::reorder::primitive_desc(source, target, attr)).execute(stream, arguments);
  stream.wait();
}

/// The format that most convolutions want: outputs in blocks, a block's outputs side by side. oneDNN's own reorder into
/// it is several times slower than turning squares of vectors.
struct Panels {
  std::int64_t outputs, block, block_step;  ///< floats from block to block
  Turn turn;                                ///< of a whole block

  void fill(const Value& weight, float* data) const {
    const Tensor dense = unscaled(weight);
    parallel_for((outputs + block - 1) / block, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        Turn part = turn;
        part.rows = std::min(block, outputs - i * block);
        if (weight.factors) part.factors = weight.factors->data() + i * block;
        vector_kernels().turn(part, floats(dense) + i * block * turn.stride, data + i * block_step);
      }
    });
  }
};

std::optional<Panels> panels_of(const Value& weight, const memory::desc& from, const memory::desc& to) {
  const auto blocking = blocking_of(to);
  const Shape& shape = weight.shape;
  if (!blocking || blocking->bfloat16 || blocking->offset != 0 ||
      blocking->dims_of_blocks != std::vector<std::int64_t>{0})
    return std::nullopt;
  if (from.dims() != dims(shape) || shape.size() < 2 || product(shape) == 0) return std::nullopt;
  if (weight.factors && static_cast<std::int64_t>(weight.factors->size()) != shape[0]) return std::nullopt;
  const memory::dims& strides = blocking->strides;
  for (std::size_t i = 2; i + 1 < shape.size(); ++i)  // the points of a kernel follow each other evenly
    if (strides[i] != strides[i + 1] * shape[i + 1]) return std::nullopt;
  Panels result{shape[0], blocking->blocks[0], strides[0], {}};
  result.turn.count = result.turn.stride = product(shape, 1, shape.size());
  result.turn.inner = product(shape, 2, shape.size());
  result.turn.outer_step = strides[1];
  result.turn.inner_step = shape.size() > 2 ? strides.back() : 0;
  return result;
}

template <class Fill>
Operand packed_copy(WeightPool& pool, int argument, const memory::desc& to, std::uint64_t& packed, Fill fill) {
  packed += to.get_size();
  return as_operand(argument, to, pool.floats(static_cast<std::int64_t>((to.get_size() + 3) / 4), std::move(fill)));
}

}  // namespace

std::optional<Operand> passing_weight(int argument, const Value& constant, const memory::desc& from,
                                      const memory::desc& to, std::size_t offset) {
  constexpr std::size_t least = 256U << 10;
  const auto panels = panels_of(constant, from, to);
  // Where outputs fill their blocks: nothing else zeroes what is beside them.
  if (!panels || panels->outputs % panels->block != 0 || to.get_size() < least) return std::nullopt;
  return Operand{Operand::From::scratch, argument, to, offset, {}, nullptr, [constant, panels](float* data) {
                   panels->fill(constant, data);
                 }};
}

Operand weight(WeightPool& pool, int argument, const std::function<Tensor()>& constant, const memory::desc& from,
               const memory::desc& to, std::uint64_t& packed) {
  if (from == to) return as_operand(argument, to, constant());
  return packed_copy(pool, argument, to, packed,
                     [constant, from, to](float* data) { reorder(constant(), from, to, data); });
}

Operand weight(WeightPool& pool, int argument, const Value& constant, const memory::desc& from, const memory::desc& to,
               std::uint64_t& packed) {
  if (const auto panels = panels_of(constant, from, to))
    return packed_copy(pool, argument, to, packed, [constant, panels](float* data) { panels->fill(constant, data); });
  // Factors are multiplied on the way, so that no scaled copy is needed in between. Into Winograd's own format oneDNN
  // forgets them.
  const auto scaled =
      constant.factors && blocking_of(to) ? leading(from.dims(), constant.factors->size()) : std::nullopt;
  if (!scaled || from == to)
    return weight(
        pool, argument, [constant] { return as_float(constant); }, from, to, packed);
  return packed_copy(pool, argument, to, packed, [constant, from, to, scaled](float* data) {
    reorder(unscaled(constant), from, to, data, constant.factors.get(), *scaled);
  });
}

}  // namespace flambeau::plan::onednn
