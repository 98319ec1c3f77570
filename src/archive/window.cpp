#include "archive/window.h"

#include <algorithm>

namespace flambeau::archive {
namespace {

constexpr std::size_t page = 4096, most = 65536;

}  // namespace

const std::byte* Window::fill(std::uint64_t offset, std::size_t size) {
  constexpr std::uint64_t first_size = 2 * page;  // holds the pickle of a few dozen tensors
  if (offset + size <= first_size) {
    read(first_, 0, static_cast<std::size_t>(std::min(first_size, source_.size())));
    return first_.buffer.get() + offset;
  }
  // Reading on from where the last piece ended: directories and runs of small records. Jumps stay small.
  const bool on = offset >= moving_.start && offset <= moving_.start + moving_.size;
  least_ = on ? std::clamp(4 * least_, page, most) : page;
  const auto wanted =
      static_cast<std::size_t>(std::min<std::uint64_t>(std::max(size, least_), source_.size() - offset));
  Piece& piece = offset + wanted == source_.size() ? last_ : moving_;
  read(piece, offset, wanted);
  return piece.buffer.get();
}

void Window::read(Piece& piece, std::uint64_t offset, std::size_t size) {
  piece.size = 0;  // a read that throws leaves nothing
  if (size > piece.capacity) {
    piece.capacity = std::max(size, page);
    piece.buffer = std::make_unique_for_overwrite<std::byte[]>(piece.capacity);
  }
  source_.read(offset, {piece.buffer.get(), size});
  piece.start = offset;
  piece.size = size;
}

}  // namespace flambeau::archive
