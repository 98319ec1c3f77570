#pragma once
// Names of types and keys.

#include <array>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include <flambeau/object.h>

namespace flambeau::object {

/// The Python type's name: "dict", "collections.OrderedDict", "torch.Tensor", "argparse.Namespace"; "global" of a
/// global.
std::string type_name(Ref ref);

/// A key as a literal in Python source would make it: identifiers are interned, other strings are objects of their own.
Ref name_string(Heap& heap, std::string_view text);

/// What DataParallel and its kin put before every name.
inline constexpr std::string_view outer_wrapper = "module.";
/// What torch.compile, FSDP and activation checkpointing put into names, wherever they wrapped a part.
inline constexpr std::array<std::string_view, 3> inner_wrappers = {"_orig_mod.", "_fsdp_wrapped_module.",
                                                                   "_checkpoint_wrapped_module."};
/// The name without those parts (each with its dot); what was left out is added to `removed`.
std::string without_parts(std::string_view name, std::span<const std::string_view> parts,
                          std::set<std::string, std::less<>>& removed);

}  // namespace flambeau::object
