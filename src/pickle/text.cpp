#include "pickle/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "base/utf8.h"

namespace flambeau::pickle {
namespace {

constexpr std::size_t max_digits = 4300;
constexpr std::uint32_t billion = 1000000000;

using Limbs = std::vector<std::uint32_t>;  // magnitude, least first

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The number in the first `count` characters; nullopt if they are not all hexadecimal.
std::optional<std::uint32_t> hex_number(std::string_view text, std::size_t count) noexcept {
  if (text.size() < count) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const int digit = hex_value(text[i]);
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<std::uint32_t>(digit);
  }
  return value;
}

// UTF-8 of a code up to U+10FFFF, surrogates as three bytes.
void append_utf8(std::string& out, std::uint32_t code) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

// One escape of a Python 2 str after its backslash; `at` moves past it. False if it is broken.
bool append_escape(std::string& out, std::string_view text, std::size_t& at) {
  constexpr std::string_view letters = "\\'\"abfnrtv", values = "\\'\"\a\b\f\n\r\t\v";
  const char c = text[at++];
  if (const auto known = letters.find(c); known != letters.npos) {
    out += values[known];
  } else if (c == 'x') {
    const auto code = hex_number(text.substr(at), 2);
    if (!code) return false;
    out += static_cast<char>(*code);
    at += 2;
  } else if (c >= '0' && c <= '7') {
    int code = c - '0';
    for (int i = 0; i < 2 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i)
      code = code * 8 + (text[at++] - '0');
    out += static_cast<char>(code);
  } else if (c != '\n') {
    out += '\\';
    out += c;
  }
  return true;
}

}  // namespace

std::optional<std::string> parse_decimal(std::string_view digits) {
  const bool negative = !digits.empty() && digits[0] == '-';
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
  if (digits.empty() || digits.size() > max_digits || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  if (digits.find_first_not_of("0123456789") != digits.npos) return std::nullopt;
  Limbs limbs;
  for (std::size_t at = 0; at < digits.size();) {
    const std::size_t count = (digits.size() - at - 1) % 9 + 1;
    std::uint64_t carry = 0, scale = 1;
    for (std::size_t i = 0; i < count; ++i, scale *= 10)
      carry = carry * 10 + static_cast<std::uint64_t>(digits[at + i] - '0');
    for (std::uint32_t& limb : limbs) {
      carry += limb * scale;
      limb = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry) limbs.push_back(static_cast<std::uint32_t>(carry));
    at += count;
  }
  std::string bytes;
  std::uint64_t borrow = 1;
  for (std::uint32_t limb : limbs) {
    if (negative) {
      const std::uint64_t flipped = (~limb & 0xFFFFFFFFu) + borrow;
      borrow = flipped >> 32;
      limb = static_cast<std::uint32_t>(flipped);
    }
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(limb >> shift & 0xFF);
  }
  if (!limbs.empty()) bytes += negative ? '\xFF' : '\0';
  return std::string(shortest(bytes));
}

std::string_view shortest(std::string_view bytes) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  while (bytes.size() > 1 && ((at(bytes.size() - 1) == 0x00 && at(bytes.size() - 2) < 0x80) ||
                              (at(bytes.size() - 1) == 0xFF && at(bytes.size() - 2) >= 0x80)))
    bytes.remove_suffix(1);
  return bytes == std::string_view("\0", 1) ? std::string_view() : bytes;
}

std::optional<std::int64_t> to_int64(std::string_view bytes) noexcept {
  bytes = shortest(bytes);
  if (bytes.size() > 8) return std::nullopt;
  std::uint64_t value = !bytes.empty() && (bytes.back() & 0x80) ? ~std::uint64_t{0} : 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return static_cast<std::int64_t>(value);
}

std::string from_int64(std::int64_t value) {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(value >> shift & 0xFF);
  return std::string(shortest(bytes));
}

std::string to_decimal(std::string_view bytes) {
  const bool negative = !bytes.empty() && (bytes.back() & 0x80);
  Limbs limbs((bytes.size() + 3) / 4, negative ? 0xFFFFFFFFu : 0u);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t shift = 8 * (i % 4);
    limbs[i / 4] &= ~(0xFFu << shift);
    limbs[i / 4] |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << shift;
  }
  if (negative) {
    std::uint64_t carry = 1;
    for (std::uint32_t& limb : limbs) {
      carry += ~limb & 0xFFFFFFFFu;
      limb = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry) limbs.push_back(static_cast<std::uint32_t>(carry));
  }
  std::string reversed;
  while (!limbs.empty()) {
    std::uint64_t rest = 0;
    for (std::size_t i = limbs.size(); i-- > 0;) {
      rest = rest << 32 | limbs[i];
      limbs[i] = static_cast<std::uint32_t>(rest / billion);
      rest %= billion;
    }
    while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
    for (int i = 0; i < 9 && (rest || !limbs.empty()); ++i, rest /= 10) reversed += static_cast<char>('0' + rest % 10);
  }
  if (reversed.empty()) return "0";
  if (negative) reversed += '-';
  return {reversed.rbegin(), reversed.rend()};
}

std::optional<double> parse_float(std::string_view text) noexcept {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.find('(') != text.npos) return std::nullopt;
  return value;
}

std::optional<std::string> parse_quoted(std::string_view line) {
  if (line.size() < 2 || line.front() != line.back() || (line[0] != '\'' && line[0] != '"')) return std::nullopt;
  const std::string_view text = line.substr(1, line.size() - 2);
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at++];
    if (c != '\\')
      out += c;
    else if (at == text.size() || !append_escape(out, text, at))
      return std::nullopt;
  }
  return out;
}

std::optional<std::string> parse_raw_unicode(std::string_view line) {
  std::string out;
  out.reserve(line.size());
  for (std::size_t at = 0; at < line.size();) {
    const char c = line[at++];
    const char kind = c == '\\' && at < line.size() ? line[at] : '\0';
    if (kind == 'u' || kind == 'U') {
      const std::size_t count = kind == 'u' ? 4 : 8;
      const auto code = hex_number(line.substr(at + 1), count);
      if (!code || *code > 0x10FFFF) return std::nullopt;
      append_utf8(out, *code);
      at += 1 + count;
      continue;
    }
    append_utf8(out, static_cast<unsigned char>(c));
    if (c == '\\' && at < line.size()) append_utf8(out, static_cast<unsigned char>(line[at++]));
  }
  return out;
}

std::string latin1_to_utf8(std::string_view latin1) {
  std::string out;
  out.reserve(latin1.size() + static_cast<std::size_t>(
                                  std::count_if(latin1.begin(), latin1.end(), [](char c) { return (c & 0x80) != 0; })));
  for (const char c : latin1) append_utf8(out, static_cast<unsigned char>(c));
  return out;
}

std::optional<std::string> utf8_to_latin1(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  for (std::size_t at = 0; at < utf8.size();) {
    const base::Character character = base::decode(utf8, at);
    if (character.code > 0xFF) return std::nullopt;
    out += static_cast<char>(character.code);
    at += character.length;
  }
  out.shrink_to_fit();
  return out;
}

bool is_python_text(std::string_view text) noexcept {
  for (std::size_t at = base::ascii_run(text, 0); at < text.size(); at += base::ascii_run(text, at)) {
    const base::Character character = base::decode(text, at);
    if (!character.valid) return false;
    at += character.length;
  }
  return true;
}

}  // namespace flambeau::pickle
