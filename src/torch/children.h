#pragma once
// The edges that leave a node, and walks over whole graphs.

#include <flambeau/object.h>

#include <unordered_set>
#include <vector>

namespace flambeau::torch {

/// Calls visit(Ref) for every edge of `node`, in the order in which pickle stores them.
template <class Visit>
void each_child(object::Node* node, Visit&& visit) {
  using namespace object;
  const Ref ref(node);
  const auto pairs = [&](const std::vector<Pair>& items) {
    for (const auto& [key, value] : items) visit(key), visit(value);
  };
  switch (node->kind) {
    case Kind::tuple:
    case Kind::list:
    case Kind::set:
    case Kind::frozenset:
      for (const Ref item : static_cast<Sequence*>(node)->items) visit(item);
      break;
    case Kind::dict:
      pairs(static_cast<Dict*>(node)->items);
      visit(static_cast<Dict*>(node)->state);
      break;
    case Kind::tensor: {
      const auto* const tensor = static_cast<TensorNode*>(node);
      visit(tensor->type);
      if (tensor->quantizer) visit(tensor->quantizer->scales), visit(tensor->quantizer->zero_points);
      visit(tensor->attributes);
      break;
    }
    case Kind::object: {
      const auto* const object = static_cast<Object*>(node);
      visit(object->callable), visit(object->args);
      for (const Ref item : object->list_items) visit(item);
      pairs(object->dict_items);
      visit(object->state);
      break;
    }
    default:
      break;
  }
}

/// Calls visit(Node*) for everything that can be reached from `root`, once each, in no order.
template <class Visit>
void each_node(object::Ref root, Visit&& visit) {
  std::unordered_set<const object::Node*> seen;
  std::vector<object::Node*> open;
  const auto meet = [&](object::Ref ref) {
    object::Node* const node = ref.node();
    if (node != nullptr && node->kind >= Kind::tuple && seen.insert(node).second) open.push_back(node);
  };
  meet(root);
  while (!open.empty()) {
    object::Node* const node = open.back();
    open.pop_back();
    visit(node);
    each_child(node, meet);
  }
}

}  // namespace flambeau::torch
