#pragma once
// Counting NaN and infinity.

#include <cstddef>
#include <cstdint>
#include <span>

#include <flambeau/dtype.h>

namespace flambeau::inspect {

struct NotFiniteCount {
  std::uint64_t nan = 0, inf = 0;
};

/// Adds the NaN and infinite elements of `bytes` (whole little-endian elements of `dtype`) to `count`; a complex
/// element counts once per part. Nothing for dtypes without either.
void count_not_finite(std::span<const std::byte> bytes, DType dtype, NotFiniteCount& count);

}  // namespace flambeau::inspect
