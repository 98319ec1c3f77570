#pragma once
// Python's repr() of floats, strings and bytes, as CPython 3.11 prints them: for module trees, `show` and key paths.

#include <string>
#include <string_view>

namespace flambeau::base {

/// The shortest digits that read back as the same double, laid out as Python does: "1.0", "1e-05", "1e+16", "inf",
/// "nan".
std::string py_repr(double value);

/// repr of a str given as UTF-8 (lone surrogates as 3 bytes): 'it' or "it's", `\n`, `\x1b`, `\u200b`, `\U000e0001`.
/// Bytes that are no UTF-8, which no Python str can hold, are written as `\xNN`.
std::string py_repr(std::string_view text);

/// repr of a bytes object: b'\x00a'.
std::string py_bytes_repr(std::string_view bytes);

/// repr of a bytearray: bytearray(b'\x00a').
std::string py_bytearray_repr(std::string_view bytes);

}  // namespace flambeau::base
