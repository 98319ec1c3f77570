#pragma once
// The hot conversions of weights, whole blocks at a time: float32 and the two 16-bit floats. Addresses may be
// unaligned.

#include <cstddef>
#include <cstdint>

namespace flambeau::tensor {

void half_to_float(const std::byte* source, std::byte* target, std::uint64_t count);
void float_to_half(const std::byte* source, std::byte* target, std::uint64_t count);
void bfloat16_to_float(const std::byte* source, std::byte* target, std::uint64_t count);
/// NaN becomes 0xffff, as PyTorch's vector code has it.
void float_to_bfloat16(const std::byte* source, std::byte* target, std::uint64_t count);

}  // namespace flambeau::tensor
