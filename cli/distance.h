#pragma once
// How far two tensors lie apart.

#include <cstdint>
#include <optional>

#include <flambeau/tensor.h>

namespace cli {

struct Tolerance {
  double absolute = 0, relative = 0;
};

struct Distance {
  bool equal = false;     // byte for byte
  bool measured = false;  // the numbers below hold
  double max_abs = 0, max_rel = 0, cosine = 1;
  /// Representable numbers between the two farthest elements; of equal floating-point dtypes only.
  std::optional<std::uint64_t> max_ulp{};
  std::uint64_t differing = 0;
  bool within = false;  // the tolerances
};

/// Of two tensors of one shape, in pieces, so that memory stays small. NaN equals NaN; a complex number is its two
/// parts.
Distance distance(const flambeau::Tensor& a, const flambeau::Tensor& b, const Tolerance& tolerance);

}  // namespace cli
