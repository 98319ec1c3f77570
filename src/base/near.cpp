#include <flambeau/near.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <flambeau/escape.h>

namespace flambeau {
namespace {

constexpr std::size_t longest = 200;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Optimal string alignment (insert, delete, replace, swap neighbours); letters that differ in case only cost nothing.
// Nothing when the distance exceeds `most`: only a band of that width is computed.
std::optional<std::size_t> distance(std::string_view a, std::string_view b, std::size_t most) {
  const std::size_t far = most + 1;
  std::array<std::size_t, longest + 1> rows[3];
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j <= most ? j : far;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& before = rows[(i + 1) % 3];
    const std::size_t first = i > most ? i - most : 1, last = std::min(b.size(), i + most);
    row[first - 1] = first == 1 && i <= most ? i : far;
    std::size_t least = row[first - 1];
    for (std::size_t j = first; j <= last; ++j) {
      const char x = lower(a[i - 1]), y = lower(b[j - 1]);
      std::size_t cost = std::min({row[j - 1] + 1, above[j] + 1, above[j - 1] + (x != y)});
      if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2])) cost = std::min(cost, before[j - 2] + 1);
      row[j] = std::min(cost, far);
      least = std::min(least, row[j]);
    }
    if (last < b.size()) row[last + 1] = far;
    if (least > most) return std::nullopt;
  }
  const std::size_t result = rows[a.size() % 3][b.size()];
  return result <= most ? std::optional(result) : std::nullopt;
}

bool dotted_end(std::string_view whole, std::string_view end) noexcept {
  return !end.empty() && whole.size() > end.size() && whole.ends_with(end) &&
         whole[whole.size() - end.size() - 1] == '.';
}

template <class Name>
std::vector<std::string> search(std::string_view name, std::span<const Name> names, std::size_t most) {
  std::vector<std::pair<std::size_t, std::string_view>> found;
  if (name.empty() || name.size() > longest) return {};
  const std::size_t allowed = std::clamp<std::size_t>(name.size() / 3, 1, 8);
  for (const std::string_view candidate : names) {
    if (candidate.empty() || candidate.size() > longest) continue;
    if (dotted_end(candidate, name) || dotted_end(name, candidate)) {
      found.emplace_back(1, candidate);
    } else if (candidate.size() + allowed >= name.size() && name.size() + allowed >= candidate.size()) {
      if (const auto errors = distance(name, candidate, allowed)) found.emplace_back(*errors, candidate);
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> result;
  for (std::size_t i = 0; i < std::min(most, found.size()); ++i) result.emplace_back(found[i].second);
  return result;
}

std::string sentence(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += i == 0 ? "; did you mean '" : i + 1 == names.size() ? " or '" : ", '";
    text += escape(names[i]) + "'";
  }
  return text.empty() ? text : text + "?";
}

}  // namespace

std::vector<std::string> nearest(std::string_view name, std::span<const std::string_view> names, std::size_t most) {
  return search(name, names, most);
}
std::vector<std::string> nearest(std::string_view name, std::span<const std::string> names, std::size_t most) {
  return search(name, names, most);
}
std::string did_you_mean(std::string_view name, std::span<const std::string_view> names) {
  return sentence(search(name, names, 3));
}
std::string did_you_mean(std::string_view name, std::span<const std::string> names) {
  return sentence(search(name, names, 3));
}

}  // namespace flambeau
