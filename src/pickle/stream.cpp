#include "pickle/stream.h"

#include <string>

#include <flambeau/error.h>

namespace flambeau::pickle {
namespace {

std::uint64_t little_endian(std::string_view bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

[[noreturn]] void fail(ErrorCode code, const Instruction& instruction, const std::string& what) {
  Place place;
  place.offset = instruction.offset;
  throw Error(code, (instruction.opcode ? std::string(instruction.opcode->name) + ": " : std::string()) + what, place);
}

std::string hex(unsigned char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  return {'0', 'x', digits[byte >> 4], digits[byte & 15]};
}

}  // namespace

Stream::Stream(std::span<const std::byte> bytes) noexcept
    : bytes_(reinterpret_cast<const char*>(bytes.data()), bytes.size()) {}

std::string_view Stream::take(std::uint64_t count, const Instruction& instruction) {
  if (count > bytes_.size() - at_)
    fail(ErrorCode::truncated, instruction,
         std::to_string(count) + " bytes needed, " + std::to_string(bytes_.size() - at_) + " left");
  if (frame_end_ && count > *frame_end_ - at_)
    fail(ErrorCode::corrupt, instruction,
         "its argument of " + std::to_string(count) + " bytes crosses the end of its frame, " +
             std::to_string(*frame_end_ - at_) + " bytes left there");
  const std::string_view taken = bytes_.substr(at_, count);
  at_ += count;
  return taken;
}

std::string_view Stream::counted(int length_bytes, bool is_signed, const Instruction& instruction) {
  const std::uint64_t length = little_endian(take(static_cast<std::uint64_t>(length_bytes), instruction));
  if (is_signed && length > 0x7FFFFFFF)
    fail(ErrorCode::corrupt, instruction,
         "negative length " + std::to_string(static_cast<std::int64_t>(length) - (std::int64_t{1} << 32)));
  return take(length, instruction);
}

std::string_view Stream::line(const Instruction& instruction) {
  const std::size_t end = bytes_.find('\n', at_);
  if (end == bytes_.npos)
    fail(ErrorCode::truncated, instruction, "no newline in the " + std::to_string(bytes_.size() - at_) + " bytes left");
  const std::string_view taken = take(end - at_ + 1, instruction);
  return taken.substr(0, taken.size() - 1);
}

void Stream::open_frame(const Instruction& instruction) {
  const std::uint64_t length = little_endian(take(8, instruction));
  if (frame_end_)
    fail(ErrorCode::corrupt, instruction,
         "a frame opens inside another, which ends at byte " + std::to_string(*frame_end_));
  if (length > bytes_.size() - at_)
    fail(ErrorCode::truncated, instruction,
         "a frame of " + std::to_string(length) + " bytes, " + std::to_string(bytes_.size() - at_) + " left");
  frame_end_ = at_ + length;
}

Instruction Stream::next() {
  if (frame_end_ && at_ == *frame_end_) frame_end_.reset();
  Instruction instruction;
  instruction.offset = at_;
  if (at_ == bytes_.size()) fail(ErrorCode::truncated, instruction, "the pickle ends before its STOP");
  const auto byte = static_cast<unsigned char>(bytes_[at_]);
  instruction.opcode = opcode(byte);
  if (!instruction.opcode) fail(ErrorCode::corrupt, instruction, "opcode " + hex(byte) + " is unknown");
  ++at_;
  switch (instruction.opcode->argument) {
    case Argument::none:
      break;
    case Argument::uint1:
      instruction.number = static_cast<std::int64_t>(little_endian(take(1, instruction)));
      break;
    case Argument::uint2:
      instruction.number = static_cast<std::int64_t>(little_endian(take(2, instruction)));
      break;
    case Argument::int4:
      instruction.number = static_cast<std::int32_t>(little_endian(take(4, instruction)));
      break;
    case Argument::uint4:
      instruction.number = static_cast<std::int64_t>(little_endian(take(4, instruction)));
      break;
    case Argument::uint8:
      open_frame(instruction);
      instruction.number = static_cast<std::int64_t>(*frame_end_ - at_);
      break;
    case Argument::float8:
      instruction.bytes = take(8, instruction);
      break;
    case Argument::string1:
    case Argument::bytes1:
    case Argument::unicode1:
    case Argument::long1:
      instruction.bytes = counted(1, false, instruction);
      break;
    case Argument::bytes4:
    case Argument::unicode4:
      instruction.bytes = counted(4, false, instruction);
      break;
    case Argument::string4:
    case Argument::long4:
      instruction.bytes = counted(4, true, instruction);
      break;
    case Argument::bytes8:
    case Argument::bytearray8:
    case Argument::unicode8:
      instruction.bytes = counted(8, false, instruction);
      break;
    case Argument::decimal:
    case Argument::long_decimal:
    case Argument::float_line:
    case Argument::string_line:
    case Argument::unicode_line:
    case Argument::id_line:
      instruction.bytes = line(instruction);
      break;
    case Argument::name_lines:
      instruction.bytes = line(instruction);
      instruction.second = line(instruction);
      break;
  }
  return instruction;
}

}  // namespace flambeau::pickle
