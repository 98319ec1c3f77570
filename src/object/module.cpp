#include "object/module.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <flambeau/error.h>

#include "object/names.h"

namespace flambeau::object {
namespace {

// `_version` of the classes of torch and torchvision that are past the first.
constexpr std::array<std::pair<std::string_view, std::int64_t>, 28> versions = {{
    {"BatchNorm1d", 2},
    {"BatchNorm2d", 2},
    {"BatchNorm3d", 2},
    {"SyncBatchNorm", 2},
    {"InstanceNorm1d", 2},
    {"InstanceNorm2d", 2},
    {"InstanceNorm3d", 2},
    {"LazyBatchNorm1d", 2},
    {"LazyBatchNorm2d", 2},
    {"LazyBatchNorm3d", 2},
    {"LazyInstanceNorm1d", 2},
    {"LazyInstanceNorm2d", 2},
    {"LazyInstanceNorm3d", 2},
    {"MinMaxObserver", 3},
    {"MovingAverageMinMaxObserver", 3},
    {"PerChannelMinMaxObserver", 3},
    {"MovingAveragePerChannelMinMaxObserver", 3},
    {"HistogramObserver", 3},
    {"MNASNet", 2},
    {"MLPBlock", 2},
    {"_DenseBlock", 2},
    {"IntermediateLayerGetter", 2},
    {"FeaturePyramidNetwork", 2},
    {"QuantizableSqueezeExcitation", 2},
    {"RPNHead", 2},
    {"MaskRCNNHeads", 2},
    {"RetinaNetClassificationHead", 2},
    {"RetinaNetRegressionHead", 2},
}};

std::int64_t version_of(Ref module) {
  const std::string name = type_name(module);
  if (!name.starts_with("torch.") && !name.starts_with("torchvision.")) return 1;
  const std::string_view plain = std::string_view(name).substr(name.rfind('.') + 1);
  const auto row = std::ranges::find_if(versions, [&](const auto& known) { return known.first == plain; });
  return row == versions.end() ? 1 : row->second;
}

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
  explicit Collector(const Value& root) : heap_(root.heap()) { enter(root.ref(), ""); }

  StateDict collect() {
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      if (!frame.children || frame.child == frame.children->items.size()) {
        frames_.pop_back();
        continue;
      }
      const auto& [name, child] = frame.children->items[frame.child++];
      if (const auto label = text(name); label && is_module(child) && !inside(*as<Object>(child)))
        enter(child, frame.prefix + std::string(*label) + ".");
    }
    result_.set_metadata(std::move(metadata_));
    return std::move(result_);
  }

 private:
  void enter(Ref ref, std::string prefix) {
    const Object& module = *as<Object>(ref);
    if (frames_.size() == max_depth) throw Error(ErrorCode::limit, "modules nested deeper than 1000 levels");
    if (metadata_.size() == max_modules) throw Error(ErrorCode::limit, "more than 1048576 modules");
    count(prefix.size());
    const Dict* attributes = script(module);
    const auto add = [&](const Dict* tensors, bool all) {
      if (!tensors) return;
      for (const auto& [key, value] : tensors->items) {
        const auto label = text(key);
        if (!label || value.is_none() || (!all && !is_persistent(module, key))) continue;
        if (attributes && !as<TensorNode>(value)) continue;
        count(prefix.size() + label->size());
        const auto* tensor = as<TensorNode>(value);
        result_.set(detached(prefix + std::string(*label), tensor ? tensor->tensor : Tensor(), Value(heap_, value)));
      }
    };
    metadata_.push_back({prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1), version_of(ref)});
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
  std::shared_ptr<Heap> heap_;
  std::size_t name_bytes_ = 0;
  std::vector<StateDict::Module> metadata_{};
  StateDict result_{};
};

}  // namespace

bool is_module(Ref ref) noexcept {
  const auto* object = as<Object>(ref);
  return object && (script(*object) || (table(*object, "_modules") && table(*object, "_parameters")));
}

StateDict module_state_dict(const Value& module) {
  if (!is_module(module.ref())) throw Error(ErrorCode::type, "expected a module, found " + module.type_name());
  return Collector(module).collect();
}

StateDict::Entry detached(std::string name, Tensor tensor, const Value& extra) {
  StateDict::Entry entry{std::move(name), std::move(tensor)};
  if (entry.tensor.defined()) entry.tensor.set_requires_grad(false);
  const auto* node = as<TensorNode>(extra.ref());
  if (!entry.tensor.defined() || (node && node->quantizer)) entry.extra = extra;
  return entry;
}

}  // namespace flambeau::object
