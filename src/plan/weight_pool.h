#pragma once
// What kernels keep of the weights: in few large blocks (huge pages make the first touch several times cheaper and help
// the TLB), and in an order that a later plan of the same graph repeats.

#include <flambeau/tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace flambeau::plan {

/// Not thread-safe. A block lives as long as any tensor in it.
class WeightPool {
 public:
  WeightPool() = default;
  /// Gives the tensors of an earlier plan's pool again, in their order.
  explicit WeightPool(std::vector<Tensor> earlier) : earlier_(std::move(earlier)) {}

  /// A dense tensor, 64-byte aligned, whose zeros `fill(T* elements)` has overwritten; or what it wrote in the earlier
  /// plan.
  template <class T, class Fill>
  Tensor make(Shape shape, DType dtype, Fill&& fill) {
    if (take_earlier(shape, dtype)) return made_.back();
    made_.push_back(zeros(std::move(shape), dtype));
    fill(made_.back().template mutable_data<T>().data());
    return made_.back();
  }
  template <class Fill>
  Tensor floats(std::int64_t count, Fill&& fill) {
    return make<float>({count}, DType::float32, std::forward<Fill>(fill));
  }

  const std::vector<Tensor>& made() const noexcept { return made_; }
  /// False if there is no earlier plan, or other tensors were asked for than the earlier plan made.
  bool repeats() const noexcept { return !earlier_.empty() && repeats_ && made_.size() == earlier_.size(); }

 private:
  bool take_earlier(const Shape& shape, DType dtype);
  Tensor zeros(Shape shape, DType dtype);

  std::vector<Tensor> earlier_{}, made_{};
  bool repeats_ = true;
  std::shared_ptr<Storage> block_{};
  std::int64_t used_ = 0, size_ = 0;  // floats
};

}  // namespace flambeau::plan
