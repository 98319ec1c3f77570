#include "edit.h"

#include <map>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/glob.h>
#include <flambeau/near.h>
#include <flambeau/object.h>

#include "input.h"
#include "terminal.h"

namespace cli {
namespace {

using flambeau::DType;
using flambeau::DTypeClass;
using flambeau::StateDict;
using flambeau::Tensor;
namespace object = flambeau::object;

bool has_arithmetic(DType dtype) {
  switch (flambeau::info(dtype).kind) {
    case DTypeClass::unsigned_integer:
    case DTypeClass::signed_integer:
    case DTypeClass::floating:
    case DTypeClass::complex:
    case DTypeClass::boolean:
      return true;
    default:
      return false;
  }
}

/// "bfloat16": floating-point and complex tensors, as `module.to(dtype)` does. "GLOB=int32": every tensor of that name.
struct Rule {
  std::string glob;  // empty for the first kind
  DType to;
};

std::vector<Rule> rules(const Args& args) {
  std::vector<Rule> result;
  for (const std::string& word : args.values("dtype")) {
    const auto equals = word.rfind('=');
    const std::string name = equals == word.npos ? word : word.substr(equals + 1);
    const auto dtype = flambeau::dtype_named(name);
    if (!dtype || !has_arithmetic(*dtype)) {
      std::vector<std::string_view> names;
      for (const auto& row : flambeau::dtypes)
        if (has_arithmetic(row.dtype)) names.push_back(row.name);
      throw UsageError("--dtype takes a dtype that has arithmetic, or GLOB=DTYPE, not '" + word + "'" +
                       flambeau::did_you_mean(name, names));
    }
    const DTypeClass kind = flambeau::info(*dtype).kind;
    if (equals == word.npos && kind != DTypeClass::floating && kind != DTypeClass::complex)
      throw UsageError(fmt::format(
          "--dtype {0} would round every weight to a whole number; say which with --dtype 'GLOB={0}' ('**' for all)",
          name));
    result.push_back({equals == word.npos ? "" : word.substr(0, equals), *dtype});
  }
  return result;
}

/// Storages that were cast, so that what shared one still does.
class Casts {
 public:
  Tensor operator()(const Tensor& tensor, DType to) {
    if (tensor.dtype() == to || !has_arithmetic(tensor.dtype())) return tensor;
    if (tensor.is_meta()) return Tensor::meta(tensor.shape(), to).set_requires_grad(tensor.requires_grad());
    auto& storage = done_[{tensor.storage().get(), tensor.dtype(), to}];
    if (!storage) {
      const auto count = static_cast<std::int64_t>(tensor.storage()->nbytes() / flambeau::itemsize(tensor.dtype()));
      storage = Tensor(tensor.storage(), tensor.dtype(), {count}, {1}).to(to).storage();
      kept_.push_back(tensor.storage());
    }
    Tensor view(storage, to, tensor.shape(), tensor.strides(), tensor.offset());
    view.set_requires_grad(tensor.requires_grad()).set_neg(tensor.is_neg());
    return view.set_conj(tensor.is_conj() && flambeau::info(to).kind == DTypeClass::complex);
  }

 private:
  std::map<std::tuple<const flambeau::Storage*, DType, DType>, std::shared_ptr<flambeau::Storage>> done_{};
  std::vector<std::shared_ptr<flambeau::Storage>> kept_{};  // so that no address is used twice
};

/// `is_step`: only a rule that names it is meant for an optimizer's counter.
std::optional<DType> dtype_for(const std::vector<Rule>& rules, const Tensor& tensor, const std::string& name,
                               bool is_step) {
  std::optional<DType> to;
  for (const Rule& rule : rules) {
    const DTypeClass kind = flambeau::info(tensor.dtype()).kind;
    const bool real = kind == DTypeClass::floating;
    if (rule.glob.empty() ? !is_step && (real || (kind == DTypeClass::complex && flambeau::info(rule.to).kind == kind))
                          : flambeau::matches(rule.glob, name))
      to = rule.to;
  }
  return to;
}

/// The counters in an optimizer's state: rounded, they would stand still for good.
void find_steps(const object::Dict& optimizer, std::unordered_set<const object::Node*>& steps) {
  const auto* state = object::as<object::Dict>(object::get(optimizer, "state").value_or(object::Ref()));
  if (!state || !object::get(optimizer, "param_groups")) return;
  for (const auto& [parameter, kept] : state->items)
    if (const auto* dict = object::as<object::Dict>(kept))
      if (const auto step = object::get(*dict, "step")) steps.insert(step->node());
}

struct Renaming {
  std::string from, to;
};

std::vector<Renaming> renamings(const Args& args) {
  std::vector<Renaming> result;
  for (const std::string& word : args.values("rename")) {
    const auto equals = word.find('=');
    if (equals == 0 || equals == word.npos) throw UsageError("--rename takes OLD=NEW, not '" + word + "'");
    result.push_back({word.substr(0, equals), word.substr(equals + 1)});
  }
  return result;
}

// OLD is a whole name or its leading parts: "features" and "features." name the same.
bool rename(std::string& name, const Renaming& rule) {
  std::string_view from = rule.from, to = rule.to;
  if (from.ends_with('.')) from.remove_suffix(1);
  if (to.ends_with('.')) to.remove_suffix(1);
  if (!name.starts_with(from) || (name.size() > from.size() && name[from.size()] != '.')) return false;
  std::string rest = name.substr(from.size());
  if (to.empty() && !rest.empty()) rest.erase(0, 1);
  name = std::string(to) + rest;
  return true;
}

}  // namespace

bool edits_names(const Args& args) noexcept {
  return args.has("include") || args.has("exclude") || args.has("strip-prefix") || args.has("rename");
}

StateDict edited(const Args& args, const flambeau::Checkpoint& checkpoint, const std::string& file) {
  const auto wanted = args.values("include"), unwanted = args.values("exclude");
  std::vector<Renaming> renaming = renamings(args);
  std::vector<std::size_t> uses(renaming.size());
  std::string prefix;
  const StateDict all = weights(args, checkpoint, file, &prefix);
  const std::size_t tensors = flambeau::list(flambeau::Checkpoint(all.to_value())).size();
  if (const std::size_t listed = flambeau::list(checkpoint).size(); listed > tensors)
    note(args, file + ": " + std::to_string(listed - tensors) + " other tensors of the checkpoint are left out");
  StateDict result;
  std::vector<std::string> names;
  for (const StateDict::Entry& entry : all) {
    names.push_back(entry.name);
    // Patterns may be written for the names as they stand in the file as well as for those without the prefix.
    const auto matches = [&](const std::vector<std::string>& globs) {
      return flambeau::matches_any(globs, entry.name) || flambeau::matches_any(globs, prefix + entry.name);
    };
    if ((!wanted.empty() && !matches(wanted)) || matches(unwanted)) continue;
    StateDict::Entry kept = entry;
    for (std::size_t i = 0; i < renaming.size(); ++i) uses[i] += rename(kept.name, renaming[i]);
    const auto before = result.size();
    result.set(kept);
    if (result.size() == before)
      throw flambeau::Error(flambeau::ErrorCode::invalid_argument, "two tensors would be called '" + kept.name + "'",
                            {.file = file});
  }
  for (std::size_t i = 0; i < renaming.size(); ++i)
    if (uses[i] == 0)
      throw flambeau::Error(
          flambeau::ErrorCode::not_found,
          "no tensor is called '" + renaming[i].from + "'" + flambeau::did_you_mean(renaming[i].from, names),
          {.file = file});
  if (result.empty())
    throw flambeau::Error(flambeau::ErrorCode::not_found,
                          "no tensor is left" + (wanted.empty() ? "" : flambeau::did_you_mean(wanted.front(), names)),
                          {.file = file});
  if (!all.has_metadata()) return result;
  std::vector<StateDict::Module> modules = all.metadata();
  for (StateDict::Module& module : modules)
    for (const Renaming& rule : renaming) rename(module.path, rule);
  result.set_metadata(std::move(modules));
  return result;
}

void check_edits(const Args& args) {
  rules(args);
  renamings(args);
}

void cast(const Args& args, flambeau::Value& root) {
  const std::vector<Rule> wanted = rules(args);
  if (wanted.empty()) return;
  // The whole graph, each node once, under the first name that leads to it.
  Casts casts;
  std::unordered_set<const object::Node*> seen, steps;
  std::vector<std::pair<object::Ref, std::string>> open{{root.ref(), ""}};
  const auto below = [](const std::string& path, object::Ref key) {
    const auto text = object::text(key);
    const auto number = object::int_value(key);
    const std::string name = text ? std::string(*text) : number ? std::to_string(*number) : std::string();
    return path.empty() ? name : path + "." + name;
  };
  while (!open.empty()) {
    const auto [ref, path] = std::move(open.back());
    open.pop_back();
    if (!ref.node() || !seen.insert(ref.node()).second) continue;
    if (auto* tensor = object::as<object::TensorNode>(ref)) {
      const bool is_step = tensor->tensor.dim() == 0 && steps.contains(tensor);
      if (const auto to = tensor->tensor.defined() ? dtype_for(wanted, tensor->tensor, path, is_step) : std::nullopt)
        tensor->tensor = casts(tensor->tensor, *to);
      open.emplace_back(tensor->attributes, path);
    } else if (auto* sequence = object::as<object::Sequence>(ref)) {
      for (std::size_t i = 0; i < sequence->items.size(); ++i)
        open.emplace_back(sequence->items[i], below(path, object::Ref::integer(static_cast<std::int64_t>(i))));
    } else if (auto* dict = object::as<object::Dict>(ref)) {
      find_steps(*dict, steps);
      for (const auto& [key, item] : dict->items) open.emplace_back(item, below(path, key));
      open.emplace_back(dict->state, path);
    } else if (auto* thing = object::as<object::Object>(ref)) {
      for (const object::Ref part : {thing->callable, thing->args, thing->state}) open.emplace_back(part, path);
      for (const object::Ref item : thing->list_items) open.emplace_back(item, path);
      for (const auto& [key, item] : thing->dict_items) open.emplace_back(item, below(path, key));
    }
  }
}

}  // namespace cli
