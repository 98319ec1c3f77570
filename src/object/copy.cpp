#include "object/copy.h"

#include <utility>

namespace flambeau::object {
namespace {

// Makes each node once, empty, and fills it later: no recursion, and cycles close by themselves.
class Copier {
 public:
  Copier(Heap& into, Copied& made) : into_(into), made_(made) {}

  Ref copy(Ref root) {
    const Ref result = shell(root);
    finish();
    return result;
  }

  Ref copy_tensor(const TensorNode& like, Tensor tensor, bool parameter) {
    const Ref result = into_.tensor(std::move(tensor), parameter);
    fill(like, *as<TensorNode>(result));
    finish();
    return result;
  }

 private:
  void finish() {
    while (!open_.empty()) {
      const auto [from, to] = open_.back();
      open_.pop_back();
      fill(from, to);
    }
  }

  Ref shell(Ref from) {
    Node* node = from.node();
    if (!node) return from;
    const auto found = made_.find(node);
    if (found != made_.end()) return found->second;
    const Ref to = make(from);
    made_.emplace(node, to);
    if (from.kind() >= Kind::tuple) open_.emplace_back(from, to);
    return to;
  }

  Ref make(Ref from) {
    switch (from.kind()) {
      case Kind::integer:
        return into_.integer(as<Integer>(from)->value);
      case Kind::floating:
        return into_.floating(as<Float>(from)->value);
      case Kind::big_integer:
        return into_.big_integer(as<BigInteger>(from)->bytes);
      case Kind::string: {
        const auto& string = *as<String>(from);
        if (!string.interned) return into_.fresh_string(string.text);
        return string.is_name ? into_.interned(string.text) : into_.string(string.text);
      }
      case Kind::bytes:
        return into_.bytes(as<Bytes>(from)->data);
      case Kind::bytearray:
        return into_.bytearray(as<Bytes>(from)->data);
      case Kind::tuple:
        return into_.tuple(std::vector<Ref>(as<Sequence>(from)->items.size()));
      case Kind::list:
        return into_.list(std::vector<Ref>(as<Sequence>(from)->items.size()));
      case Kind::set:
      case Kind::frozenset:
        return into_.set(std::vector<Ref>(as<Sequence>(from)->items.size()), from.kind() == Kind::frozenset);
      case Kind::dict:
        return as<Dict>(from)->ordered ? into_.ordered_dict() : into_.dict();
      case Kind::global:
        return into_.global(as<Global>(from)->module, as<Global>(from)->qualname);
      case Kind::tensor:
        return into_.tensor(as<TensorNode>(from)->tensor, as<TensorNode>(from)->parameter);
      case Kind::storage:
        return into_.storage(as<StorageNode>(from)->storage, as<StorageNode>(from)->storage_class);
      case Kind::object:
        return into_.object(as<Object>(from)->construction, {}, {});
      case Kind::none:
      case Kind::boolean:
        break;  // no nodes
    }
    return from;
  }

  void fill(Ref from, Ref to) {
    switch (from.kind()) {
      case Kind::dict: {
        const auto& source = *as<Dict>(from);
        as<Dict>(to)->items = pairs(source.items);
        as<Dict>(to)->state = shell(source.state);
        break;
      }
      case Kind::tensor:
        fill(*as<TensorNode>(from), *as<TensorNode>(to));
        break;
      case Kind::object: {
        const auto& source = *as<Object>(from);
        auto& target = *as<Object>(to);
        target.has_state = source.has_state;
        target.callable = shell(source.callable);
        target.args = shell(source.args);
        target.state = shell(source.state);
        target.list_items.reserve(source.list_items.size());
        for (const Ref item : source.list_items) target.list_items.push_back(shell(item));
        target.dict_items = pairs(source.dict_items);
        break;
      }
      default:
        if (const auto* source = as<Sequence>(from)) {
          auto& items = as<Sequence>(to)->items;
          for (std::size_t i = 0; i < items.size(); ++i) items[i] = shell(source->items[i]);
        }
    }
  }

  void fill(const TensorNode& source, TensorNode& target) {
    target.type = shell(source.type);
    target.attributes = shell(source.attributes);
    if (!source.quantizer || info(target.tensor.dtype()).kind != DTypeClass::quantized) return;
    target.quantizer = std::make_unique<Quantizer>(*source.quantizer);
    target.quantizer->scales = shell(source.quantizer->scales);
    target.quantizer->zero_points = shell(source.quantizer->zero_points);
  }

  std::vector<Pair> pairs(const std::vector<Pair>& source) {
    std::vector<Pair> result;
    result.reserve(source.size());
    for (const auto& [key, value] : source) {
      const Ref copied = shell(key);
      result.emplace_back(copied, shell(value));
    }
    return result;
  }

  Heap& into_;
  Copied& made_;
  std::vector<Pair> open_{};
};

}  // namespace

Ref copy(Heap& into, Ref root) {
  Copied copied;
  return copy(into, root, copied);
}

Ref copy(Heap& into, Ref root, Copied& copied) { return Copier(into, copied).copy(root); }

Ref copy_tensor(Heap& into, const TensorNode& like, Tensor tensor, bool parameter, Copied& copied) {
  return Copier(into, copied).copy_tensor(like, std::move(tensor), parameter);
}

}  // namespace flambeau::object
