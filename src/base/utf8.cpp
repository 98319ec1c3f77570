#include "base/utf8.h"

namespace flambeau::base {

Character decode(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const Character bad{first, 1, false};
  const std::uint8_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() - at < length) return bad;
  char32_t code = first & (0xFFu >> (length + 1));
  for (std::uint8_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return bad;
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  if ((length == 3 && code < 0x800) || (length == 4 && (code < 0x10000 || code > 0x10FFFF))) return bad;
  return {code, length, true};
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t at = ascii_run(text, 0); at < text.size(); at += ascii_run(text, at)) {
    const Character character = decode(text, at);
    if (!character.valid || is_surrogate(character.code)) return false;
    at += character.length;
  }
  return true;
}

void append_hex(std::string& out, std::string_view prefix, std::uint32_t code, int digits) {
  out += prefix;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[code >> shift & 15];
}

}  // namespace flambeau::base
