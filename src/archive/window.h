#pragma once
// Small reads at mostly rising offsets, through buffers: the first bytes and the last ones stay, where a zip keeps what
// is asked for twice, and one piece moves between them. Also for mapped files: reading is cheaper than a page fault at
// every record, and what was checked cannot change afterwards.

#include <memory>

#include "bytes/source.h"

namespace flambeau::archive {

class Window {
 public:
  /// The source outlives the window.
  explicit Window(const bytes::Source& source) : source_(source) {}

  /// [offset, offset + size), which must lie inside the source; good until the next call.
  std::span<const std::byte> at(std::uint64_t offset, std::size_t size) {
    const std::byte* const found = find(offset, size);
    return {found ? found : fill(offset, size), size};
  }
  /// The same bytes where they need not be read; else null.
  const std::byte* find(std::uint64_t offset, std::size_t size) const noexcept {
    for (const Piece* piece : {&moving_, &last_, &first_})
      if (offset >= piece->start && offset + size <= piece->start + piece->size)
        return piece->buffer.get() + (offset - piece->start);
    return nullptr;
  }
  /// Reads just these bytes, where the caller knows that nothing is wanted soon of what follows them.
  void read(std::uint64_t offset, std::size_t size) { read(moving_, offset, size); }

 private:
  struct Piece {
    std::uint64_t start = 0;
    std::size_t size = 0, capacity = 0;
    std::unique_ptr<std::byte[]> buffer{};
  };
  const std::byte* fill(std::uint64_t offset, std::size_t size);
  void read(Piece& piece, std::uint64_t offset, std::size_t size);

  const bytes::Source& source_;
  Piece first_{}, moving_{}, last_{};
  std::size_t least_ = 0;  // what the next fill reads at least
};

}  // namespace flambeau::archive
