#include "plan/kernels/batch.h"

#include <algorithm>

#include "plan/array.h"

namespace flambeau::plan {

Shape batch_strides(const Layout& layout, const Shape& shape, const Shape& batch) {
  Shape strides(batch.size(), 0);
  const std::size_t own = shape.size() - 2;
  for (std::size_t i = 0; i < own; ++i)
    if (shape[i] != 1) strides[batch.size() - own + i] = layout.strides[i];
  return strides;
}

std::int64_t offset_at(std::int64_t index, const Shape& batch, const Shape& strides) noexcept {
  std::int64_t offset = 0;
  for (std::size_t k = batch.size(); k-- > 0; index /= batch[k]) offset += index % batch[k] * strides[k];
  return offset;
}

bool has_runs(const Layout& layout, const Shape& shape) {
  const std::size_t rank = shape.size();
  const std::int64_t rows = shape[rank - 2], columns = shape[rank - 1];
  return layout.block == 1 && (layout.strides[rank - 1] == 1 || columns == 1) &&
         (layout.strides[rank - 2] >= columns || rows == 1);
}

std::int64_t row_stride(const Layout& layout, const Shape& shape) {
  return std::max(layout.strides[shape.size() - 2], shape.back());
}

Layout run_layout(const Request& request) {
  const Shape& shape = request.output().shape;
  return request.wanted && has_runs(*request.wanted, shape) ? *request.wanted : Layout::plain(shape);
}

Layout run_layout(const Request& request, ValueId id) {
  const Shape& shape = request.value(id).shape;
  return has_runs(request.layout(id), shape) ? request.layout(id) : Layout::plain(shape);
}

bool has_elements(const Request& request) {
  return std::all_of(request.operation.inputs.begin(), request.operation.inputs.end(),
                     [&](ValueId id) { return product(request.value(id).shape) > 0; }) &&
         product(request.output().shape) > 0;
}

}  // namespace flambeau::plan
