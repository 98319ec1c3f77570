#pragma once
// Matrix products y = x · wᵀ + bias with weights packed for them: panels u[group][in][2 · lanes], so that a step of the
// inner loop reads two vectors of outputs side by side.

#include <cstdint>

namespace flambeau::plan {

/// Index ranges [first, last).
struct Range {
  std::int64_t first, last;
  std::int64_t size() const noexcept { return last - first; }
};

struct Product {
  std::int64_t in, out;  ///< x has `in` floats a row, y has `out`
  std::int64_t lanes;    ///< floats of a vector

  std::int64_t group() const noexcept { return 2 * lanes; }
  std::int64_t groups() const noexcept { return (out + group() - 1) / group(); }
};

}  // namespace flambeau::plan
