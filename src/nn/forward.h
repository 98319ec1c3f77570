#pragma once
// What the forward passes of several layers share.

#include <string>
#include <string_view>

#include <flambeau/error.h>
#include <flambeau/nn.h>

namespace flambeau::nn {

/// Calls f on a batch: an input of `spatial` + 1 dimensions, which torch takes as one unbatched item, gets a batch of 1
/// around it and loses it again.
template <class F>
Var batched(Var x, std::size_t spatial, const F& f) {
  if (x.dim() != static_cast<std::int64_t>(spatial) + 1) return f(x);
  Shape with = x.shape();
  with.insert(with.begin(), 1);
  const Var y = f(graph::reshape(x, with));
  return graph::reshape(y, Shape(y.shape().begin() + 1, y.shape().end()));
}

/// Python's `module.name is not None`; a hook may have turned a parameter into an attribute.
inline bool has_tensor(const Module& module, std::string_view name) {
  for (const auto& p : module.parameters())
    if (p.name == name) return p.tensor.defined() || !p.extra.is_none();
  for (const auto& [attribute, value] : module.attributes())
    if (attribute == name) return !value.is_none();
  return false;
}

/// x times a mask of `shape` (which broadcasts to x's): F.dropout's arithmetic. Drawn now from the default generator,
/// in the order in which torch draws when the pass runs.
Var dropped(Var x, double p, Shape shape);
inline Var dropped(Var x, double p) { return dropped(x, p, x.shape()); }

[[noreturn]] inline void unsupported(const Module& module, const std::string& why) {
  throw Error(ErrorCode::unsupported, std::string(module.class_name()) + " cannot be run: " + why);
}

}  // namespace flambeau::nn
