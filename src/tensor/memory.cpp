#include "tensor/memory.h"

#include <flambeau/error.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

namespace flambeau::tensor {
namespace {

constexpr std::uint64_t alignment = 64;

[[noreturn]] void refuse(std::uint64_t nbytes) {
  throw Error(ErrorCode::io, fmt::format("the system refused {} bytes of memory", nbytes));
}

/// Mappings start on a huge page's boundary; what the alignment does not need is given back.
std::byte* map_huge(std::uint64_t nbytes) {
  const std::uint64_t length = (nbytes + huge_page - 1) / huge_page * huge_page;
  void* const raw = ::mmap(nullptr, length + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) refuse(nbytes);
  auto* const start = static_cast<std::byte*>(raw);
  const std::uint64_t skip = (huge_page - reinterpret_cast<std::uintptr_t>(raw) % huge_page) % huge_page;
  if (skip > 0) ::munmap(start, skip);
  if (skip < huge_page) ::munmap(start + skip + length, huge_page - skip);
#ifdef MADV_HUGEPAGE
  ::madvise(start + skip, length, MADV_HUGEPAGE);
#endif
  return start + skip;
}

}  // namespace

Memory::Memory(std::uint64_t nbytes, bool zeroed) : size_(nbytes) {
  if (nbytes == 0) return;
  if (nbytes > static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max()) - 2 * huge_page) refuse(nbytes);
  if (nbytes >= huge_page) {
    data_ = map_huge(nbytes);
    return;
  }
  const std::uint64_t rounded = (nbytes + alignment - 1) / alignment * alignment;
  data_ = static_cast<std::byte*>(std::aligned_alloc(alignment, rounded));
  if (data_ == nullptr) refuse(nbytes);
  if (zeroed) std::memset(data_, 0, rounded);
}

Memory::~Memory() {
  if (size_ >= huge_page)
    ::munmap(data_, (size_ + huge_page - 1) / huge_page * huge_page);
  else
    std::free(data_);
}

Memory::Memory(Memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace flambeau::tensor
