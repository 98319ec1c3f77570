#include <flambeau/checkpoint.h>

#include <algorithm>
#include <array>
#include <utility>

#include <flambeau/error.h>

#include "object/module.h"
#include "object/names.h"

namespace flambeau {

using object::as;
using object::Dict;
using object::Ref;
using object::TensorNode;

namespace {

// Keys under which training code stores the weights, the most usual first.
constexpr std::array<std::string_view, 24> usual_keys = {
    "state_dict", "model_state_dict", "model",          "module",   "net",           "network",
    "weights",    "params",           "generator",      "backbone", "encoder",       "decoder",
    "student",    "teacher",          "discriminator",  "head",     "model_weights", "net_state_dict",
    "ema",        "model_ema",        "ema_state_dict", "g_ema",    "params_ema",    "state_dict_ema",
};

// Tensors of a dict that can be a state_dict: string keys only, most values tensors.
std::size_t tensors_of(const Dict& dict) noexcept {
  std::size_t tensors = 0;
  for (const auto& [key, value] : dict.items) {
    if (!object::text(key)) return 0;
    tensors += value.kind() == Kind::tensor;
  }
  return tensors * 2 >= dict.items.size() ? tensors : 0;
}

bool has_metadata(const Dict& dict) noexcept {
  const auto* attributes = as<Dict>(dict.state);
  return attributes && object::get(*attributes, "_metadata");
}

struct Candidate {
  std::string key;
  Value value;
  std::size_t rank;  // place among the usual keys; after them for any other
  std::size_t tensors;
};

StateDict read(const Value& value) {
  return object::is_module(value.ref()) ? object::module_state_dict(value) : StateDict::from_value(value);
}

std::vector<Candidate> candidates(const Value& root) {
  std::vector<Candidate> found;
  for (const auto& [key, item] : as<Dict>(root.ref())->items) {
    const auto name = object::text(key);
    if (!name) continue;
    const Value value(root.heap(), item);
    const auto* dict = as<Dict>(item);
    const std::size_t tensors = object::is_module(item) ? object::module_state_dict(value).size()
                                : dict                  ? tensors_of(*dict)
                                                        : 0;
    if (tensors == 0 && !(dict && has_metadata(*dict))) continue;
    const auto rank = std::find(usual_keys.begin(), usual_keys.end(), *name) - usual_keys.begin();
    found.push_back({std::string(*name), value, static_cast<std::size_t>(rank), tensors});
  }
  return found;
}

// Usual keys go before others; among them most tensors win, but a key that holds a tenth less or more counts as equal
// (an averaged model has a counter besides), and then the more usual one is taken.
const Candidate* best(const std::vector<Candidate>& found, bool usual) {
  std::size_t most = 0;
  const Candidate* chosen = nullptr;
  const auto eligible = [&](const Candidate& candidate) { return (candidate.rank < usual_keys.size()) == usual; };
  for (const Candidate& candidate : found)
    if (eligible(candidate)) most = std::max(most, candidate.tensors);
  for (const Candidate& candidate : found)
    if (eligible(candidate) && candidate.tensors * 10 >= most * 9 && (!chosen || candidate.rank < chosen->rank))
      chosen = &candidate;
  return chosen;
}

}  // namespace

Checkpoint::Checkpoint() : root_(Value::dict()) {}
Checkpoint::Checkpoint(Value root) : root_(std::move(root)) {}

StateDict Checkpoint::state_dict() const {
  std::string key;
  return state_dict(key);
}

StateDict Checkpoint::state_dict(std::string& taken_key) const {
  taken_key.clear();
  const auto* dict = as<Dict>(root_.ref());
  if (object::is_module(root_.ref()) || (dict && (tensors_of(*dict) > 0 || has_metadata(*dict)))) return read(root_);
  if (!dict) throw Error(ErrorCode::not_found, "no state_dict: the checkpoint is a " + root_.type_name());
  const auto found = candidates(root_);
  const Candidate* chosen = best(found, true);
  if (!chosen) chosen = best(found, false);
  if (!chosen) {
    std::string keys;
    for (const auto& pair : dict->items) {
      const auto name = object::text(pair.first);
      if (name && keys.size() < 200) keys += (keys.empty() ? "'" : ", '") + std::string(*name) + "'";
    }
    throw Error(ErrorCode::not_found, "no state_dict among the checkpoint's keys" + (keys.empty() ? "" : " " + keys));
  }
  taken_key = chosen->key;
  return read(chosen->value);
}

}  // namespace flambeau
