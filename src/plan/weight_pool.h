#pragma once
// Memory for many weights in few large blocks: huge pages make the first touch several times cheaper and help the TLB.

#include <flambeau/tensor.h>

#include <cstdint>

namespace flambeau::plan {

/// Not thread-safe. A block lives as long as any tensor in it.
class WeightPool {
 public:
  /// `count` zeroed floats, 64-byte aligned.
  Tensor floats(std::int64_t count);

 private:
  std::shared_ptr<Storage> block_{};
  std::int64_t used_ = 0, size_ = 0;  // floats
};

}  // namespace flambeau::plan
