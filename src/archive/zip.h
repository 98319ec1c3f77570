#pragma once
// The zip container as PyTorch writes it: stored records, data aligned to 64 bytes by an "FB" extra field, zip64 end records.
// Reads every zip that torch.load reads (deflate, descriptors, unaligned records), and refuses what two readers could see differently.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <flambeau/limits.h>

#include "bytes/source.h"

namespace flambeau::archive {

struct Entry {
  std::string name;                     ///< with root
  std::uint64_t size = 0, compressed_size = 0;
  std::uint64_t data_offset = 0;        ///< of the payload in the file (from the local header's own lengths)
  std::uint64_t header_offset = 0;
  std::uint32_t crc32 = 0;
  bool deflated = false;
  bool crc_recorded = true;             ///< false where the writer switched CRC off (0 with a non-empty payload)
};

/// A directory over a file or memory. Immutable; threads may share it.
class ZipReader {
 public:
  /// Parses the central directory. Throws Error(truncated, corrupt, unsupported, limit).
  ZipReader(std::shared_ptr<const bytes::Source> source, const Limits& limits);

  const std::vector<Entry>& entries() const noexcept;  ///< in the directory's order
  /// Name of the single top folder ("archive"), empty where records have none (older .pt2).
  const std::string& root() const noexcept;
  /// By name without the root; null if absent.
  const Entry* find(std::string_view name) const noexcept;
  /// The payload as a storage source: lazily for stored records, inflated (bounded) for deflated ones. CRC as recorded.
  std::shared_ptr<const StorageSource> open(const Entry& entry) const;
  /// The whole payload, CRC compared.
  std::string read(const Entry& entry) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

struct ZipOptions {
  std::uint32_t alignment = 64;   ///< 1 … 65536
  bool crc32 = true;
};

/// Writes an archive byte for byte as torch's PyTorchStreamWriter does. Records in call order; `finish` adds the directory.
class ZipWriter {
 public:
  ZipWriter(bytes::Sink& sink, std::string root, ZipOptions options = {});
  void add(std::string_view name, std::string_view payload);
  /// A payload of exactly `size` bytes that `produce` writes to the sink it is given: checksummed and passed on in pieces.
  void add(std::string_view name, std::uint64_t size, const std::function<void(bytes::Sink&)>& produce);
  /// version and .data/serialization_id as torch writes them, then the central directory and the end records.
  void finish();
  ~ZipWriter();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flambeau::archive
