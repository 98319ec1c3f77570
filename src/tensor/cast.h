#pragma once
// Conversion of elements between dtypes, bit for bit as PyTorch 2.13 does on x86.

#include <flambeau/dtype.h>

#include <cstddef>
#include <cstdint>

namespace flambeau::tensor {

/// Throws Error(unsupported) unless both are numbers of one element each (integers, floats, complex, bool).
void check_castable(DType from, DType to);

/// Converts `count` contiguous elements; the ranges do not overlap. Addresses may be unaligned. Equal dtypes copy.
void cast(DType from, const std::byte* source, DType to, std::byte* target, std::uint64_t count);

}  // namespace flambeau::tensor
