#pragma once
// What kernels keep of the weights: in few large blocks (huge pages make the first touch several times cheaper and help
// the TLB), and in an order that a later plan of the same graph repeats.

#include <flambeau/tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "plan/background.h"

namespace flambeau::plan {

/// Not thread-safe. A block lives as long as any tensor in it.
class WeightPool {
 public:
  /// Gives the tensors of an earlier plan's pool again, in their order. With helpers the others are filled beside the
  /// caller.
  explicit WeightPool(std::vector<Tensor> earlier = {}, int helpers = 0)
      : earlier_(std::move(earlier)), background_(helpers) {}

  /// A dense tensor, 64-byte aligned, whose zeros `fill(T* elements)` will have overwritten after finish(), maybe on
  /// another thread: it owns what it needs, and nothing of it lies in this pool. Or what it wrote in the earlier plan.
  template <class T, class Fill>
  Tensor make(Shape shape, DType dtype, Fill fill) {
    if (take_earlier(shape, dtype)) return made_.back();
    Tensor tensor = zeros(std::move(shape), dtype);
    T* const elements = tensor.template mutable_data<T>().data();
    // Work enough for all threads is shared by all; of the rest each takes its own.
    if (tensor.nbytes() >= large)
      fill(elements);
    else
      background_.run([fill = std::move(fill), elements, tensor] { fill(elements); });
    return made_.emplace_back(std::move(tensor));
  }
  template <class Fill>
  Tensor floats(std::int64_t count, Fill fill) {
    return make<float>({count}, DType::float32, std::move(fill));
  }
  /// Other work that shall be done by finish(), of which the same holds as of a fill.
  void beside(std::function<void()> job) { background_.run(std::move(job)); }
  /// Until then the tensors may not be read. Throws what a fill threw.
  void finish() { background_.finish(); }

  const std::vector<Tensor>& made() const noexcept { return made_; }
  /// False if there is no earlier plan, or other tensors were asked for than the earlier plan made.
  bool repeats() const noexcept { return !earlier_.empty() && repeats_ && made_.size() == earlier_.size(); }

 private:
  static constexpr std::uint64_t large = 32U << 20;

  bool take_earlier(const Shape& shape, DType dtype);
  Tensor zeros(Shape shape, DType dtype);

  std::vector<Tensor> earlier_{}, made_{};
  bool repeats_ = true;
  std::shared_ptr<Storage> block_{};
  std::int64_t used_ = 0, size_ = 0;  // floats
  Background background_;             // last: its jobs write to the tensors
};

}  // namespace flambeau::plan
