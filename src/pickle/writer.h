#pragma once
// The pickler: an object graph out, protocol 2, laid out byte for byte as CPython's C pickler does.

#include <cstdint>
#include <functional>
#include <string>

#include <flambeau/object.h>

namespace flambeau::pickle {

/// How values that pickle does not know itself are reduced. Nodes that a reduction makes must be created in `scratch`
/// (it lives as long as the write, so that memoised identities stay valid).
class Reducer {
 public:
  virtual ~Reducer() = default;
  struct Reduction {
    object::Ref callable, args;          // REDUCE
    std::optional<object::Ref> state{};  // BUILD
  };
  /// Of a tensor node.
  virtual Reduction tensor(object::Heap& scratch, object::TensorNode& node) = 0;
  /// The persistent id of a storage node (a tuple); written as BINPERSID.
  virtual object::Ref storage(object::Heap& scratch, object::StorageNode& node) = 0;
};

/// Receives the stream in pieces.
using Sink = std::function<void(std::string_view)>;

/// Writes one pickle of `root` at protocol 2 (fix_imports names, batches of 1000, memo by identity; see
/// pth-format 3.2). Iterative.
void write(object::Ref root, Reducer& reducer, const Sink& sink);

}  // namespace flambeau::pickle
