#include "models/wrapped_names.h"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "object/names.h"

namespace flambeau::models {
namespace {

// No builder has such a part in its names.
constexpr auto wrappers = [] {
  std::array<std::string_view, object::inner_wrappers.size() + 1> parts{object::outer_wrapper};
  std::ranges::copy(object::inner_wrappers, parts.begin() + 1);
  return parts;
}();
// Of averaged models and of profilers, at the end of a name; of losses, at its beginning.
constexpr std::array<std::string_view, 3> last_of_others = {"n_averaged", "total_ops", "total_params"};
constexpr std::array<std::string_view, 4> first_of_others = {"criterion", "loss", "loss_fn", "metrics"};

// The names of the families' first weights.
constexpr std::array<std::string_view, 13> first_weights = {
    "Conv2d_1a_3x3.conv.weight", "class_token",         "conv1.0.weight",
    "conv1.conv.weight",         "conv1.weight",        "conv_proj.weight",
    "features.0.weight",         "features.0.0.weight", "features.conv0.weight",
    "layers.0.weight",           "stem.0.0.weight",     "stem.0.weight",
    "layer1.0.conv1.weight"};
// A hostile file could have as many prefixes as names.
constexpr std::size_t most_prefixes = 8;

bool is_one_of(std::string_view part, std::span<const std::string_view> list) {
  return std::ranges::find(list, part) != list.end();
}

bool of_others(std::string_view name) {
  const std::size_t dot = name.find('.');
  return is_one_of(name.substr(name.rfind('.') + 1), last_of_others) ||
         (dot != name.npos && is_one_of(name.substr(0, dot), first_of_others));
}

void replace(std::string& name, std::string_view within, std::string_view from, std::string_view to) {
  const std::size_t start = name.find(within);
  if (start == name.npos) return;
  if (const std::size_t at = name.find(from, start); at != name.npos) name.replace(at, from.size(), to);
}

/// As torchvision's own _load_state_dict and MLPBlock do.
std::string modern_name(std::string name) {
  for (const char* part : {"norm", "relu", "conv"})
    for (const char* number : {"1", "2"})
      replace(name, ".denselayer", fmt::format(".{}.{}.", part, number), fmt::format(".{}{}.", part, number));
  replace(name, ".encoder_layer_", ".mlp.linear_1.", ".mlp.0.");
  replace(name, ".encoder_layer_", ".mlp.linear_2.", ".mlp.3.");
  return name;
}

}  // namespace

StateDict tidied(const StateDict& state, std::vector<std::string>& notes) {
  std::set<std::string, std::less<>> removed;
  std::size_t dropped = 0;
  StateDict result;
  for (const StateDict::Entry& entry : state) {
    if (!entry.tensor.defined()) continue;
    std::string name = modern_name(object::without_parts(entry.name, wrappers, removed));
    if (of_others(name))
      ++dropped;
    else
      result.set(std::move(name), entry.tensor, entry.parameter);
  }
  for (const std::string& part : removed) notes.push_back(fmt::format("took '{}' out of the names", part));
  if (dropped > 0) notes.push_back(fmt::format("left out {} tensors of losses, profilers or averaging", dropped));
  if (state.has_metadata()) {
    std::vector<StateDict::Module> modules;
    for (const StateDict::Module& module : state.metadata()) {
      std::string path = object::without_parts(module.path + ".", wrappers, removed);
      if (!path.empty()) path.pop_back();
      modules.push_back({std::move(path), module.version});
    }
    result.set_metadata(std::move(modules));
  }
  return result;
}

std::vector<std::string> possible_prefixes(const StateDict& state) {
  std::vector<std::string> found;
  for (const StateDict::Entry& entry : state) {
    const std::string_view name = entry.name;
    for (const std::string_view first : first_weights) {
      if (!name.ends_with(first)) continue;
      const std::string_view prefix = name.substr(0, name.size() - first.size());
      if (!prefix.empty() && !prefix.ends_with('.')) continue;
      if (std::ranges::find(found, prefix) != found.end()) continue;
      found.emplace_back(prefix);
    }
    std::ranges::stable_sort(found, {}, &std::string::size);
    if (found.size() > most_prefixes) found.resize(most_prefixes);
  }
  if (std::ranges::find(found, "") == found.end()) found.emplace_back();
  return found;
}

StateDict below(const StateDict& state, std::string_view prefix) {
  if (prefix.empty()) return state;
  return state.renamed([&](std::string_view name) {
    return name.starts_with(prefix) ? std::optional(std::string(name.substr(prefix.size()))) : std::nullopt;
  });
}

}  // namespace flambeau::models
