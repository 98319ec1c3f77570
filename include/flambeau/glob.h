#pragma once
/// Patterns for dotted names.

#include <span>
#include <string>
#include <string_view>

namespace flambeau {

/// '*' and '?' stay within a part between dots, '**' crosses them. A pattern without any also names all below it:
/// "features.0" matches "features.0.weight". Time is at worst the product of both lengths.
bool matches(std::string_view pattern, std::string_view name) noexcept;
bool matches_any(std::span<const std::string> patterns, std::string_view name) noexcept;

}  // namespace flambeau
