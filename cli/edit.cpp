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
    if (!dtype || !widened(*dtype) || equals == 0) {
      std::vector<std::string_view> names;
      for (const auto& row : flambeau::dtypes)
        if (widened(row.dtype)) names.push_back(row.name);
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
    if (tensor.dtype() == to || !widened(tensor.dtype())) return tensor;
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

// Patterns may be written for the names as they stand in the file as well as for those without the prefix.
bool fits(const std::string& glob, const std::string& name, const std::string& prefix) {
  return flambeau::matches(glob, name) || (!prefix.empty() && flambeau::matches(glob, prefix + name));
}
bool fits_any(const std::vector<std::string>& globs, const std::string& name, const std::string& prefix) {
  return std::ranges::any_of(globs, [&](const std::string& glob) { return fits(glob, name, prefix); });
}

/// `is_step`: only a rule that names it is meant for an optimizer's counter.
bool applies(const Rule& rule, const Tensor& tensor, bool is_step, const std::string& name, const std::string& prefix) {
  if (!rule.glob.empty()) return fits(rule.glob, name, prefix);
  const DTypeClass kind = flambeau::info(tensor.dtype()).kind;
  if (kind == DTypeClass::complex) return flambeau::info(rule.to).kind == kind;
  return kind == DTypeClass::floating && !is_step;
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
bool rename(std::string& name, std::string_view from, std::string_view to) {
  if (from.ends_with('.')) from.remove_suffix(1);
  if (to.ends_with('.')) to.remove_suffix(1);
  if (!name.starts_with(from) || (name.size() > from.size() && name[from.size()] != '.')) return false;
  std::string rest = name.substr(from.size());
  if (to.empty() && !rest.empty()) rest.erase(0, 1);
  name = std::string(to) + rest;
  return true;
}
bool rename(std::string& name, const Renaming& rule, const std::string& prefix) {
  return rename(name, rule.from, rule.to) || rename(name, stripped(rule.from, prefix), rule.to);
}

}  // namespace

bool edits_names(const Args& args) noexcept {
  return args.has("include") || args.has("exclude") || args.has("strip-prefix") || args.has("rename");
}

StateDict edited(const Args& args, const flambeau::Checkpoint& checkpoint, const std::string& file,
                 std::string& prefix) {
  const auto wanted = args.values("include"), unwanted = args.values("exclude");
  std::vector<Renaming> renaming = renamings(args);
  std::vector<std::size_t> uses(renaming.size());
  const StateDict all = weights(args, checkpoint, file, &prefix);
  const std::size_t tensors = listed(args, flambeau::Checkpoint(all.to_value())).size();
  if (const std::size_t found = listed(args, checkpoint).size(); found > tensors)
    note(args, file + ": " + std::to_string(found - tensors) + " other tensors of the checkpoint are left out");
  StateDict result;
  std::vector<std::string> names;
  for (const StateDict::Entry& entry : all) {
    names.push_back(entry.name);
    if ((!wanted.empty() && !fits_any(wanted, entry.name, prefix)) || fits_any(unwanted, entry.name, prefix)) continue;
    StateDict::Entry kept = entry;
    for (std::size_t i = 0; i < renaming.size(); ++i) uses[i] += rename(kept.name, renaming[i], prefix);
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
    for (const Renaming& rule : renaming) rename(module.path, rule, prefix);
  result.set_metadata(std::move(modules));
  return result;
}

void check_edits(const Args& args) {
  rules(args);
  renamings(args);
}

void cast(const Args& args, flambeau::Value& root, const std::string& file, const std::string& prefix) {
  const std::vector<Rule> wanted = rules(args);
  if (wanted.empty()) return;
  // The whole graph: containers under the first name that leads to them, tensors under each of theirs.
  std::map<object::TensorNode*, std::size_t> last;  // rule that applies
  std::vector<std::size_t> uses(wanted.size());
  std::vector<std::string> names;
  std::unordered_set<const object::Node*> seen, steps;
  std::vector<std::pair<object::Ref, std::string>> open{{root.ref(), ""}};
  const auto below = [](const std::string& path, object::Ref key) {
    const auto text = object::text(key);
    // The tables of an nn.Module stand in no name.
    if (text == "_modules" || text == "_parameters" || text == "_buffers") return path;
    const auto number = object::int_value(key);
    const std::string name = text ? std::string(*text) : number ? std::to_string(*number) : std::string();
    return path.empty() ? name : path + "." + name;
  };
  while (!open.empty()) {
    const auto [ref, path] = std::move(open.back());
    open.pop_back();
    auto* const tensor = object::as<object::TensorNode>(ref);
    if (tensor && tensor->tensor.defined()) {
      names.push_back(path);
      const bool is_step = tensor->tensor.dim() == 0 && steps.contains(tensor);
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (!applies(wanted[i], tensor->tensor, is_step, path, prefix)) continue;
        ++uses[i];
        std::size_t& rule = last[tensor];
        rule = std::max(rule, i);
      }
    }
    if (!ref.node() || !seen.insert(ref.node()).second) continue;
    if (tensor) {
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
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (uses[i] == 0 && !wanted[i].glob.empty())
      throw flambeau::Error(
          flambeau::ErrorCode::not_found,
          "no tensor matches '" + wanted[i].glob + "'" + flambeau::did_you_mean(wanted[i].glob, names), {.file = file});
  Casts casts;
  for (const auto& [tensor, rule] : last) tensor->tensor = casts(tensor->tensor, wanted[rule].to);
}

}  // namespace cli
