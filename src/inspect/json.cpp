#include <fmt/format.h>

#include <flambeau/inspect.h>

#include "base/utf8.h"

namespace flambeau {
namespace {

/// Characters that could steer a terminal or reorder text, though JSON allows them.
bool is_hidden(char32_t code) noexcept {
  return (code >= 0x7F && code < 0xA0) || code == 0x61C || (code >= 0x200B && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF;
}

std::string integers(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::string path_of(const std::vector<PathElement>& path) {
  std::string text = "[";
  for (const PathElement& element : path) {
    if (text.size() > 1) text += ", ";
    if (const auto* const index = std::get_if<std::int64_t>(&element))
      text += std::to_string(*index);
    else
      text += json_string(std::get<std::string>(element));
  }
  return text + "]";
}

constexpr const char* truth(bool value) noexcept { return value ? "true" : "false"; }

}  // namespace

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const base::Character c = base::decode(text, at);
    const std::string_view raw = text.substr(at, c.length);
    at += c.length;
    if (c.code == '"' || c.code == '\\') {
      out += '\\';
      out += static_cast<char>(c.code);
    } else if (c.code == '\n') {
      out += "\\n";
    } else if (c.code == '\t') {
      out += "\\t";
    } else if (c.code == '\r') {
      out += "\\r";
    } else if (!c.valid || c.code < 0x20 || base::is_surrogate(c.code) || is_hidden(c.code)) {
      base::append_hex(out, "\\u",
                       c.valid ? static_cast<std::uint32_t>(c.code) : 0xDC00u + static_cast<std::uint32_t>(c.code), 4);
    } else {
      out += raw;
    }
  }
  return out += '"';
}

std::string to_json(const Checkpoint& checkpoint, const std::vector<Listed>& tensors) {
  std::string out = fmt::format("{{\"file\": {}, \"format\": {}, \"tensors\": [",
                                json_string(checkpoint.container().file), json_string(checkpoint.container().format));
  bool first = true;
  for (const Listed& row : tensors) {
    out += first ? "\n" : ",\n";
    first = false;
    out += fmt::format(
        "{{\"path\": {}, \"name\": {}, \"dtype\": {}, \"shape\": {}, \"stride\": {}, \"offset\": {}, \"storage\": {}, "
        "\"nbytes\": {}, ",
        path_of(row.path), json_string(row.name), json_string(row.dtype), integers(row.shape),
        row.stride ? integers(*row.stride) : "null", row.offset, row.storage ? std::to_string(*row.storage) : "null",
        row.nbytes);
    out += fmt::format("\"sha256\": {}, \"requires_grad\": {}, \"parameter\": {}}}",
                       row.sha256.empty() ? "null" : json_string(row.sha256), truth(row.requires_grad),
                       truth(row.parameter));
  }
  return out += tensors.empty() ? "]}\n" : "\n]}\n";
}

}  // namespace flambeau
