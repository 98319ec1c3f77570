// Names of classes as training code leaves them in checkpoints.

#include <algorithm>
#include <array>

#include <flambeau/predict.h>

namespace flambeau::predict {
namespace {

constexpr std::array<std::string_view, 10> usual_keys = {"labels",      "classes",      "class_names", "categories",
                                                         "label_names", "class_to_idx", "label2id",    "idx_to_class",
                                                         "id2label",    "names"};

std::optional<std::int64_t> index_of(const Value& value) {
  if (value.kind() == Kind::integer) return value.as_int();
  if (value.kind() != Kind::string) return std::nullopt;
  const std::string text(value.as_string());  // JSON's keys
  if (text.empty() || text.size() > 9 || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  return std::stoll(text);
}

/// A list of names, a dict from index to name or from name to index; empty if it is none of them, or not `count` of
/// them.
std::vector<std::string> read(const Value& value, std::size_t count) {
  if (value.size() != count) return {};
  std::vector<std::string> labels(count);
  std::size_t set = 0;
  const auto put = [&](std::int64_t at, const Value& name) {
    if (at < 0 || static_cast<std::size_t>(at) >= count || !labels[static_cast<std::size_t>(at)].empty()) return;
    labels[static_cast<std::size_t>(at)] = name.as_string();
    set += !labels[static_cast<std::size_t>(at)].empty();
  };
  if (value.kind() == Kind::list || value.kind() == Kind::tuple) {
    for (std::size_t i = 0; i < count; ++i)
      if (const Value item = value.at(i); item.kind() == Kind::string) put(static_cast<std::int64_t>(i), item);
  } else if (value.kind() == Kind::dict) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto [key, item] = value.item(i);
      if (const auto at = index_of(key); at && item.kind() == Kind::string)
        put(*at, item);
      else if (const auto to = index_of(item); to && key.kind() == Kind::string)
        put(*to, key);
    }
  }
  return set == count ? labels : std::vector<std::string>();
}

}  // namespace

std::vector<std::string> labels_of(const Checkpoint& checkpoint, std::int64_t classes) {
  if (classes <= 0 || checkpoint.root().kind() != Kind::dict) return {};
  for (const std::string_view key : usual_keys)
    if (const auto value = checkpoint.root().find(key))
      if (auto labels = read(*value, static_cast<std::size_t>(classes)); !labels.empty()) return labels;
  return {};
}

}  // namespace flambeau::predict
