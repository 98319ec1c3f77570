#include "base/py_repr.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "base/utf8.h"

namespace flambeau::base {
namespace {

struct Range {
  char32_t first, last;
};
constexpr Range unprintable[] = {
#include "base/unprintable.inc"
};

bool is_printable(char32_t code) noexcept {
  const auto* after = std::upper_bound(std::begin(unprintable), std::end(unprintable), code,
                                       [](char32_t value, const Range& range) { return value < range.first; });
  return after == std::begin(unprintable) || code > std::prev(after)->last;
}

char quote_for(std::string_view text) noexcept {
  return text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
}

// What str and bytes write alike; false if `code` is none of it.
bool append_common(std::string& out, char32_t code, char quote) {
  if (code == static_cast<unsigned char>(quote) || code == '\\') {
    out += '\\';
    out += static_cast<char>(code);
  } else if (code == '\n') {
    out += "\\n";
  } else if (code == '\r') {
    out += "\\r";
  } else if (code == '\t') {
    out += "\\t";
  } else if (code >= 0x20 && code < 0x7F) {
    out += static_cast<char>(code);
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::string py_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t e = text.find('e');
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
  if (exponent < -4 || exponent >= 16) return std::string(text);  // both write at least two digits of exponent
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
  std::string result(buffer, fixed);
  if (result.find('.') == result.npos) result += ".0";
  return result;
}

std::string py_repr(std::string_view text) {
  const char quote = quote_for(text);
  std::string out(1, quote);
  for (std::size_t at = 0; at < text.size();) {
    const Character character = decode(text, at);
    const char32_t code = character.code;
    if (character.valid && append_common(out, code, quote)) {
    } else if (code < 0x100 && (!character.valid || !is_printable(code))) {
      append_hex(out, "\\x", code, 2);
    } else if (is_printable(code)) {
      out += text.substr(at, character.length);
    } else if (code < 0x10000) {
      append_hex(out, "\\u", code, 4);
    } else {
      append_hex(out, "\\U", code, 8);
    }
    at += character.length;
  }
  return out + quote;
}

namespace {

std::string bytes_repr(std::string_view bytes, char quote, char escaped) {
  std::string out = std::string("b") + quote;
  for (const char c : bytes) {
    const auto code = static_cast<unsigned char>(c);
    if (!append_common(out, code, escaped)) append_hex(out, "\\x", code, 2);
  }
  return out + quote;
}

}  // namespace

std::string py_bytes_repr(std::string_view bytes) {
  const char quote = quote_for(bytes);
  return bytes_repr(bytes, quote, quote);
}

std::string py_bytearray_repr(std::string_view bytes) {
  return "bytearray(" + bytes_repr(bytes, quote_for(bytes), '\'') + ")";  // Python escapes this quote in any case
}

}  // namespace flambeau::base
