#pragma once
/// Where bytes come from: the seam between storages and whatever holds their bytes.

#include <cstddef>
#include <cstdint>
#include <span>

#include <flambeau/error.h>

namespace flambeau {

/// Where a storage's bytes come from. Implemented by the bytes and archive rooms; a user's own source works as well.
/// Threads: all functions may be called from several threads at once.
class StorageSource {
 public:
  virtual ~StorageSource() = default;
  /// The bytes in memory when they are there without reading (a mapping, a buffer), else empty.
  virtual std::span<const std::byte> view() const noexcept = 0;
  /// Copies [offset, offset + into.size()) into `into`. Throws Error(io/truncated).
  virtual void read(std::uint64_t offset, std::span<std::byte> into) const = 0;
  /// The CRC-32 recorded for the whole payload; false if none was recorded.
  virtual bool recorded_crc(std::uint32_t& crc) const noexcept = 0;
  /// For errors: file and member of the payload, or the offset of its first byte where no member has a name.
  virtual Place place() const = 0;
};

}  // namespace flambeau
