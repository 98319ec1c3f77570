#include "input.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <unordered_set>

#include <flambeau/error.h>
#include <flambeau/near.h>
#include <flambeau/object.h>

#include "terminal.h"

namespace cli {
namespace {

using flambeau::Limits;
using flambeau::Value;
namespace object = flambeau::object;

struct Cap {
  std::string_view name;
  std::uint64_t Limits::*field;
};
constexpr auto caps = std::to_array<Cap>({
    {"max_pickle_bytes", &Limits::max_pickle_bytes},
    {"max_objects", &Limits::max_objects},
    {"max_memo", &Limits::max_memo},
    {"max_integer_bytes", &Limits::max_integer_bytes},
    {"max_entries", &Limits::max_entries},
    {"max_name_bytes", &Limits::max_name_bytes},
    {"max_inflated_ratio", &Limits::max_inflated_ratio},
    {"max_inflated_total", &Limits::max_inflated_total},
    {"max_stream_bytes", &Limits::max_stream_bytes},
    {"max_tensor_rank", &Limits::max_tensor_rank},
    {"max_dense_bytes", &Limits::max_dense_bytes},
    {"max_json_bytes", &Limits::max_json_bytes},
    {"max_visits", &Limits::max_visits},
    {"max_listed_bytes", &Limits::max_listed_bytes},
});

void set_limit(Limits& limits, std::string_view setting) {
  const auto equals = setting.find('=');
  const std::string_view name = setting.substr(0, equals);
  const auto number = equals == setting.npos ? std::nullopt : amount_of(setting.substr(equals + 1));
  if (!number) throw UsageError("--limit takes NAME=N (N may end in K, M, G or T), not '" + std::string(setting) + "'");
  if (name == "max_nested_files" && *number <= 0xFFFFFFFF) {
    limits.max_nested_files = static_cast<std::uint32_t>(*number);
    return;
  }
  const auto cap = std::ranges::find(caps, name, &Cap::name);
  if (cap == caps.end()) {
    std::vector<std::string_view> names{"max_nested_files"};
    for (const Cap& known : caps) names.push_back(known.name);
    throw UsageError("no limit '" + std::string(name) + "'" + flambeau::did_you_mean(name, names));
  }
  limits.*cap->field = *number;
}

std::string key_text(const Value& key) {
  return key.kind() == flambeau::Kind::string ? std::string(key.as_string()) : flambeau::repr(key, 200);
}

// The index of the parts in a folder; empty without.
std::string index_in(const std::string& folder) {
  std::string first;
  std::error_code failed;
  for (auto it = std::filesystem::directory_iterator(folder, failed); !failed && it != std::filesystem::end(it);
       it.increment(failed))
    if (std::string path = it->path().string(); path.ends_with(".index.json") && (first.empty() || path < first))
      first = std::move(path);
  return first;
}

flambeau::Checkpoint loaded(const Args& args, const std::string& path, flambeau::Read read) try {
  return flambeau::load(path, load_options(args, read));
} catch (const flambeau::Error& error) {
  const std::string index = index_in(path);
  if (index.empty()) throw error.at({.file = path.empty() ? "''" : path});
  throw flambeau::Error(error.code(), error.message() + "; the index of its parts is " + index, error.place());
}

}  // namespace

std::string input_path(const std::string& word) { return word == "-" ? "/dev/stdin" : word; }

flambeau::LoadOptions load_options(const Args& args, flambeau::Read read) {
  flambeau::LoadOptions options;
  options.read = read;
  options.inert = args.has("inert");
  for (const std::string& setting : args.values("limit")) set_limit(options.limits, setting);
  return options;
}

flambeau::Checkpoint open(const Args& args, const std::string& path, flambeau::Read read) {
  flambeau::Checkpoint checkpoint = loaded(args, input_path(path), read);
  const auto root = args.value("root");
  if (!root) return checkpoint;
  try {
    checkpoint.root() = lookup(checkpoint.root(), *root);
  } catch (const flambeau::Error& error) {
    throw error.at({.file = path});
  }
  return checkpoint;
}

std::vector<flambeau::Listed> listed(const Args& args, const flambeau::Checkpoint& checkpoint, bool sha256) {
  return flambeau::list(checkpoint, {.sha256 = sha256, .limits = load_options(args).limits});
}

flambeau::StateDict weights(const Args& args, const flambeau::Checkpoint& checkpoint, const std::string& file,
                            std::string* prefix) {
  flambeau::Checkpoint::Taken taken;
  try {
    const auto wanted = args.value("strip-prefix");
    flambeau::StateDict state =
        checkpoint.state_dict(taken, wanted ? std::optional<std::string_view>(*wanted) : std::nullopt);
    if (const std::string text = taken.to_string(); !text.empty()) note(args, file + ": " + text);
    if (!taken.common_prefix.empty() && !wanted)
      note(args, file + ": all names begin with '" + taken.common_prefix + "'; --strip-prefix " + taken.common_prefix +
                     " takes it off");
    if (prefix) *prefix = taken.prefix;
    return state;
  } catch (const flambeau::Error& error) {
    throw error.at({.file = file});
  }
}

bool is_container(const Value& value) noexcept {
  const flambeau::Kind kind = value.kind();
  return kind == flambeau::Kind::dict || kind == flambeau::Kind::object || object::holds<object::Sequence>(kind);
}

std::vector<std::pair<std::string, Value>> parts(const Value& value) {
  std::vector<std::pair<std::string, Value>> result;
  const auto& heap = value.heap();
  const auto add_state = [&](object::Ref state) {
    // Attributes: a dict, or a (dict, slots) pair; any other state is one part.
    std::vector<object::Ref> states{state};
    if (const auto* pair = object::as<object::Sequence>(state);
        pair && state.kind() == flambeau::Kind::tuple && pair->items.size() == 2)
      states = pair->items;
    for (const object::Ref one : states) {
      if (one.is_none()) continue;
      if (const auto* dict = object::as<object::Dict>(one)) {
        for (const auto& [key, item] : dict->items) result.emplace_back(key_text({heap, key}), Value(heap, item));
      } else {
        result.emplace_back("(state)", Value(heap, one));
      }
    }
  };
  switch (value.kind()) {
    case flambeau::Kind::dict:
      for (std::size_t i = 0; i < value.size(); ++i) {
        const auto [key, item] = value.item(i);
        result.emplace_back(key_text(key), item);
      }
      add_state(object::as<object::Dict>(value.ref())->state);
      break;
    case flambeau::Kind::list:
    case flambeau::Kind::tuple:
    case flambeau::Kind::set:
    case flambeau::Kind::frozenset:
      for (std::size_t i = 0; i < value.size(); ++i) result.emplace_back(std::to_string(i), value.at(i));
      break;
    case flambeau::Kind::object: {
      const auto& node = *object::as<object::Object>(value.ref());
      if (const auto* args = object::as<object::Sequence>(node.args))
        for (std::size_t i = 0; i < args->items.size(); ++i)
          result.emplace_back(std::to_string(i), Value(heap, args->items[i]));
      for (std::size_t i = 0; i < node.list_items.size(); ++i)
        result.emplace_back(std::to_string(i), Value(heap, node.list_items[i]));
      for (const auto& [key, item] : node.dict_items) result.emplace_back(key_text({heap, key}), Value(heap, item));
      if (node.has_state) add_state(node.state);
      break;
    }
    default:
      break;
  }
  return result;
}

Value lookup(const Value& root, std::string_view path) {
  Value value = root;
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto children = parts(value);
    // The longest key that is the rest, or the rest up to a dot.
    const std::pair<std::string, Value>* best = nullptr;
    for (const auto& child : children)
      if (rest == child.first || (rest.starts_with(child.first) && rest[child.first.size()] == '.'))
        if (!best || child.first.size() > best->first.size()) best = &child;
    if (!best) {
      std::vector<std::string> names;
      names.reserve(children.size());
      const std::string before(path.substr(0, path.size() - rest.size()));
      for (const auto& child : children) names.push_back(before + child.first);
      throw flambeau::Error(flambeau::ErrorCode::not_found,
                            "no key '" + std::string(path) + "'" + flambeau::did_you_mean(path, names));
    }
    rest.remove_prefix(std::min(rest.size(), best->first.size() + 1));
    value = Value(best->second);
  }
  return value;
}

std::optional<flambeau::DType> widened(flambeau::DType dtype) noexcept {
  using flambeau::DType, flambeau::DTypeClass;
  switch (flambeau::info(dtype).kind) {
    case DTypeClass::signed_integer:
      return DType::int64;
    case DTypeClass::unsigned_integer:
    case DTypeClass::boolean:
      return DType::uint64;
    case DTypeClass::floating:
      return DType::float64;
    case DTypeClass::complex:
      return DType::complex128;
    default:
      return std::nullopt;
  }
}

std::string_view stripped(std::string_view name, std::string_view prefix) noexcept {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

std::string bytes_in_storages(const std::vector<flambeau::Listed>& rows, std::uint64_t bytes) {
  std::unordered_set<std::uint64_t> seen;
  std::uint64_t whole = 0;
  for (const flambeau::Listed& row : rows)
    if (row.storage && seen.insert(*row.storage).second) whole += row.tensor.storage()->nbytes();
  return human_bytes(bytes) + (whole > bytes ? " in storages of " + human_bytes(whole) : "");
}

std::string describe(const flambeau::Tensor& tensor) {
  std::string text = std::string(flambeau::name(tensor.dtype())) + " " + flambeau::to_string(tensor.shape());
  if (tensor.is_meta()) text += " meta";
  if (tensor.requires_grad()) text += " requires_grad";
  if (tensor.is_conj()) text += " conj";
  if (tensor.is_neg()) text += " neg";
  return text;
}

}  // namespace cli
