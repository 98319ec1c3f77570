#pragma once
// Trees that Flambeau itself builds, for the way Flambeau → torch → Flambeau.

#include <cstdint>
#include <string>

#include <flambeau/object.h>

namespace flambeau::interop {

struct Recipe {
  std::uint64_t seed = 0;
  bool old = false;   ///< only what torch 1.13 reads
  bool safe = false;  ///< only what torch 2.13 loads with weights_only=True
};

/// The same tree for the same recipe: nested containers, shared values, cycles, tensors of every dtype and kind.
Value random_tree(const Recipe& recipe);

/// Where and how two trees differ: values, order, dtypes, strides, what is shared with what. Empty if they do not.
/// Equal strings and numbers may be one object or two; sets have no order.
std::string difference(const Value& a, const Value& b);

}  // namespace flambeau::interop
