#pragma once
// What a node is made of, in the order and under the path elements that listings use (README.md of the fixtures).

#include <flambeau/inspect.h>
#include <flambeau/object.h>

#include <optional>
#include <vector>

namespace flambeau::inspect {

/// How a tensor counts when it is met through a wrapper (a Parameter around a subclass, the parts of a jagged tensor).
struct As {
  bool parameter = false, requires_grad = false;
  bool attributes = true;  ///< list the tensor's attributes as well
};

struct Part {
  std::optional<PathElement> element{};  ///< none: stands under the path of the whole
  object::Ref ref{};
  std::optional<As> as{};
};

/// The parts of `node`; nothing for values without parts. A tensor's own row is not among them.
std::vector<Part> parts(object::Node* node, const std::optional<As>& as);

/// A dict's key as a path element: itself if it is a str or an int below 2^53 in size, else Python's repr.
PathElement key_element(object::Ref key);

/// repr of any value, cut at `max_bytes`.
std::string repr(object::Ref ref, std::size_t max_bytes);

}  // namespace flambeau::inspect
