#pragma once
// Python's _addindent, by which module trees are printed.

#include <string>

namespace flambeau::nn {

/// Two spaces before every line but the first.
inline std::string indented(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out;
}

}  // namespace flambeau::nn
