// Operations that move elements; any dtype of 1 to 16 bytes.
#include <algorithm>
#include <cstring>

#include "plan/reference/reference.h"

namespace flambeau::plan::reference {
namespace {

/// Copies for each output element in order the input element at `offset(walk)` elements.
template <class Offset>
void gather(const Call& call, const std::vector<Shape>& strides, Offset&& offset) {
  const std::size_t size = itemsize(call.output.dtype);
  const auto* x = static_cast<const std::byte*>(call.inputs[0].data);
  auto* y = static_cast<std::byte*>(call.output.data);
  for (Walk walk(call.output.shape, strides); !walk.done(); walk.next(), y += size)
    std::memcpy(y, x + static_cast<std::size_t>(offset(walk)) * size, size);
}

}  // namespace

void cat(const Call& call) {
  const auto dim = static_cast<std::size_t>(std::get<graph::DimAttributes>(call.attributes).dims[0]);
  const Shape& out = call.output.shape;
  const auto inner = static_cast<std::size_t>(product(out, dim + 1, out.size())) * itemsize(call.output.dtype);
  auto* y = static_cast<std::byte*>(call.output.data);
  for (std::int64_t outer = 0; outer < product(out, 0, dim); ++outer)
    for (const Array& part : call.inputs) {
      const std::size_t bytes = static_cast<std::size_t>(part.shape[dim]) * inner;
      if (bytes != 0)
        std::memcpy(y, static_cast<const std::byte*>(part.data) + static_cast<std::size_t>(outer) * bytes, bytes);
      y += bytes;
    }
}

void reshape(const Call& call) {
  const std::size_t bytes = static_cast<std::size_t>(product(call.output.shape)) * itemsize(call.output.dtype);
  if (bytes != 0) std::memcpy(call.output.data, call.inputs[0].data, bytes);
}

void permute(const Call& call) {
  const Shape& order = std::get<graph::ShapeAttributes>(call.attributes).shape;
  const Shape in = contiguous_strides(call.inputs[0].shape);
  Shape strides;
  for (const std::int64_t dim : order) strides.push_back(in[static_cast<std::size_t>(dim)]);
  gather(call, {strides}, [](const Walk& walk) { return walk.offset(0); });
}

void narrow(const Call& call) {
  const auto& a = std::get<graph::DimAttributes>(call.attributes);
  const Shape strides = contiguous_strides(call.inputs[0].shape);
  const std::int64_t start = a.start * strides[static_cast<std::size_t>(a.dims[0])];
  gather(call, {strides}, [&](const Walk& walk) { return start + walk.offset(0); });
}

void pad(const Call& call) {
  const auto& a = std::get<graph::DimAttributes>(call.attributes);
  const Shape &in = call.inputs[0].shape, strides = contiguous_strides(in);
  const auto* x = static_cast<const std::byte*>(call.inputs[0].data);
  auto* y = static_cast<std::byte*>(call.output.data);
  const std::size_t size = itemsize(call.output.dtype);
  const auto fill = static_cast<float>(a.value);
  const auto whole = static_cast<std::int64_t>(a.value);
  const void* filling = info(call.output.dtype).kind == DTypeClass::floating ? static_cast<const void*>(&fill) : &whole;
  for (Walk walk(call.output.shape, {}); !walk.done(); walk.next(), y += size) {
    std::int64_t offset = 0;
    bool outside = false;
    for (std::size_t dim = 0; dim < in.size(); ++dim) {
      std::int64_t i = walk.index()[dim] - a.dims[2 * dim];
      const std::int64_t last = in[dim] - 1;
      if (a.mode == "reflect") i = i < 0 ? -i : i > last ? 2 * last - i : i;
      if (a.mode == "replicate") i = std::clamp<std::int64_t>(i, 0, last);
      if (a.mode == "circular") i = i < 0 ? i + in[dim] : i > last ? i - in[dim] : i;
      outside = outside || i < 0 || i > last;
      offset += i * strides[dim];
    }
    std::memcpy(y, outside ? static_cast<const std::byte*>(filling) : x + static_cast<std::size_t>(offset) * size,
                size);
  }
}

void roll(const Call& call) {
  const Shape &shifts = std::get<graph::ShapeAttributes>(call.attributes).shape, &shape = call.inputs[0].shape;
  const Shape strides = contiguous_strides(shape);
  gather(call, {}, [&](const Walk& walk) {
    std::int64_t offset = 0;
    for (std::size_t dim = 0; dim < shape.size(); ++dim)
      offset += (walk.index()[dim] - shifts[dim] + shape[dim]) % shape[dim] * strides[dim];
    return offset;
  });
}

}  // namespace flambeau::plan::reference
