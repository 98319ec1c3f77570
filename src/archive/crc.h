#pragma once
// Checksums that do not fit.

#include <cstdint>

#include <flambeau/error.h>

namespace flambeau::archive {

/// Throws Error(checksum) with both values unless they are equal.
void check_crc(std::uint32_t found, std::uint32_t recorded, const Place& place);

}  // namespace flambeau::archive
