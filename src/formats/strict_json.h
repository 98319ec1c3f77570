#pragma once
// JSON as formats need it: UTF-8, no duplicate keys, bounded depth and size, numbers with their exact kind.

#include <simdjson.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <flambeau/error.h>

namespace flambeau::formats {

/// A parsed document. Views into it live as long as it does.
class StrictJson {
 public:
  using Element = simdjson::dom::element;
  using Member = std::function<void(std::string_view key, Element value)>;

  /// Throws Error(corrupt) at `place` unless `text` is one JSON object.
  StrictJson(std::string_view text, Place place);

  Element root() const noexcept { return root_; }
  /// The members of the document in order; keys are unique after unescaping, else Error(corrupt).
  void each(const Member& take) const { each(root_, {}, take); }
  /// The members of an object; `what` names it in errors ("tensor 'x'").
  void each(Element object, std::string_view what, const Member& take) const;

  /// Typed values; `what` names the value in errors.
  std::string_view text(Element element, std::string_view what) const;
  std::uint64_t count(Element element, std::string_view what) const;  ///< a non-negative integer, written as digits
  simdjson::dom::array array(Element element, std::string_view what) const;

  [[noreturn]] void fail(std::string_view what, std::string_view problem) const;

 private:
  Place place_;
  simdjson::padded_string text_;
  simdjson::dom::parser parser_{};
  Element root_{};
};

/// `text` as a JSON string with quotes, escaped as serde_json does (only what must be).
std::string json_quote(std::string_view text);

}  // namespace flambeau::formats
