#pragma once
// CRC-32 as zip means it.

#include <cstddef>
#include <cstdint>
#include <span>

namespace flambeau::bytes {

/// `crc` of the bytes before (0 at the start), continued over `bytes`.
std::uint32_t crc32(std::uint32_t crc, std::span<const std::byte> bytes) noexcept;

/// The CRC-32 of A followed by B, given those of A and B and B's length.
std::uint32_t crc32_combine(std::uint32_t a, std::uint32_t b, std::uint64_t length_of_b) noexcept;

}  // namespace flambeau::bytes
