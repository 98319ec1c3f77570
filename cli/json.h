#pragma once
// Writes one JSON document in order; commas are its own affair.

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <flambeau/inspect.h>

namespace cli {

class Json {
 public:
  Json& object() { return open('{'); }
  Json& array() { return open('['); }
  Json& end() {
    text_ += closers_.back();
    closers_.pop_back();
    comma_ = true;
    return *this;
  }
  Json& key(std::string_view name) {
    value(name);
    text_ += ": ";
    comma_ = false;
    return *this;
  }
  Json& value(std::string_view text) { return raw(flambeau::json_string(text)); }
  Json& value(const std::string& text) { return value(std::string_view(text)); }
  Json& value(const char* text) { return value(std::string_view(text)); }
  Json& value(bool truth) { return raw(truth ? "true" : "false"); }
  Json& value(std::integral auto number) { return raw(std::to_string(number)); }
  /// NaN and infinity, which JSON lacks, as text.
  Json& value(double number) {
    if (std::isnan(number)) return value("nan");  // of either sign
    return std::isfinite(number) ? raw(fmt::format("{}", number)) : value(fmt::format("{}", number));
  }
  Json& null() { return raw("null"); }
  Json& field(std::string_view name, const auto& content) { return key(name).value(content); }
  template <class T>
  Json& list(std::string_view name, const T& items) {
    key(name).array();
    for (const auto& item : items) value(item);
    return end();
  }
  Json& raw(std::string_view text) {
    separate();
    text_ += text;
    comma_ = true;
    return *this;
  }
  /// The document with its final newline.
  std::string text() const { return text_ + "\n"; }

 private:
  Json& open(char bracket) {
    separate();
    text_ += bracket;
    closers_ += bracket == '{' ? '}' : ']';
    comma_ = false;
    return *this;
  }
  void separate() {
    if (comma_) text_ += ", ";
  }
  std::string text_{}, closers_{};
  bool comma_ = false;
};

}  // namespace cli
