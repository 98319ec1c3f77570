#pragma once
// Small reads at mostly rising offsets, through a buffer. Also for mapped files: reading is cheaper than a page fault
// at every record, and what was checked cannot change afterwards.

#include <memory>

#include "bytes/source.h"

namespace flambeau::archive {

class Window {
 public:
  explicit Window(const bytes::Source& source) : source_(source) {}

  /// [offset, offset + size), which must lie inside the source; good until the next call.
  std::span<const std::byte> at(std::uint64_t offset, std::size_t size) {
    if (offset < start_ || offset + size > start_ + size_) fill(offset, size);
    return {buffer_.get() + (offset - start_), size};
  }

 private:
  void fill(std::uint64_t offset, std::size_t size);

  const bytes::Source& source_;
  std::uint64_t start_ = 0;
  std::size_t size_ = 0, capacity_ = 0;
  std::size_t piece_ = 0;  // what the next fill reads at least
  std::unique_ptr<std::byte[]> buffer_{};
};

}  // namespace flambeau::archive
