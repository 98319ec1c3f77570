#pragma once
// Numbers of the zip format, and little-endian fields.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace flambeau::archive::zip {

inline constexpr std::uint32_t local_signature = 0x04034b50;
inline constexpr std::uint32_t descriptor_signature = 0x08074b50;
inline constexpr std::uint32_t central_signature = 0x02014b50;
inline constexpr std::uint32_t end64_signature = 0x06064b50;
inline constexpr std::uint32_t locator_signature = 0x07064b50;
inline constexpr std::uint32_t end_signature = 0x06054b50;

// Fixed parts of the structures, in bytes.
inline constexpr std::uint64_t local_size = 30, central_size = 46, end64_size = 56, locator_size = 20, end_size = 22;
// A comment can push the end record that far from the end of the file; torch searches as far.
inline constexpr std::uint64_t end_search = end_size + 65535;

inline constexpr std::uint32_t in_zip64 = 0xFFFFFFFF;  // a 32-bit field whose value is in the zip64 extra field
inline constexpr std::uint16_t zip64_extra = 0x0001, unicode_path_extra = 0x7075, padding_extra = 0x4246;

inline constexpr std::uint16_t flag_deflate_level = 0x0006, flag_descriptor = 0x0008, flag_utf8 = 0x0800;
inline constexpr std::uint16_t flags_encrypted = 0x2041;  // bits 0, 6 and 13

inline constexpr std::uint16_t stored = 0, deflated = 8;

static_assert(std::endian::native == std::endian::little, "fields and storages are copied as they are");

/// The field at `at`; the caller has checked that it lies inside.
template <class T>
T get(std::span<const std::byte> bytes, std::size_t at) noexcept {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void put(std::string& out, std::type_identity_t<T> value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

/// Why a record must not bear this name (the end of a sentence: "is absolute"), or null when it may. A final slash, of
/// an entry for a folder, is fine.
const char* unsafe_name(std::string_view name) noexcept;

}  // namespace flambeau::archive::zip
