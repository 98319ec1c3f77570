#include <algorithm>

#include "archive/zip_format.h"
#include "base/utf8.h"

namespace flambeau::archive::zip {

const char* unsafe_name(std::string_view name) noexcept {
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
