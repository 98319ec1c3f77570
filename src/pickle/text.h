#pragma once
// The text forms of pickle protocol 0, and integers between decimal and two's complement.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flambeau::pickle {

/// An integer as pickle stores it: two's complement, little-endian, shortest (empty for 0). `digits` is an optional
/// sign and decimal digits without leading zeros; nullopt for anything else and for more than 4300 digits, CPython's
/// limit.
std::optional<std::string> parse_decimal(std::string_view digits);

/// The same bytes without sign bytes that say nothing.
std::string_view shortest(std::string_view twos_complement) noexcept;

/// The value where it fits into 64 bits.
std::optional<std::int64_t> to_int64(std::string_view twos_complement) noexcept;
std::string from_int64(std::int64_t value);

/// Decimal text. Time is quadratic: at most 4096 bytes.
std::string to_decimal(std::string_view twos_complement);

/// A float as Python reads it; nullopt if it is none.
std::optional<double> parse_float(std::string_view text) noexcept;

/// The bytes of a quoted Python 2 str ('a\n\x00'); nullopt without quotes or with a broken escape.
std::optional<std::string> parse_quoted(std::string_view line);

/// UTF-8 of a raw-unicode-escape line (Latin-1, \uXXXX and \UXXXXXXXX); nullopt for a broken escape.
std::optional<std::string> parse_raw_unicode(std::string_view line);

std::string latin1_to_utf8(std::string_view latin1);
/// nullopt if a character lies above U+00FF. `utf8` is well-formed.
std::optional<std::string> utf8_to_latin1(std::string_view utf8);

/// Well-formed UTF-8, lone surrogates allowed.
bool is_python_text(std::string_view text) noexcept;

}  // namespace flambeau::pickle
