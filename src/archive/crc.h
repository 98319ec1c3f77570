#pragma once
// CRC-32 as zip means it.

#include <cstddef>
#include <cstdint>
#include <span>

#include <flambeau/error.h>

namespace flambeau::archive {

/// `crc` of the bytes before (0 at the start), continued over `bytes`.
std::uint32_t crc32(std::uint32_t crc, std::span<const std::byte> bytes) noexcept;

/// Throws Error(checksum) with both values unless they are equal.
void check_crc(std::uint32_t found, std::uint32_t recorded, const Place& place);

}  // namespace flambeau::archive
