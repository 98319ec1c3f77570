#include "plan/weight_pool.h"

#include <algorithm>

namespace flambeau::plan {

bool WeightPool::take_earlier(const Shape& shape, DType dtype) {
  if (!repeats_ || made_.size() == earlier_.size()) return repeats_ = false;
  const Tensor& next = earlier_[made_.size()];
  repeats_ = next.shape() == shape && next.dtype() == dtype && next.is_contiguous();
  if (repeats_) made_.push_back(next);
  return repeats_;
}

Tensor WeightPool::zeros(Shape shape, DType dtype) {
  constexpr std::int64_t alignment = 64 / sizeof(float), first = 16 << 10, most = 4 << 20;
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  const std::int64_t needed = (count + alignment - 1) / alignment * alignment;
  if (needed > most / 4 || dtype != DType::float32) return Tensor::zeros(std::move(shape), dtype);
  if (needed > size_ - used_) {
    size_ = std::clamp(2 * size_, std::max(first, needed), most);
    block_ = Storage::zeros(static_cast<std::uint64_t>(size_) * sizeof(float), DType::float32);
    used_ = 0;
  }
  const std::int64_t offset = used_;
  used_ += needed;
  return Tensor(block_, DType::float32, {count}, {1}, offset).reshape(shape);
}

}  // namespace flambeau::plan
