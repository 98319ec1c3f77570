#include "pickle/keys.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>
#include <functional>
#include <string_view>

namespace flambeau::pickle {
namespace {

using object::as;
using object::Ref;

constexpr std::size_t longest_text = 512, longest_tuple = 8;

// Content that decides equality, beside the identity: of strings, bytes and large integers.
std::optional<std::string_view> content(Ref key) noexcept {
  std::optional<std::string_view> text;
  if (const auto* string = as<object::String>(key))
    text = string->text;
  else if (key.kind() == Kind::bytes)
    text = as<object::Bytes>(key)->data;
  else if (const auto* integer = as<object::BigInteger>(key))
    text = integer->bytes;
  return text && text->size() <= longest_text ? text : std::nullopt;
}

// Numbers up to 64 bits by value.
std::optional<std::int64_t> whole(Ref key) noexcept {
  if (key.kind() == Kind::boolean) return key.boolean_value();
  if (const auto* number = as<object::Float>(key))
    return std::trunc(number->value) == number->value && std::abs(number->value) < 9e18
               ? std::optional(static_cast<std::int64_t>(number->value))
               : std::nullopt;
  return object::int_value(key);
}

const std::vector<Ref>* small_tuple(Ref key) noexcept {
  const auto* tuple = as<object::Sequence>(key);
  return tuple && key.kind() == Kind::tuple && tuple->items.size() <= longest_tuple ? &tuple->items : nullptr;
}

// A total order whose equals are Python's equal keys; without looking into tuples.
std::strong_ordering compare_atoms(Ref a, Ref b) noexcept {
  if (a == b) return std::strong_ordering::equal;
  const auto rank = [](Ref key) {
    return whole(key) ? 0 : content(key) ? 1 + static_cast<int>(key.kind()) : 1000 + (key.kind() == Kind::floating);
  };
  if (const auto order = rank(a) <=> rank(b); order != 0) return order;
  if (const auto x = whole(a)) return *x <=> *whole(b);
  if (const auto text = content(a)) return text->compare(*content(b)) <=> 0;
  const auto *x = as<object::Float>(a), *y = as<object::Float>(b);
  if (x && y && !std::isnan(x->value) && !std::isnan(y->value))
    return x->value < y->value   ? std::strong_ordering::less
           : x->value > y->value ? std::strong_ordering::greater
                                 : std::strong_ordering::equal;
  if (x && y && std::isnan(x->value) != std::isnan(y->value)) return std::isnan(x->value) <=> std::isnan(y->value);
  return a.bits() <=> b.bits();
}

std::uint64_t hash_atom(Ref key) noexcept {
  if (const auto value = whole(key)) return std::hash<std::int64_t>()(*value);
  if (const auto* number = as<object::Float>(key)) return std::hash<double>()(number->value);
  if (const auto text = content(key)) return std::hash<std::string_view>()(*text);
  return std::hash<std::uint64_t>()(key.bits());
}

std::strong_ordering compare(Ref a, Ref b) noexcept {
  const auto *x = small_tuple(a), *y = small_tuple(b);
  if (!x || !y) return x ? std::strong_ordering::less : y ? std::strong_ordering::greater : compare_atoms(a, b);
  if (const auto order = x->size() <=> y->size(); order != 0) return order;
  for (std::size_t i = 0; i < x->size(); ++i)
    if (const auto order = compare_atoms((*x)[i], (*y)[i]); order != 0) return order;
  return std::strong_ordering::equal;
}

std::uint64_t hash(Ref key) noexcept {
  const auto* tuple = small_tuple(key);
  if (!tuple) return hash_atom(key);
  std::uint64_t value = tuple->size();
  for (const Ref item : *tuple) value = value * 1000003 ^ hash_atom(item);
  return value;
}

// Tells most dicts that hold no key twice, if they are not large: puts the hashes into a table, where a few tries must
// find each a place.
bool all_hashes_differ(const std::vector<object::Pair>& items) {
  constexpr std::size_t most = 4096, tries = 8;
  if (items.size() > most) return false;
  std::vector<std::uint64_t> table(std::bit_ceil(2 * items.size()) + tries);  // 0: free
  const std::uint64_t mask = std::bit_ceil(2 * items.size()) - 1;
  for (const auto& [key, value] : items) {
    const std::uint64_t wanted = ~hash(key);  // 0 only for the key -1
    auto* const start = &table[wanted & mask];
    auto* const place =
        std::find_if(start, start + tries, [&](std::uint64_t has) { return has == 0 || has == wanted; });
    if (place == start + tries || *place == wanted) return false;
    *place = wanted;
  }
  return true;
}

struct Row {
  std::uint64_t hash;
  std::size_t at;
};

}  // namespace

void remove_duplicate_keys(std::vector<object::Pair>& items) {
  if (items.size() < 2 || all_hashes_differ(items)) return;
  std::vector<Row> rows;  // in the order of hashes, equal keys side by side, earlier ones first
  rows.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) rows.push_back({hash(items[i].first), i});
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    const auto order = compare(items[a.at].first, items[b.at].first);
    return order != 0 ? order < 0 : a.at < b.at;
  });
  std::vector<bool> gone;
  for (std::size_t i = 0, first = 0; i + 1 < rows.size(); ++i) {
    const Row &row = rows[i + 1], &kept = rows[first];
    if (row.hash != kept.hash || compare(items[row.at].first, items[kept.at].first) != 0) {
      first = i + 1;
      continue;
    }
    gone.resize(items.size());
    gone[row.at] = true;
    items[kept.at].second = items[row.at].second;
  }
  if (gone.empty()) return;
  std::size_t count = 0;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (!gone[i]) items[count++] = items[i];
  items.resize(count);
}

}  // namespace flambeau::pickle
