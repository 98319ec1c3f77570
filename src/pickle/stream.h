#pragma once
// A pickle stream, one instruction at a time: opcode, argument, frame rules. The reader and the disassembler both go
// through here, so that what is shown is what is read.

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "pickle/opcodes.h"

namespace flambeau::pickle {

struct Instruction {
  const Opcode* opcode = nullptr;
  std::uint64_t offset = 0;   ///< of the opcode's byte
  std::int64_t number = 0;    ///< numeric arguments up to 4 bytes, FRAME's length
  std::string_view bytes{};   ///< counted arguments without their length, float8, lines without their newline, module
  std::string_view second{};  ///< the name, where the argument is module and name

  double float8() const noexcept;  ///< of `bytes`, which are big-endian
};

/// Python's own machines have disagreed about frames: what looks for names behind a broken one goes on as if there were
/// none.
enum class Frames : std::uint8_t { checked, ignored };

class Stream {
 public:
  explicit Stream(std::span<const std::byte> bytes, Frames frames = Frames::checked) noexcept
      : begin_(reinterpret_cast<const char*>(bytes.data())),
        at_(begin_),
        end_(begin_ + bytes.size()),
        limit_(end_),
        size_(bytes.size()),
        frames_(frames) {}

  /// Reads the next instruction; of its arguments those that its opcode has. Throws Error(truncated, corrupt) with its
  /// offset: the stream ends, a length exceeds the bytes left, an unknown opcode, an argument across the end of a
  /// frame, a frame inside another.
  void next(Instruction& now) { argument(next_op(now), now); }
  /// The two halves of next(), for one who knows what argument an opcode has. The first gives any byte, and only the
  /// second sets `now.opcode`.
  Op next_op(Instruction& now) {
    now.offset = position();
    if (at_ == limit_) [[unlikely]]
      leave_frame(now);
    return static_cast<Op>(*at_++);
  }
  void argument(Op op, Instruction& now);
  /// The opcode at an offset where one was read.
  const Opcode& opcode_at(std::uint64_t offset) const noexcept {
    return *opcode(static_cast<std::uint8_t>(begin_[offset]));
  }
  /// Just after the last instruction.
  std::uint64_t position() const noexcept { return static_cast<std::uint64_t>(at_ - begin_); }
  std::uint64_t size() const noexcept { return size_; }
  std::span<const std::byte> bytes() const noexcept { return std::as_bytes(std::span(begin_, size_)); }

 private:
  std::uint64_t left() const noexcept { return static_cast<std::uint64_t>(end_ - at_); }

  const char* take(std::uint64_t count, const Instruction& now) {
    if (count > static_cast<std::uint64_t>(limit_ - at_)) [[unlikely]]
      refuse(count, now);
    const char* const taken = at_;
    at_ += count;
    return taken;
  }
  template <class T>
  T number(const Instruction& now) {
    static_assert(std::endian::native == std::endian::little);
    T value;
    std::memcpy(&value, take(sizeof(T), now), sizeof(T));
    return value;
  }
  std::string_view counted(std::uint64_t length, const Instruction& now) { return {take(length, now), length}; }
  std::string_view line(const Instruction& now);

  // Out of the way of next(): frames, and what cannot be read.
  void leave_frame(Instruction& now);
  void open_frame(const Instruction& now);
  [[noreturn]] void refuse(std::uint64_t count, const Instruction& now) const;
  [[noreturn]] void refuse_opcode(const Instruction& now) const;
  [[noreturn]] void refuse_negative(std::int32_t length, const Instruction& now) const;

  const char *begin_, *at_, *end_;
  const char* limit_;  // no argument crosses it: the open frame's end, else the stream's
  std::uint64_t size_;
  Frames frames_;
  bool in_frame_ = false;
};

// Inlined always: where the opcode is known, little is left.
[[gnu::always_inline]] inline void Stream::argument(Op op, Instruction& now) {
  now.opcode = opcode(static_cast<std::uint8_t>(op));
  if (!now.opcode) [[unlikely]]
    refuse_opcode(now);
  switch (now.opcode->argument) {
    case Argument::none:
      break;
    case Argument::uint1:
      now.number = number<std::uint8_t>(now);
      break;
    case Argument::uint2:
      now.number = number<std::uint16_t>(now);
      break;
    case Argument::int4:
      now.number = number<std::int32_t>(now);
      break;
    case Argument::uint4:
      now.number = number<std::uint32_t>(now);
      break;
    case Argument::uint8:
      open_frame(now);
      now.number = limit_ - at_;
      break;
    case Argument::float8:
      now.bytes = counted(8, now);
      break;
    case Argument::string1:
    case Argument::bytes1:
    case Argument::unicode1:
    case Argument::long1:
      now.bytes = counted(number<std::uint8_t>(now), now);
      break;
    case Argument::bytes4:
    case Argument::unicode4:
      now.bytes = counted(number<std::uint32_t>(now), now);
      break;
    case Argument::string4:
    case Argument::long4: {
      const auto length = number<std::int32_t>(now);
      if (length < 0) [[unlikely]]
        refuse_negative(length, now);
      now.bytes = counted(static_cast<std::uint64_t>(length), now);
      break;
    }
    case Argument::bytes8:
    case Argument::bytearray8:
    case Argument::unicode8:
      now.bytes = counted(number<std::uint64_t>(now), now);
      break;
    case Argument::decimal:
    case Argument::long_decimal:
    case Argument::float_line:
    case Argument::string_line:
    case Argument::unicode_line:
    case Argument::id_line:
      now.bytes = line(now);
      break;
    case Argument::name_lines:
      now.bytes = line(now);
      now.second = line(now);
      break;
  }
}

}  // namespace flambeau::pickle
