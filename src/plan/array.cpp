#include "plan/array.h"

namespace flambeau::plan {

Shape broadcast_strides(const Shape& from, const Shape& to) {
  Shape strides(to.size(), 0);
  std::int64_t step = 1;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    const std::int64_t size = from[from.size() - i];
    if (size != 1) strides[to.size() - i] = step;
    step *= size;
  }
  return strides;
}

Walk::Walk(const Shape& shape, std::vector<Shape> strides)
    : shape_(shape),
      strides_(std::move(strides)),
      index_(shape.size(), 0),
      offsets_(strides_.size(), 0),
      done_(product(shape) == 0) {}

void Walk::next() noexcept {
  for (std::size_t dim = shape_.size(); dim-- > 0;) {
    for (std::size_t k = 0; k < strides_.size(); ++k) offsets_[k] += strides_[k][dim];
    if (++index_[dim] < shape_[dim]) return;
    for (std::size_t k = 0; k < strides_.size(); ++k) offsets_[k] -= strides_[k][dim] * shape_[dim];
    index_[dim] = 0;
  }
  done_ = true;
}

}  // namespace flambeau::plan
