#pragma once
// Bytes of a pickle of protocol 2, gathered into pieces.

#include <cstdint>
#include <string>
#include <string_view>

#include "pickle/opcodes.h"
#include "pickle/writer.h"

namespace flambeau::pickle {

class Output {
 public:
  explicit Output(const Sink& sink) : sink_(sink) {}

  void op(Op op) { byte(static_cast<std::uint8_t>(op)); }
  void byte(std::uint8_t value) {
    buffer_ += static_cast<char>(value);
    if (buffer_.size() >= piece) flush();
  }
  void integer(std::int64_t value);
  void long_integer(std::string_view twos_complement);
  void floating(double value);
  /// Throws Error(unsupported) from 4 GiB on.
  void string(std::string_view utf8);
  /// Throws Error(unsupported) for names that protocol 2 cannot hold: not ASCII, or with a newline.
  void global(std::string_view module, std::string_view qualname);
  void memo(std::uint32_t index, Op short_form, Op long_form);
  void flush();

 private:
  static constexpr std::size_t piece = 64u << 10;
  void number(std::uint64_t value, int bytes);
  void write(std::string_view bytes);

  const Sink& sink_;
  std::string buffer_{};
};

}  // namespace flambeau::pickle
