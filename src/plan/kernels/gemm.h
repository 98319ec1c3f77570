#pragma once
// Matrix products that oneDNN's gemm does: row-major, on the pool outside of parallel regions and on one thread inside.

#include <cstdint>

namespace flambeau::plan {

/// A matrix of strides (row, 1) or, transposed, (1, row).
struct Matrix {
  const float* data;
  std::int64_t stride;
  bool transposed;
};

/// c = alpha · a b, where a is m×k, b is k×n and c is m×n with rows `c_stride` apart.
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, float alpha, const Matrix& a, const Matrix& b, float* c,
          std::int64_t c_stride) noexcept;

}  // namespace flambeau::plan
