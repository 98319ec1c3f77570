#include <flambeau/glob.h>

#include <algorithm>

namespace flambeau {
namespace {

bool match(std::string_view pattern, std::string_view name) noexcept {
  constexpr auto none = std::string_view::npos;
  // The last star of each kind, and the part of the name it covers so far: on a mismatch it covers one more.
  std::size_t p = 0, n = 0, single = none, single_end = 0, twice = none, twice_end = 0;
  while (n < name.size()) {
    if (pattern.substr(p).starts_with("**")) {
      twice = p, twice_end = n, single = none;
      p += 2;
    } else if (p < pattern.size() && pattern[p] == '*') {
      single = p, single_end = n;
      p += 1;
    } else if (p < pattern.size() && (pattern[p] == name[n] || (pattern[p] == '?' && name[n] != '.'))) {
      ++p, ++n;
    } else if (single != none && name[single_end] != '.') {
      n = ++single_end;
      p = single + 1;
    } else if (twice != none) {
      n = ++twice_end;
      p = twice + 2;
      single = none;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == none;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view name) noexcept {
  if (pattern.find_first_of("*?") == pattern.npos)
    return name == pattern ||
           (name.starts_with(pattern) && name.size() > pattern.size() && name[pattern.size()] == '.');
  return match(pattern, name);
}

bool matches_any(std::span<const std::string> patterns, std::string_view name) noexcept {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(pattern, name); });
}

}  // namespace flambeau
