// Where the weights are in a checkpoint, and what stands before their names.

#include <algorithm>
#include <array>
#include <set>
#include <unordered_set>
#include <utility>

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>

#include "object/module.h"
#include "object/names.h"

namespace flambeau {

using object::as;
using object::Dict;
using object::Ref;

namespace {

// Keys under which training code stores the weights, the most usual first.
constexpr std::array<std::string_view, 26> usual_keys = {
    "state_dict", "model_state_dict", "model",          "module",        "net",
    "network",    "weights",          "params",         "generator",     "backbone",
    "encoder",    "decoder",          "student",        "teacher",       "discriminator",
    "head",       "model_weights",    "net_state_dict", "my_state_dict", "ema",
    "model_ema",  "ema_state_dict",   "g_ema",          "params_ema",    "state_dict_ema",
    "ema_model",
};
// What lies below these is no model: moments of optimizers, statistics of schedulers.
constexpr std::array<std::string_view, 14> other_keys = {
    "optimizer",     "optimizer_state_dict", "optimizer_states", "optimizer_state", "optim", "opt",       "optimizers",
    "lr_schedulers", "lr_scheduler",         "scheduler",        "scaler",          "amp",   "callbacks", "loops",
};
// After those of the usual keys.
constexpr std::size_t unusual = usual_keys.size() + 1;
constexpr std::size_t max_depth = 8, max_visits = 4096;
// Of a tuple or list: (state_dict, epoch), [model, ema]. Longer ones are data.
constexpr std::size_t max_items = 16;

template <std::size_t N>
std::size_t rank_in(const std::array<std::string_view, N>& keys, std::string_view key) noexcept {
  return static_cast<std::size_t>(std::find(keys.begin(), keys.end(), key) - keys.begin());
}

bool is_tensor(Ref ref) {
  if (ref.kind() != Kind::object) return ref.kind() == Kind::tensor;
  const std::string type = object::type_name(ref);  // sparse tensors among them
  return type == "torch.Tensor" || type == "torch.nn.parameter.Parameter" || type == "numpy.ndarray";
}

// Tensors of a dict that can be a state_dict: string keys only, most values tensors.
std::size_t tensors_of(const Dict& dict) {
  std::size_t tensors = 0;
  for (const auto& [key, value] : dict.items) {
    if (!object::text(key)) return 0;
    tensors += is_tensor(value);
  }
  return tensors * 2 >= dict.items.size() ? tensors : 0;
}

bool has_metadata(const Dict& dict) noexcept {
  const auto* attributes = as<Dict>(dict.state);
  return attributes && object::get(*attributes, "_metadata");
}

struct Candidate {
  std::string key;  // dotted; "" for the root
  Ref ref;
  std::size_t rank = unusual;  // of the last key
  std::size_t depth = 0, tensors = 0;
};

class Finder {
 public:
  explicit Finder(const Value& root)
      : root_(root), is_timm_(root.kind() == Kind::dict && root.contains("arch") && root.contains("version")) {
    visit(root.ref(), {}, unusual, 0);
  }

  const Candidate* best() const {
    const Candidate* chosen = pick(true);
    if (!chosen) chosen = pick(false);
    const Candidate* whole = !found_.empty() && found_.front().depth == 0 ? &found_.front() : nullptr;
    // A root that is a state_dict itself: unless it only has a few tensors (a loss) beside the weights.
    return whole && (!chosen || whole->tensors >= chosen->tensors) ? whole : chosen;
  }

 private:
  void visit(Ref ref, const std::string& path, std::size_t rank, std::size_t depth) {
    const auto* dict = as<Dict>(ref);
    const bool sequence = ref.kind() == Kind::tuple || ref.kind() == Kind::list;
    if (!dict && !sequence && ref.kind() != Kind::object) return;
    if (++visits_ > max_visits || !seen_.insert(ref.node()).second) return;
    if (object::is_module(ref)) {
      found_.push_back({path, ref, rank, depth, object::module_state_dict(Value(root_.heap(), ref)).size()});
      return;
    }
    const auto below = [&](std::string_view key) {
      return path.empty() ? std::string(key) : path + "." + std::string(key);
    };
    if (sequence && depth < max_depth) {
      const auto& items = as<object::Sequence>(ref)->items;
      for (std::size_t i = 0; i < std::min(items.size(), max_items); ++i)
        visit(items[i], below(std::to_string(i)), rank, depth + 1);
    }
    if (!dict || object::get(*dict, "param_groups")) return;
    const std::size_t tensors = tensors_of(*dict);
    if (tensors > 0 || has_metadata(*dict)) found_.push_back({path, ref, rank, depth, tensors});
    if (depth == max_depth) return;
    for (const auto& [key, item] : dict->items) {
      const auto name = object::text(key);
      if (!name || rank_in(other_keys, *name) < other_keys.size()) continue;
      visit(item, below(*name), rank_of(*name), depth + 1);
    }
  }

  // Place among the usual keys. timm's own loader takes the average first.
  std::size_t rank_of(std::string_view key) const noexcept {
    return is_timm_ && key == "state_dict_ema" ? 0 : rank_in(usual_keys, key) + 1;
  }

  // Usual keys go before others; among them most tensors win, but a key that holds a tenth less or more counts as equal
  // (an averaged model has a counter besides), and then the more usual one is taken, the outer one of equals.
  const Candidate* pick(bool usual) const {
    const auto eligible = [&](const Candidate& c) { return c.depth > 0 && (c.rank < unusual) == usual; };
    std::size_t most = 0;
    const Candidate* chosen = nullptr;
    for (const Candidate& c : found_)
      if (eligible(c)) most = std::max(most, c.tensors);
    for (const Candidate& c : found_)
      if (eligible(c) && c.tensors * 10 >= most * 9 &&
          (!chosen || std::pair(c.rank, c.depth) < std::pair(chosen->rank, chosen->depth)))
        chosen = &c;
    return chosen;
  }

  const Value& root_;
  bool is_timm_;
  std::vector<Candidate> found_{};
  std::unordered_set<const object::Node*> seen_{};
  std::size_t visits_ = 0;
};

// Averaging (AveragedModel) keeps a count beside the module that it wraps.
constexpr std::string_view averaged = "n_averaged";

bool is_wrapped(const StateDict& state) {
  const auto begins = [](const StateDict::Entry& entry) { return entry.name.starts_with(object::outer_wrapper); };
  return std::ranges::any_of(state, begins) &&
         std::ranges::all_of(state, [&](const auto& entry) { return begins(entry) || entry.name == averaged; });
}

void unwrap_outside(StateDict& state, std::string& taken) {
  while (is_wrapped(state)) {
    state.erase(averaged);
    state = state.without_prefix(object::outer_wrapper);
    taken += object::outer_wrapper;
  }
}

bool unwrap_inside(StateDict& state, std::string& taken) {
  std::set<std::string, std::less<>> removed;
  StateDict unwrapped = state.renamed(
      [&](std::string_view name) { return object::without_parts(name, object::inner_wrappers, removed); });
  if (removed.empty()) return false;
  state = std::move(unwrapped);
  for (const std::string& part : removed) taken += part;
  return true;
}

// "model." when every name begins with that one part, and more than a layer lies below it.
std::string common_part(const StateDict& state) {
  if (state.size() < 2) return {};
  const std::string& first = state[0].name;
  const std::string part = first.substr(0, first.find('.') + 1);
  if (part.empty() || part == "0.") return {};
  const auto begins = [&](const StateDict::Entry& entry) { return entry.name.starts_with(part); };
  const auto goes_on = [&](const StateDict::Entry& entry) {
    return entry.name.find('.', part.size()) != std::string::npos;
  };
  return std::all_of(state.begin(), state.end(), begins) && std::any_of(state.begin(), state.end(), goes_on)
             ? part
             : std::string();
}

}  // namespace

std::string Checkpoint::Taken::to_string() const {
  std::string text;
  if (!key.empty()) text = "took the weights under '" + key + "'";
  if (!prefix.empty()) text += (text.empty() ? "took '" : ", and '") + prefix + "' off their names";
  return text;
}

StateDict Checkpoint::state_dict() const {
  Taken taken;
  return state_dict(taken);
}

StateDict Checkpoint::state_dict(Taken& taken, std::optional<std::string_view> strip_prefix) const {
  taken = {};
  const Finder finder(root_);
  const Candidate* chosen = finder.best();
  if (!chosen) {
    const auto* dict = as<Dict>(root_.ref());
    if (!dict) throw Error(ErrorCode::not_found, "no state_dict: the checkpoint is a " + root_.type_name());
    std::string keys;
    for (const auto& pair : dict->items) {
      const auto name = object::text(pair.first);
      if (name && keys.size() < 200) keys += (keys.empty() ? "'" : ", '") + std::string(*name) + "'";
    }
    throw Error(ErrorCode::not_found, "no state_dict among the checkpoint's keys" + (keys.empty() ? "" : " " + keys));
  }
  taken.key = chosen->key;
  const Value value(root_.heap(), chosen->ref);
  StateDict state = object::is_module(chosen->ref) ? object::module_state_dict(value) : StateDict::from_value(value);
  if (strip_prefix) {
    if (!strip_prefix->empty()) {
      const auto begins = [&](const StateDict::Entry& entry) { return entry.name.starts_with(*strip_prefix); };
      if (std::none_of(state.begin(), state.end(), begins))
        throw Error(ErrorCode::not_found, "no name begins with '" + std::string(*strip_prefix) + "'");
      state = state.without_prefix(*strip_prefix);
      taken.prefix = *strip_prefix;
    }
    return state;
  }
  unwrap_outside(state, taken.prefix);
  if (unwrap_inside(state, taken.prefix)) unwrap_outside(state, taken.prefix);
  taken.common_prefix = common_part(state);
  return state;
}

}  // namespace flambeau
