#pragma once
// The zip container as PyTorch writes it: stored records, data aligned to 64 bytes by an "FB" extra field, zip64 end
// records. Reads what torch.load reads (deflate, descriptors, unaligned records, rewritten by other tools), and refuses
// what two readers could see differently: the records and the directory must account for every byte of the file up to
// the end record.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <flambeau/limits.h>

#include "archive/window.h"
#include "bytes/source.h"

namespace flambeau::archive {

struct Entry {
  std::string name;  ///< with root
  std::uint64_t size = 0, compressed_size = 0;
  std::uint64_t data_offset = 0;  ///< of the payload in the file (from the local header's own lengths)
  std::uint64_t header_offset = 0;
  std::uint32_t crc32 = 0;
  bool deflated = false;
  bool crc_recorded =
      true;  ///< false where the writer switched CRC off (0 in all non-empty records, or in all of data/)
};

/// A directory over a file or memory. Immutable; threads may share it.
class ZipReader {
 public:
  /// Parses the central directory and checks every local header against it; payloads are not touched.
  /// Throws Error(truncated, corrupt, unsupported, limit; unknown_format for what is no zip at all).
  ZipReader(std::shared_ptr<const bytes::Source> source, const Limits& limits);
  /// The same with a window of the source, for one who has looked at its start already.
  ZipReader(std::shared_ptr<const bytes::Source> source, Window window, const Limits& limits);

  const std::vector<Entry>& entries() const noexcept;  ///< in the directory's order; entries for folders are left out
  /// Name of the single top folder ("archive"), empty where records have none (older .pt2, .npz).
  const std::string& root() const noexcept;
  /// Name of one of the entries without the root.
  std::string_view bare_name(const Entry& entry) const noexcept;
  /// By name without the root, case and all; null if absent. `after` is the entry before the one that is meant, as a
  /// guess.
  const Entry* find(std::string_view name, const Entry* after = nullptr) const noexcept;
  /// The payload of one of the entries as a storage source, which keeps the directory: a slice for stored records.
  /// Deflated ones are inflated when first read: a read of everything goes straight to its target, anything else to a
  /// cache that view() then shows; their CRC is compared then.
  std::shared_ptr<const StorageSource> open(const Entry& entry) const;
  /// The whole payload, CRC compared where one is recorded. Throws Error(checksum, corrupt, io).
  std::string read(const Entry& entry) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

struct ZipOptions {
  std::uint32_t alignment = 64;  ///< 1 … 65536
  bool crc32 = true;
};

/// Writes an archive byte for byte as torch's PyTorchStreamWriter does. Records in call order; `finish` adds the
/// directory. Not thread-safe. After an exception nothing more can be written: throw the output away.
class ZipWriter {
 public:
  /// The sink must start at offset 0 of the file and outlive the writer. Throws Error(invalid_argument) for a root, an
  /// alignment or (in `add`) a name that ZipReader would refuse, and for a name used twice.
  ZipWriter(bytes::Sink& sink, std::string root, ZipOptions options = {});
  /// `name` without the root.
  void add(std::string_view name, std::string_view payload);
  /// A payload of exactly `size` bytes that `produce` writes to the sink it is given: checksummed and passed on in
  /// pieces. Pieces from 1 MiB up are checksummed by a second thread while they are written: give large ones.
  void add(std::string_view name, std::uint64_t size, const std::function<void(bytes::Sink&)>& produce);
  /// `version`, `byteorder` if there is none yet, and `.data/serialization_id` as torch writes them, then the central
  /// directory and the end records. With another standard library than libstdc++ the id's first half differs from
  /// torch's.
  void finish();
  ~ZipWriter();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flambeau::archive
