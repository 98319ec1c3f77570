#pragma once
// UTF-8, one character at a time, lone surrogates included (Python strings may hold them; pickles write them as 3
// bytes).

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace flambeau::base {

struct Character {
  char32_t code = 0;        ///< of a bad byte: the byte
  std::uint8_t length = 1;  ///< bytes taken
  bool valid = false;       ///< false: the byte at this place begins no well-formed sequence
};

/// The character at `at` (< text.size()). Overlong forms and codes past U+10FFFF are not valid; surrogates are, as
/// characters.
Character decode(std::string_view text, std::size_t at) noexcept;

constexpr bool is_surrogate(char32_t code) noexcept { return code >= 0xD800 && code <= 0xDFFF; }

/// Bytes of ASCII from `at` on: a walk over characters can skip them.
inline std::size_t ascii_run(std::string_view text, std::size_t at) noexcept {
  const std::size_t start = at;
  for (std::uint64_t eight = 0; text.size() - at >= sizeof eight; at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if (eight & 0x8080808080808080) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at - start;
}

/// Well-formed UTF-8 throughout, without surrogates.
bool is_utf8(std::string_view text) noexcept;

/// Appends `prefix` and `code` as `digits` lower-case hexadecimal digits: hex(out, "\\x", 0x1b, 2).
void append_hex(std::string& out, std::string_view prefix, std::uint32_t code, int digits);

}  // namespace flambeau::base
