#pragma once
// Copies of several graphs that share nodes.

#include <unordered_map>

#include <flambeau/object.h>

namespace flambeau::object {

/// What was copied, or stands for a node of elsewhere.
using Copied = std::unordered_map<const Node*, Ref>;
/// As copy(into, root), but what `copied` knows is taken from there, and what is new is added: several graphs keep what
/// they share. The heaps copied from must outlive `copied`.
Ref copy(Heap& into, Ref root, Copied& copied);
/// `tensor` with the type and attributes of `like`, and its quantizer if `tensor` is quantized.
Ref copy_tensor(Heap& into, const TensorNode& like, Tensor tensor, bool parameter, Copied& copied);

/// Whether its elements are all there is to a tensor.
inline bool is_plain(const TensorNode& node) noexcept {
  return node.type.is_none() && node.attributes.is_none() && !node.quantizer;
}

}  // namespace flambeau::object
