#include <flambeau/escape.h>

#include "base/utf8.h"

namespace flambeau {
namespace {

// Characters that reorder, hide or break a line of output.
constexpr bool deceives(char32_t code) noexcept {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD || code == 0x61C || code == 0x180E ||
         (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || base::is_surrogate(code) || code == 0xFEFF ||
         (code >= 0xFFF9 && code <= 0xFFFB) || (code >= 0xE0000 && code <= 0xE007F);
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const base::Character character = base::decode(text, at);
    if (character.code == '\\') {
      out += "\\\\";
    } else if (character.valid && !deceives(character.code)) {
      out += text.substr(at, character.length);
    } else if (character.code == '\n') {
      out += "\\n";
    } else if (character.code == '\r') {
      out += "\\r";
    } else if (character.code == '\t') {
      out += "\\t";
    } else if (!character.valid || character.code < 0x80) {
      base::append_hex(out, "\\x", character.code, 2);
    } else if (character.code < 0x10000) {
      base::append_hex(out, "\\u", character.code, 4);
    } else {
      base::append_hex(out, "\\U", character.code, 8);
    }
    at += character.length;
  }
  return out;
}

}  // namespace flambeau
