#pragma once
// The two directories of a zip: the central one, which decides, and the local headers, which must agree with it.

#include <vector>

#include "archive/window.h"
#include "archive/zip.h"

namespace flambeau::archive::zip {

/// A record as the central directory describes it.
struct Listed {
  Entry entry;
  std::uint16_t flags = 0;
};

struct Directory {
  std::vector<Listed> records{};  // in its own order
  std::uint64_t offset = 0;       // where it starts; every record ends before
};

/// Finds the end records, checks that they agree, and parses the directory. Throws Error(truncated, corrupt, …).
Directory read_directory(const bytes::Source& source, Window& window, const Limits& limits);

/// Reads each local header, sets `data_offset`, and checks that records, their descriptors and the directory tile the
/// file from byte 0: no overlap, nothing hidden between them. Throws Error(corrupt).
void check_layout(const bytes::Source& source, Window& window, Directory& directory);

/// The value of an extra field; empty and false when `extra` has none. A field that ends past `extra` is told as
/// broken.
struct Extra {
  std::span<const std::byte> value{};
  bool found = false, broken = false;
};
Extra find_extra(std::span<const std::byte> extra, std::uint16_t id) noexcept;

}  // namespace flambeau::archive::zip
