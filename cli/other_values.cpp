#include "other_values.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <flambeau/error.h>
#include <flambeau/inspect.h>

#include "input.h"

namespace cli {
namespace {

using flambeau::Kind;
using flambeau::Value;
namespace object = flambeau::object;

constexpr std::size_t most_paths = 5;
constexpr std::uint64_t most_visits = 64ull << 20;  // of parts
constexpr std::uint64_t visits_to_remember = 16;    // what remembering one counts as

using Parts = std::vector<std::pair<std::string, Value>>;

Parts items(const Value& value) {
  Parts result = parts(value);
  if (value.kind() == Kind::dict)
    result.erase(result.begin() + static_cast<std::ptrdiff_t>(value.size()), result.end());
  return result;
}

// In an order that two files share.
Parts sorted_items(const Value& value) {
  Parts result = items(value);
  if (value.kind() == Kind::set || value.kind() == Kind::frozenset)
    for (auto& [key, item] : result) key = flambeau::repr(item);
  std::ranges::stable_sort(result, {}, &Parts::value_type::first);
  return result;
}

bool same_leaf(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (const auto text = object::text(a.ref())) return *text == b.as_string();
  if (const auto* bytes = object::as<object::Bytes>(a.ref()))
    return bytes->data == object::as<object::Bytes>(b.ref())->data;
  if (const auto* storage = object::as<object::StorageNode>(a.ref()))
    return std::ranges::equal(storage->storage->bytes(), object::as<object::StorageNode>(b.ref())->storage->bytes());
  return a.kind() == Kind::tensor || flambeau::repr(a, 1 << 20) == flambeau::repr(b, 1 << 20);
}

class Walk {
 public:
  OtherValues run(const Value& a, const Value& b) {
    compare(a, b, 0, "(root)");
    while (!open_.empty()) {
      const Open pair = std::move(open_.back());
      open_.pop_back();
      const Parts left = sorted_items(pair.a), right = sorted_items(pair.b);
      visit(visits_to_remember + left.size() + right.size());
      auto x = left.begin();
      auto y = right.begin();
      while (x != left.end() || y != right.end()) {
        if (y == right.end() || (x != left.end() && x->first < y->first)) {
          alone(*x++, pair.place);
        } else if (x == left.end() || y->first < x->first) {
          alone(*y++, pair.place);
        } else {
          compare(x->second, y->second, pair.place, x->first);
          ++x, ++y;
        }
      }
    }
    std::ranges::sort(result_.first);
    return std::move(result_);
  }

 private:
  /// A container on the way to a value; paths are put together for the few that are told.
  struct Place {
    std::size_t parent;
    std::string key;
  };
  struct Open {
    Value a, b;
    std::size_t place;
  };

  void visit(std::uint64_t values) {
    if ((visits_ += values) > most_visits)
      throw flambeau::Error(flambeau::ErrorCode::limit,
                            "too many values to compare, counting shared ones each time (--weights leaves them out)");
  }

  bool tensors_alone(const Value& root) {
    std::vector<Value> open{root};
    std::unordered_set<std::uint64_t> seen;
    while (!open.empty()) {
      const Value value = std::move(open.back());
      open.pop_back();
      if (value.kind() == Kind::tensor || !seen.insert(value.ref().bits()).second) continue;
      Parts inside = items(value);
      visit(visits_to_remember + inside.size());
      if (inside.empty() || value.kind() == Kind::object) return false;
      for (auto& [key, item] : inside) open.push_back(std::move(item));
    }
    return true;
  }

  void compare(const Value& a, const Value& b, std::size_t parent, const std::string& key) {
    if (!is_container(a) || !is_container(b)) {
      if (!same_leaf(a, b) && !(tensors_alone(a) && tensors_alone(b))) differ(parent, key);
      return;
    }
    if ((a.kind() == Kind::object || b.kind() == Kind::object) && a.type_name() != b.type_name())
      return differ(parent, key);
    if (!seen_.emplace(a.ref().bits(), b.ref().bits()).second) return;
    places_.push_back({parent, key});
    open_.push_back({a, b, places_.size() - 1});
  }

  void alone(const Parts::value_type& part, std::size_t parent) {
    if (!tensors_alone(part.second)) differ(parent, part.first);
  }

  void differ(std::size_t parent, const std::string& key) {
    if (++result_.differing > most_paths) return;
    std::vector<std::string_view> keys{key};
    for (; parent != 0; parent = places_[parent].parent) keys.push_back(places_[parent].key);
    std::ranges::reverse(keys);
    result_.first.push_back(fmt::format("{}", fmt::join(keys, ".")));
  }

  std::vector<Place> places_{};
  std::vector<Open> open_{};
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen_{};
  std::uint64_t visits_ = 0;
  OtherValues result_{};
};

}  // namespace

OtherValues differing_values(const Value& a, const Value& b) { return Walk().run(a, b); }

}  // namespace cli
