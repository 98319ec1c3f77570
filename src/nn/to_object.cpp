#include <map>
#include <tuple>

#include "nn/base_keys.h"
#include "nn/pickle.h"
#include "object/copy.h"

namespace flambeau::nn {

using object::Pair;
using object::Ref;

namespace {

class Writer {
 public:
  explicit Writer(object::Heap& heap) : heap_(heap) {}

  /// The objects go before what is in them: an attribute anywhere may name any of them.
  Ref write(const Module& root) {
    declare(root);
    for (const Module* module : order_) declare_tensors(*module);
    return module(root);
  }

 private:
  void declare(const Module& module) {
    Ref& ref = modules_[&module];
    if (!ref.is_none()) return;
    ref = heap_.object(object::Construction::newobj, heap_.global(module.python_module(), module.class_name()),
                       heap_.tuple({}));
    order_.push_back(&module);
    if (const Value origin = module.origin(); !origin.is_none()) identities_.copied.emplace(origin.ref().node(), ref);
    for (const auto& child : module.children())
      if (child.module) declare(*child.module);
  }

  void declare_tensors(const Module& module) {
    for (const auto& p : module.parameters()) tensor(p.tensor, true, p.extra);
    for (const auto& b : module.buffers()) tensor(b.tensor, false, b.extra);
    const Value origin = module.origin();
    const auto* pickled = object::as<object::Object>(origin.ref());
    if (!pickled) return;
    for (const std::string_view table : {"_parameters", "_buffers"}) {
      const auto* dict = object::as<object::Dict>(object::attribute(*pickled, table).value_or(Ref()));
      if (!dict) continue;
      for (const auto& [name, value] : dict->items) {
        const auto* node = object::as<object::TensorNode>(value);
        if (!node || !node->tensor.defined()) continue;
        // Not found: it was replaced since.
        const auto written = tensors_.find(key_of(node->tensor, node->parameter));
        if (written != tensors_.end()) identities_.copied.emplace(node, written->second);
      }
    }
  }

  Ref module(const Module& module) {
    const Ref ref = modules_.at(&module);
    auto* made = object::as<object::Object>(ref);
    if (made->has_state) return ref;
    made->has_state = true;
    std::vector<Pair> items;
    Fields fields(heap_, items);
    fields.share(identities_);
    // fields() reads when it writes a pickle; it is one function for both ways and so not const.
    auto& readable = const_cast<Module&>(module);
    fields.remember(readable.as_read());
    readable.early_fields(fields);
    for (const BaseKey& key : base_keys) {
      const Ref value = base_value(module, key);
      if (key.kind == BaseKind::parameters) fields.set_parameters(value);
      items.emplace_back(heap_.interned(key.name), value);
    }
    readable.fields(fields);
    for (const auto& [name, value] : module.attributes())
      if (!base_key(name)) items.emplace_back(heap_.interned(name), fields.encode(value));
    made->state = heap_.dict(std::move(items));
    return ref;
  }

  Ref base_value(const Module& module, const BaseKey& key) {
    for (const auto& [name, value] : module.attributes())  // hooks that were read and are kept
      if (name == key.name) return copied(value);
    switch (key.kind) {
      case BaseKind::training:
        return Ref::boolean(module.training());
      case BaseKind::parameters: {
        std::vector<Pair> items;
        for (const auto& p : module.parameters())
          items.emplace_back(heap_.interned(p.name), tensor(p.tensor, true, p.extra));
        return heap_.dict(std::move(items));
      }
      case BaseKind::buffers: {
        std::vector<Pair> items;
        for (const auto& b : module.buffers())
          items.emplace_back(heap_.interned(b.name), tensor(b.tensor, false, b.extra));
        return heap_.dict(std::move(items));
      }
      case BaseKind::set: {
        std::vector<Ref> names;
        for (const auto& b : module.buffers())
          if (!b.persistent) names.push_back(heap_.interned(b.name));
        return heap_.set(std::move(names));
      }
      case BaseKind::modules: {
        std::vector<Pair> items;
        for (const auto& child : module.children())
          items.emplace_back(
              module.fresh_child_name(child.name) ? heap_.fresh_string(child.name) : heap_.interned(child.name),
              child.module ? this->module(*child.module) : Ref());
        return heap_.dict(std::move(items));
      }
      case BaseKind::hooks:
        return heap_.ordered_dict();
      case BaseKind::nothing:
        return Ref();
    }
    return Ref();
  }

  Ref copied(const Value& value) {
    return value.heap().get() == &heap_ ? value.ref() : object::copy(heap_, value.ref(), identities_.copied);
  }

  Ref tensor(const Tensor& tensor, bool parameter, const Value& extra) {
    if (!tensor.defined()) return copied(extra);
    const auto* like = object::as<object::TensorNode>(extra.ref());
    if (like) parameter = like->parameter;
    const auto make = [&] {
      return like ? object::copy_tensor(heap_, *like, tensor, parameter, identities_.copied)
                  : heap_.tensor(tensor, parameter);
    };
    if (tensor.is_meta()) return make();
    Ref& ref = tensors_[key_of(tensor, parameter)];
    if (ref.is_none()) ref = make();
    return ref;
  }

  /// Which Parameter or tensor it is: of one memory all are one.
  using Key = std::tuple<const Storage*, std::int64_t, Shape, Shape, bool>;
  static Key key_of(const Tensor& tensor, bool parameter) {
    return {tensor.storage().get(), tensor.offset(), tensor.shape(), tensor.strides(), parameter};
  }

  object::Heap& heap_;
  std::map<const Module*, Ref> modules_{};
  std::vector<const Module*> order_{};
  std::map<Key, Ref> tensors_{};
  Fields::Identities identities_{};
};

}  // namespace

Ref to_object(object::Heap& heap, const Module& module) { return Writer(heap).write(module); }

}  // namespace flambeau::nn
