#include "object/module.h"

#include <algorithm>
#include <string>
#include <vector>

#include <flambeau/error.h>

namespace flambeau::object {
namespace {

constexpr std::size_t max_depth = 1000, max_modules = 1u << 20;
constexpr std::size_t max_name_bytes = 256u << 20;  // of all names, prefixes of modules too

const Dict* table(const Object& module, std::string_view name) noexcept {
  return as<Dict>(attribute(module, name).value_or(Ref()));
}

/// TorchScript's modules hold their tensors and the modules below side by side, as attributes.
const Dict* script(const Object& module) noexcept {
  return global_name(module.callable).starts_with("__torch__.") ? as<Dict>(module.state) : nullptr;
}

bool is_persistent(const Object& module, Ref buffer) noexcept {
  const auto* hidden = as<Sequence>(attribute(module, "_non_persistent_buffers_set").value_or(Ref()));
  if (!hidden) return true;
  return std::none_of(hidden->items.begin(), hidden->items.end(), [&](Ref item) { return text(item) == text(buffer); });
}

struct Frame {
  const Object* module;
  const Dict* children;
  std::string prefix;
  std::size_t child = 0;
};

class Collector {
 public:
  StateDict collect(const Object& root) {
    enter(root, "");
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      if (!frame.children || frame.child == frame.children->items.size()) {
        frames_.pop_back();
        continue;
      }
      const auto& [name, child] = frame.children->items[frame.child++];
      if (const auto label = text(name); label && is_module(child) && !inside(*as<Object>(child)))
        enter(*as<Object>(child), frame.prefix + std::string(*label) + ".");
    }
    return std::move(result_);
  }

 private:
  void enter(const Object& module, std::string prefix) {
    if (frames_.size() == max_depth) throw Error(ErrorCode::limit, "modules nested deeper than 1000 levels");
    if (++modules_ > max_modules) throw Error(ErrorCode::limit, "more than 1048576 modules");
    count(prefix.size());
    const auto add = [&](const Dict* tensors, bool all) {
      if (!tensors) return;
      for (const auto& [key, value] : tensors->items) {
        const auto* tensor = as<TensorNode>(value);
        const auto label = text(key);
        if (!tensor || !label || !tensor->tensor.defined() || (!all && !is_persistent(module, key))) continue;
        count(prefix.size() + label->size());
        result_.set(prefix + std::string(*label), tensor->tensor, tensor->parameter);
      }
    };
    const Dict* attributes = script(module);
    add(attributes ? attributes : table(module, "_parameters"), true);
    add(attributes ? nullptr : table(module, "_buffers"), false);
    frames_.push_back({&module, attributes ? attributes : table(module, "_modules"), std::move(prefix)});
  }

  void count(std::size_t name_bytes) {
    if ((name_bytes_ += name_bytes) > max_name_bytes)
      throw Error(ErrorCode::limit, "names of more than 268435456 bytes in one state_dict");
  }

  // A module that is one of its own ancestors is not entered again.
  bool inside(const Object& module) const noexcept {
    return std::any_of(frames_.begin(), frames_.end(), [&](const Frame& frame) { return frame.module == &module; });
  }

  std::vector<Frame> frames_{};
  std::size_t modules_ = 0, name_bytes_ = 0;
  StateDict result_{};
};

}  // namespace

bool is_module(Ref ref) noexcept {
  const auto* object = as<Object>(ref);
  return object && (script(*object) || (table(*object, "_modules") && table(*object, "_parameters")));
}

StateDict module_state_dict(const Value& module) {
  if (!is_module(module.ref())) throw Error(ErrorCode::type, "expected a module, found " + module.type_name());
  return Collector().collect(*as<Object>(module.ref()));
}

}  // namespace flambeau::object
