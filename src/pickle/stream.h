#pragma once
// A pickle stream, one instruction at a time: opcode, argument, frame rules. The reader and the disassembler both go
// through here, so that what is shown is what is read.

#include <cstdint>
#include <optional>
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
};

class Stream {
 public:
  explicit Stream(std::span<const std::byte> bytes) noexcept;

  /// The next instruction. Throws Error(truncated, corrupt) with its offset: the stream ends, a length exceeds the
  /// bytes left, an unknown opcode, an argument across the end of a frame, a frame inside another.
  Instruction next();
  /// Just after the last instruction.
  std::uint64_t position() const noexcept { return at_; }
  std::uint64_t size() const noexcept { return bytes_.size(); }

 private:
  std::string_view take(std::uint64_t count, const Instruction& instruction);
  std::string_view counted(int length_bytes, bool is_signed, const Instruction& instruction);
  std::string_view line(const Instruction& instruction);
  void open_frame(const Instruction& instruction);

  std::string_view bytes_;
  std::uint64_t at_ = 0;
  std::optional<std::uint64_t> frame_end_{};
};

}  // namespace flambeau::pickle
