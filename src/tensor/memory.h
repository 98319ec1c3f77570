#pragma once
// Own memory of storages: 64-byte aligned, from 2 MiB up in anonymous mappings for which huge pages are advised.

#include <cstddef>
#include <cstdint>
#include <span>

namespace flambeau::tensor {

inline constexpr std::uint64_t huge_page = 2ull << 20;

/// One allocation. Move-only.
class Memory {
 public:
  Memory() = default;
  /// Throws Error(io) when the system gives no memory. Large blocks are zero either way.
  Memory(std::uint64_t nbytes, bool zeroed);
  ~Memory();
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;

  std::byte* data() const noexcept { return data_; }
  std::uint64_t size() const noexcept { return size_; }
  std::span<std::byte> span() const noexcept { return {data_, static_cast<std::size_t>(size_)}; }

 private:
  std::byte* data_ = nullptr;
  std::uint64_t size_ = 0;
};

}  // namespace flambeau::tensor
