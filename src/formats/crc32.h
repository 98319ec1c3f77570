#pragma once
// CRC-32 of pieces, put together.

#include <cstdint>

namespace flambeau::formats {

/// The CRC-32 of A followed by B, given those of A and B and B's length.
std::uint32_t crc32_combine(std::uint32_t a, std::uint32_t b, std::uint64_t length_of_b) noexcept;

}  // namespace flambeau::formats
