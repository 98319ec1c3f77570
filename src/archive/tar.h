#pragma once
// The tar container of PyTorch before 0.1.10: members sys_info, pickle, tensors, storages.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <flambeau/limits.h>

#include "bytes/source.h"

namespace flambeau::archive {

/// Regular files of a tar: old, ustar, GNU (long names, base-256 sizes) and PAX (path, size) headers. Immutable;
/// threads may share it.
class TarReader {
 public:
  struct Member {
    std::string name;
    std::uint64_t size = 0;
    std::uint64_t data_offset = 0;
  };

  /// Reads all headers; payloads are not touched. Folders are left out, links and devices refused.
  /// Throws Error(unknown_format, truncated, corrupt, unsupported, limit).
  TarReader(std::shared_ptr<const bytes::Source> source, const Limits& limits);

  const std::vector<Member>& members() const noexcept { return members_; }
  /// Null if absent.
  const Member* find(std::string_view name) const noexcept;
  /// Tar records no checksums of payloads.
  std::shared_ptr<const StorageSource> open(const Member& member) const;

 private:
  std::shared_ptr<const bytes::Source> source_;
  std::vector<Member> members_{};
};

/// Whether these first bytes of a file (512 or more) are a tar header with a correct checksum.
bool looks_like_tar(std::span<const std::byte> head) noexcept;

}  // namespace flambeau::archive
