#include <algorithm>
#include <array>
#include <cstdint>

#include "archive/zip_format.h"
#include "base/utf8.h"

namespace flambeau::archive::zip {
namespace {

constexpr std::uint8_t starts_part_oddly = 1, odd = 2;  // kinds of characters, as bits
constexpr std::array<std::uint8_t, 256> kinds = [] {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) table[c] = c <= ' ' || c > '~' || c == '\\' || c == ':' ? odd : 0;
  table['/'] = table['.'] = starts_part_oddly;
  return table;
}();

// Nearly every name: printable ASCII, and nothing in it that is worth a second look.
bool is_plain(std::string_view name) noexcept {
  constexpr unsigned at_start = odd | starts_part_oddly;
  unsigned refused = at_start;
  for (const char c : name) {
    if (kinds[static_cast<unsigned char>(c)] & refused) return false;
    refused = c == '/' ? at_start : odd;
  }
  return !name.empty();
}

}  // namespace

const char* unsafe_name(std::string_view name) noexcept {
  if (is_plain(name)) return nullptr;
  if (name.empty()) return "is empty";
  for (const char c : name) {
    if (c == '\0') return "contains a NUL";
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return "contains a control character";
    if (c == '\\') return "contains a backslash";
  }
  if (name.front() == '/') return "is absolute";
  if (name.size() >= 3 && name[1] == ':' && name[2] == '/') return "names a drive";
  if (!base::is_utf8(name)) return "is not UTF-8";
  if (name.back() == '/') name.remove_suffix(1);
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('/', start), name.size());
    const std::string_view part = name.substr(start, end - start);
    if (part.empty() || part == ".") return "has an empty part";
    if (part == "..") return "leaves its folder";
    start = end + 1;
  }
  return nullptr;
}

}  // namespace flambeau::archive::zip
