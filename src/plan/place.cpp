#include <algorithm>
#include <vector>

#include "plan/lower.h"

namespace flambeau::plan {

std::uint64_t place(std::vector<Buffer>& buffers) {
  constexpr std::uint64_t alignment = 64;
  std::vector<Buffer*> waiting, placed;
  for (Buffer& buffer : buffers)
    if (buffer.kind == Buffer::Kind::arena && buffer.first >= 0) waiting.push_back(&buffer);
  // Large ones first: small ones fill the gaps.
  std::stable_sort(waiting.begin(), waiting.end(),
                   [](const Buffer* a, const Buffer* b) { return a->bytes > b->bytes; });
  std::uint64_t size = 0;
  for (Buffer* buffer : waiting) {
    std::uint64_t offset = 0;
    for (const Buffer* other : placed) {  // in the order of their offsets
      if (other->last < buffer->first || buffer->last < other->first) continue;
      if (offset + buffer->bytes <= other->offset) break;
      offset = std::max(offset, (other->offset + other->bytes + alignment - 1) / alignment * alignment);
    }
    buffer->offset = offset;
    size = std::max(size, offset + buffer->bytes);
    const auto at = std::upper_bound(placed.begin(), placed.end(), offset,
                                     [](std::uint64_t value, const Buffer* other) { return value < other->offset; });
    placed.insert(at, buffer);
  }
  return (size + alignment - 1) / alignment * alignment;
}

}  // namespace flambeau::plan
