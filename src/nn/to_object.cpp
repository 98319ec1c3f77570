#include <map>
#include <tuple>

#include "nn/base_keys.h"
#include "nn/pickle.h"

namespace flambeau::nn {

using object::Pair;
using object::Ref;

namespace {

class Writer {
 public:
  explicit Writer(object::Heap& heap) : heap_(heap) {}

  Ref module(const Module& module) {
    if (const auto known = modules_.find(&module); known != modules_.end()) return known->second;
    const Ref ref = heap_.object(object::Construction::newobj,
                                 heap_.global(module.python_module(), module.class_name()), heap_.tuple({}));
    modules_.emplace(&module, ref);
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
    auto* made = object::as<object::Object>(ref);
    made->state = heap_.dict(std::move(items));
    made->has_state = true;
    return ref;
  }

 private:
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
          items.emplace_back(module.fresh_child_name(child.name) ? fresh(child.name) : heap_.interned(child.name),
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

  /// A string object of its own, as str(3) and "%d" make one each time; Heap::string shares those of one character.
  Ref fresh(const std::string& text) {
    const Ref ref = heap_.string(text + "  ");
    object::as<object::String>(ref)->text = text;
    return ref;
  }

  Ref copied(const Value& value) {
    return value.heap().get() == &heap_ ? value.ref() : object::copy(heap_, value.ref());
  }

  Ref tensor(const Tensor& tensor, bool parameter, const Value& extra) {
    if (!tensor.defined()) return copied(extra);
    if (tensor.is_meta()) return heap_.tensor(tensor, parameter);
    Ref& ref = tensors_[{tensor.storage().get(), tensor.offset(), tensor.shape(), tensor.strides(), parameter}];
    if (ref.is_none()) ref = heap_.tensor(tensor, parameter);
    return ref;
  }

  object::Heap& heap_;
  std::map<const Module*, Ref> modules_{};
  std::map<std::tuple<const Storage*, std::int64_t, Shape, Shape, bool>, Ref> tensors_{};
  Fields::Identities identities_{};
};

}  // namespace

Ref to_object(object::Heap& heap, const Module& module) { return Writer(heap).module(module); }

}  // namespace flambeau::nn
