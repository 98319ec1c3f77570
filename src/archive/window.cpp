#include "archive/window.h"

#include <algorithm>

namespace flambeau::archive {

void Window::fill(std::uint64_t offset, std::size_t size) {
  constexpr std::size_t least = 4096, most = 65536;
  // Reading on from where the last piece ended: directories and runs of small records. Jumps, over payloads, stay
  // small: a page reaches over a bias to the next header and costs hardly more than the header alone.
  const bool on = offset >= start_ && offset <= start_ + size_;
  piece_ = on ? std::clamp(4 * piece_, least, most) : least;
  const auto wanted =
      static_cast<std::size_t>(std::min<std::uint64_t>(std::max(size, piece_), source_.size() - offset));
  size_ = 0;  // a read that throws leaves nothing
  if (wanted > capacity_) {
    buffer_ = std::make_unique_for_overwrite<std::byte[]>(wanted);
    capacity_ = wanted;
  }
  source_.read(offset, {buffer_.get(), wanted});
  start_ = offset;
  size_ = wanted;
}

}  // namespace flambeau::archive
