#pragma once
/// Text from files, made fit for a terminal.

#include <string>
#include <string_view>

namespace flambeau {

/// `text` with everything that could steer a terminal or deceive the eye written as an escape: control characters and
/// bytes that are no UTF-8 as `\xNN` (`\n`, `\r`, `\t` by name), bidirectional and invisible format characters, line
/// separators and lone surrogates as `\uNNNN` or `\UNNNNNNNN`, and the backslash doubled, so that the original can be
/// told.
std::string escape(std::string_view text);

}  // namespace flambeau
