#pragma once
// What Python prints of values that pickle stores as calls: torch's, numpy's and the standard library's.

#include <optional>
#include <string>

#include <flambeau/object.h>

namespace flambeau::inspect {

/// The Python value of a numpy scalar, as its item() gives it, in nodes of `heap`; nullopt for any other object.
std::optional<object::Ref> numpy_item(object::Heap& heap, const object::Object& object);

/// repr of a numpy scalar itself, given its item and that one's repr: numpy 2 names the type. Empty for times.
std::string numpy_text(const object::Object& scalar, object::Ref item, std::string text);

/// repr of an object of a class that is known here; empty for any other.
std::string known_text(object::Ref ref);

/// repr of a class, function or constant, as far as its name tells which it is; else "<module.name>".
std::string global_text(const object::Global& global);

}  // namespace flambeau::inspect
