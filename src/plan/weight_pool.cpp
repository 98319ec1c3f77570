#include "plan/weight_pool.h"

#include <algorithm>

namespace flambeau::plan {

Tensor WeightPool::floats(std::int64_t count) {
  constexpr std::int64_t alignment = 64 / sizeof(float), first = 16 << 10, most = 4 << 20;
  const std::int64_t needed = (count + alignment - 1) / alignment * alignment;
  if (needed > most / 4) return Tensor::zeros({count});
  if (needed > size_ - used_) {
    size_ = std::clamp(2 * size_, std::max(first, needed), most);
    block_ = Storage::zeros(static_cast<std::uint64_t>(size_) * sizeof(float), DType::float32);
    used_ = 0;
  }
  const std::int64_t offset = used_;
  used_ += needed;
  return Tensor(block_, DType::float32, {count}, {1}, offset);
}

}  // namespace flambeau::plan
