#include "formats/strict_json.h"

#include <fmt/format.h>

#include <unordered_set>
#include <utility>

namespace flambeau::formats {
namespace {

constexpr std::size_t max_depth = 64;

}  // namespace

StrictJson::StrictJson(std::string_view text, Place place) : place_(std::move(place)), text_(text) {
  auto error = parser_.allocate(std::max<std::size_t>(text_.size(), 32), max_depth);
  if (!error) error = parser_.parse(text_).get(root_);
  if (error) fail("", fmt::format("is no valid json: {}", simdjson::error_message(error)));
  if (!root_.is_object()) fail("", "is no json object");
}

void StrictJson::each(Element object, std::string_view what, const Member& take) const {
  simdjson::dom::object members;
  if (object.get(members)) fail(what, "is no object");
  std::unordered_set<std::string_view> seen;
  seen.reserve(members.size());
  for (const auto member : members) {
    if (!seen.insert(member.key).second) fail(what, fmt::format("has the key '{}' twice", member.key));
    take(member.key, member.value);
  }
}

std::string_view StrictJson::text(Element element, std::string_view what) const {
  std::string_view value;
  if (element.get(value)) fail(what, "is no string");
  return value;
}

std::uint64_t StrictJson::count(Element element, std::string_view what) const {
  std::uint64_t value = 0;
  if (element.get(value)) fail(what, "is no non-negative integer of 64 bits");
  return value;
}

simdjson::dom::array StrictJson::array(Element element, std::string_view what) const {
  simdjson::dom::array value;
  if (element.get(value)) fail(what, "is no list");
  return value;
}

void StrictJson::fail(std::string_view what, std::string_view problem) const {
  throw Error(ErrorCode::corrupt, fmt::format("the json{}{} {}", what.empty() ? "" : ": ", what, problem), place_);
}

std::string json_quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        quoted += "\\\"";
        break;
      case '\\':
        quoted += "\\\\";
        break;
      case '\b':
        quoted += "\\b";
        break;
      case '\f':
        quoted += "\\f";
        break;
      case '\n':
        quoted += "\\n";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\t':
        quoted += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          quoted += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        else
          quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace flambeau::formats
