#include "pickle/stream.h"

#include <string>

#include <flambeau/error.h>

namespace flambeau::pickle {
namespace {

[[noreturn]] void fail(ErrorCode code, const Instruction& now, const std::string& what) {
  Place place;
  place.offset = now.offset;
  throw Error(code, (now.opcode ? std::string(now.opcode->name) + ": " : std::string()) + what, place);
}

std::string hex(unsigned char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  return {'0', 'x', digits[byte >> 4], digits[byte & 15]};
}

}  // namespace

double Instruction::float8() const noexcept {
  std::uint64_t bits = 0;
  for (const char c : bytes) bits = bits << 8 | static_cast<unsigned char>(c);
  return std::bit_cast<double>(bits);
}

void Stream::refuse(std::uint64_t count, const Instruction& now) const {
  if (count > left())
    fail(ErrorCode::truncated, now, std::to_string(count) + " bytes needed, " + std::to_string(left()) + " left");
  fail(ErrorCode::corrupt, now,
       "its argument of " + std::to_string(count) + " bytes crosses the end of its frame, " +
           std::to_string(limit_ - at_) + " bytes left there");
}

void Stream::refuse_opcode(const Instruction& now) const {
  fail(ErrorCode::corrupt, now, "opcode " + hex(static_cast<unsigned char>(begin_[now.offset])) + " is unknown");
}

void Stream::refuse_negative(std::int32_t length, const Instruction& now) const {
  fail(ErrorCode::corrupt, now, "negative length " + std::to_string(length));
}

std::string_view Stream::line(const Instruction& now) {
  const auto* const end = static_cast<const char*>(std::memchr(at_, '\n', left()));
  if (!end) fail(ErrorCode::truncated, now, "no newline in the " + std::to_string(left()) + " bytes left");
  const auto length = static_cast<std::uint64_t>(end - at_);
  return {take(length + 1, now), length};
}

void Stream::leave_frame(Instruction& now) {
  now.opcode = nullptr;
  in_frame_ = false;
  limit_ = end_;
  if (at_ == end_) fail(ErrorCode::truncated, now, "the pickle ends before its STOP");
}

void Stream::open_frame(const Instruction& now) {
  const auto length = number<std::uint64_t>(now);
  if (frames_ == Frames::ignored) return;
  if (in_frame_)
    fail(ErrorCode::corrupt, now,
         "a frame opens inside another, which ends at byte " + std::to_string(limit_ - begin_));
  if (length > left())
    fail(ErrorCode::truncated, now,
         "a frame of " + std::to_string(length) + " bytes, " + std::to_string(left()) + " left");
  limit_ = at_ + length;
  in_frame_ = true;
}

}  // namespace flambeau::pickle
