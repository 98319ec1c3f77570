#pragma once
// Names of types and keys.

#include <string>
#include <string_view>

#include <flambeau/object.h>

namespace flambeau::object {

/// The Python type's name: "dict", "collections.OrderedDict", "torch.Tensor", "argparse.Namespace"; "global" of a
/// global.
std::string type_name(Ref ref);

/// A key as a literal in Python source would make it: identifiers are interned, other strings are objects of their own.
Ref name_string(Heap& heap, std::string_view text);

}  // namespace flambeau::object
