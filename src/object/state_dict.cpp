#include <algorithm>
#include <utility>

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <flambeau/glob.h>
#include <flambeau/near.h>

#include "object/copy.h"
#include "object/names.h"

namespace flambeau {

using object::as;
using object::Dict;
using object::Heap;
using object::Ref;
using object::TensorNode;

namespace {

// `_metadata` of a state_dict; nullopt where there is none of the usual shape. Entries without a version are left out.
std::optional<std::vector<StateDict::Module>> read_metadata(const Value& state_dict) {
  const auto* attributes = as<Dict>(as<Dict>(state_dict.ref())->state);
  if (!attributes) return std::nullopt;
  const auto* table = as<Dict>(object::get(*attributes, "_metadata").value_or(Ref()));
  if (!table) return std::nullopt;
  std::vector<StateDict::Module> modules;
  modules.reserve(table->items.size());
  for (const auto& [path, entry] : table->items) {
    const auto* fields = as<Dict>(entry);
    const auto version = fields ? object::int_value(object::get(*fields, "version").value_or(Ref())) : std::nullopt;
    const auto name = object::text(path);
    if (name && version)
      modules.push_back(
          {std::string(*name), *version, fields->items.size() > 1 ? Value(state_dict.heap(), entry) : Value()});
  }
  return modules;
}

}  // namespace

const Tensor* StateDict::find(std::string_view name) const noexcept {
  const auto found = index_.find(name);
  if (found == index_.end() || !entries_[found->second].tensor.defined()) return nullptr;
  return &entries_[found->second].tensor;
}

const Tensor& StateDict::operator[](std::string_view name) const {
  if (const Tensor* tensor = find(name)) return *tensor;
  if (index_.contains(name)) throw Error(ErrorCode::type, "'" + std::string(name) + "' is no tensor");
  std::vector<std::string_view> names;
  names.reserve(entries_.size());
  for (const Entry& entry : entries_) names.push_back(entry.name);
  throw Error(ErrorCode::not_found, "no tensor '" + std::string(name) + "'" + did_you_mean(name, names));
}

void StateDict::set(Entry entry) {
  const auto [place, added] = index_.try_emplace(entry.name, entries_.size());
  if (added)
    entries_.push_back(std::move(entry));
  else
    entries_[place->second] = std::move(entry);
}

void StateDict::set(std::string name, Tensor tensor, bool parameter) {
  set(Entry{std::move(name), std::move(tensor), parameter});
}

void StateDict::set_extra(std::string name, Value value) {
  set(Entry{std::move(name), Tensor(), false, std::move(value)});
}

bool StateDict::erase(std::string_view name) {
  const auto found = index_.find(name);
  if (found == index_.end()) return false;
  const std::size_t at = found->second;
  index_.erase(found);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
  for (auto& row : index_)
    if (row.second > at) --row.second;
  return true;
}

StateDict StateDict::select(std::span<const std::string> include, std::span<const std::string> exclude) const {
  StateDict result;
  for (const Entry& entry : entries_) {
    if ((!include.empty() && !matches_any(include, entry.name)) || matches_any(exclude, entry.name)) continue;
    result.index_.emplace(entry.name, result.entries_.size());
    result.entries_.push_back(entry);
  }
  result.metadata_ = metadata_;
  result.has_metadata_ = has_metadata_;
  return result;
}

StateDict StateDict::renamed(const Rename& rename) const {
  StateDict result;
  for (const Entry& entry : entries_) {
    auto name = rename(entry.name);
    if (!name) continue;
    Entry kept = entry;
    kept.name = *std::move(name);
    result.set(std::move(kept));
  }
  if (!has_metadata_) return result;
  std::vector<Module> modules;
  for (Module module : metadata_) {
    // A module's path with a dot behind it is a prefix of names: "module." itself becomes the root's "".
    auto path = rename(module.path + ".");
    if (!path) continue;
    module.path = path->empty() ? "" : path->substr(0, path->size() - 1);
    if (std::none_of(modules.begin(), modules.end(), [&](const auto& m) { return m.path == module.path; }))
      modules.push_back(std::move(module));
  }
  result.set_metadata(std::move(modules));
  return result;
}

StateDict StateDict::without_prefix(std::string_view prefix) const {
  return renamed([&](std::string_view name) -> std::optional<std::string> {
    if (name.starts_with(prefix)) return std::string(name.substr(prefix.size()));
    if (name == ".") return std::nullopt;  // the root's version, when another module becomes the root
    return std::string(name);
  });
}

std::optional<std::int64_t> StateDict::version(std::string_view path) const noexcept {
  for (const Module& module : metadata_)
    if (module.path == path) return module.version;
  return std::nullopt;
}

void StateDict::set_metadata(std::vector<Module> modules) {
  metadata_ = std::move(modules);
  has_metadata_ = true;
}

Value StateDict::to_value() const {
  auto heap = std::make_shared<Heap>();
  const Ref root = heap->ordered_dict();
  auto& dict = *as<Dict>(root);
  dict.items.reserve(entries_.size());
  object::Copied copied;
  const auto value_of = [&](const Entry& entry) {
    if (!entry.tensor.defined()) return object::copy(*heap, entry.extra.ref(), copied);
    if (const auto* like = as<TensorNode>(entry.extra.ref()))
      return object::copy_tensor(*heap, *like, entry.tensor, entry.parameter, copied);
    return heap->tensor(entry.tensor, entry.parameter);
  };
  for (const Entry& entry : entries_) {
    const Ref key = object::name_string(*heap, entry.name);
    dict.items.emplace_back(key, value_of(entry));
  }
  if (!has_metadata_) return Value(std::move(heap), root);
  const Ref table = heap->ordered_dict();
  auto& modules = *as<Dict>(table);
  modules.items.reserve(metadata_.size());
  for (const Module& module : metadata_) {
    const Ref path = heap->string(module.path);
    Value fields(heap, module.fields.is_none() ? heap->dict() : object::copy(*heap, module.fields.ref()));
    modules.items.emplace_back(path, fields.set("version", module.version).ref());
  }
  dict.state = heap->dict({{heap->interned("_metadata"), table}});
  return Value(std::move(heap), root);
}

StateDict StateDict::from_value(const Value& value) {
  const auto* dict = as<Dict>(value.ref());
  if (!dict) throw Error(ErrorCode::type, "expected a state_dict, found " + value.type_name());
  StateDict result;
  for (const auto& [key, item] : dict->items) {
    const auto name = object::text(key);
    if (!name)
      throw Error(ErrorCode::type, "expected a state_dict, found a dict with a key of type " + object::type_name(key));
    Entry entry{std::string(*name), {}, false};
    const auto* tensor = as<TensorNode>(item);
    if (tensor && tensor->tensor.defined()) {
      entry.tensor = tensor->tensor;
      entry.parameter = tensor->parameter;
    }
    if (!entry.tensor.defined() || !object::is_plain(*tensor)) entry.extra = Value(value.heap(), item);
    result.set(std::move(entry));
  }
  if (auto metadata = read_metadata(value)) result.set_metadata(*std::move(metadata));
  return result;
}

}  // namespace flambeau
