#include "pickle/output.h"

#include <algorithm>
#include <bit>
#include <limits>

#include <flambeau/error.h>

#include "pickle/text.h"

namespace flambeau::pickle {

void Output::flush() {
  if (!buffer_.empty()) sink_(buffer_);
  buffer_.clear();
}

void Output::write(std::string_view bytes) {
  if (bytes.size() >= piece) {
    flush();
    sink_(bytes);
    return;
  }
  buffer_ += bytes;
  if (buffer_.size() >= piece) flush();
}

void Output::number(std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8) byte(static_cast<std::uint8_t>(value));
}

void Output::integer(std::int64_t value) {
  if (value < std::numeric_limits<std::int32_t>::min() || value > std::numeric_limits<std::int32_t>::max()) {
    long_integer(from_int64(value));
    return;
  }
  const int bytes = value < 0 || value > 0xFFFF ? 4 : value > 0xFF ? 2 : 1;
  op(bytes == 4 ? Op::BININT : bytes == 2 ? Op::BININT2 : Op::BININT1);
  number(static_cast<std::uint64_t>(value), bytes);
}

void Output::long_integer(std::string_view twos_complement) {
  const bool small = twos_complement.size() < 256;
  op(small ? Op::LONG1 : Op::LONG4);
  number(twos_complement.size(), small ? 1 : 4);
  write(twos_complement);
}

void Output::floating(double value) {
  op(Op::BINFLOAT);
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (int shift = 56; shift >= 0; shift -= 8) byte(static_cast<std::uint8_t>(bits >> shift));
}

void Output::string(std::string_view utf8) {
  if (utf8.size() > std::numeric_limits<std::uint32_t>::max())
    throw Error(ErrorCode::unsupported,
                "a string of " + std::to_string(utf8.size()) + " bytes, protocol 2 holds at most 4294967295");
  op(Op::BINUNICODE);
  number(utf8.size(), 4);
  write(utf8);
}

void Output::global(std::string_view module, std::string_view qualname) {
  for (const std::string_view part : {module, qualname})
    if (std::any_of(part.begin(), part.end(), [](char c) { return c == '\n' || (c & 0x80); }))
      throw Error(ErrorCode::unsupported, "protocol 2 cannot hold the name " + std::string(module) + "." +
                                              std::string(qualname) + ": only ASCII without newlines");
  op(Op::GLOBAL);
  write(module);
  byte('\n');
  write(qualname);
  byte('\n');
}

void Output::memo(std::uint32_t index, Op short_form, Op long_form) {
  op(index < 256 ? short_form : long_form);
  number(index, index < 256 ? 1 : 4);
}

}  // namespace flambeau::pickle
