#pragma once
// A dense row-major array as the reference kernels see it.

#include <flambeau/tensor.h>

#include <cstdint>
#include <vector>

namespace flambeau::plan {

/// Memory of `shape` elements in row-major order; owned by somebody else.
struct Array {
  void* data = nullptr;
  Shape shape{};
  DType dtype = DType::float32;

  float* floats() const noexcept { return static_cast<float*>(data); }
  const std::int64_t* integers() const noexcept { return static_cast<const std::int64_t*>(data); }
};

/// Product of the sizes [first, last) of a shape that the graph has checked.
inline std::int64_t product(const Shape& shape, std::size_t first, std::size_t last) noexcept {
  std::int64_t result = 1;
  for (std::size_t i = first; i < last; ++i) result *= shape[i];
  return result;
}
inline std::int64_t product(const Shape& shape) noexcept { return product(shape, 0, shape.size()); }

/// Row-major strides of a shape, 0 where the size is 1: what broadcasting needs.
Shape broadcast_strides(const Shape& from, const Shape& to);

/// Walks all indices of a shape in row-major order and keeps offsets into several arrays of the same rank.
class Walk {
 public:
  Walk(const Shape& shape, std::vector<Shape> strides);
  bool done() const noexcept { return done_; }
  void next() noexcept;
  const Shape& index() const noexcept { return index_; }
  std::int64_t offset(std::size_t array) const noexcept { return offsets_[array]; }

 private:
  const Shape shape_;
  std::vector<Shape> strides_;
  Shape index_;
  std::vector<std::int64_t> offsets_;
  bool done_;
};

}  // namespace flambeau::plan
