#include <flambeau/error.h>
#include <flambeau/escape.h>

#include <array>
#include <utility>

namespace flambeau {
namespace {

constexpr std::array<std::string_view, 14> code_names = {
    "invalid_argument", "not_found", "io",    "unknown_format", "truncated", "corrupt",   "checksum",
    "unsupported",      "forbidden", "limit", "type",           "mismatch",  "cancelled", "internal",
};
static_assert(code_names.size() == static_cast<std::size_t>(ErrorCode::internal) + 1);

std::string text_of(const std::string& message, const Place& place) {
  std::string text;
  if (!place.file.empty()) text += place.file + ": ";
  if (!place.member.empty()) text += escape(place.member) + ": ";
  if (place.offset) text += "byte " + std::to_string(*place.offset) + ": ";
  if (!place.tensor.empty()) text += "tensor '" + escape(place.tensor) + "': ";
  return text + message;
}

}  // namespace

std::string_view name(ErrorCode code) noexcept { return code_names[static_cast<std::size_t>(code)]; }

Error::Error(ErrorCode code, std::string message, Place place)
    : std::runtime_error(text_of(message, place)),
      code_(code),
      message_(std::move(message)),
      place_(std::move(place)) {}

Error Error::at(const Place& outer) const {
  Place merged = place_;
  if (merged.file.empty()) merged.file = outer.file;
  if (merged.member.empty()) merged.member = outer.member;
  if (!merged.offset) merged.offset = outer.offset;
  if (merged.tensor.empty()) merged.tensor = outer.tensor;
  return Error(code_, message_, std::move(merged));
}

}  // namespace flambeau
