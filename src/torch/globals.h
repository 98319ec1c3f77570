#pragma once
// What a global named in a pickle may do when Python loads it: the allow list and the block list are tables in
// globals.inc.

#include <cstdint>
#include <string>
#include <string_view>

#include <flambeau/object.h>

namespace flambeau::torch {

enum class Standing : std::uint8_t {
  allowed,    ///< torch.load(weights_only=True) of 2.13 accepts it
  known,      ///< a common class or function that reaches nothing outside the process
  unknown,    ///< needs code that nobody here has read
  dangerous,  ///< reaches code, files, processes or the network
};

/// Judges by exact names first (allow what is known), then by modules that reach out; everything else is unknown.
/// A dotted qualified name is judged by each of its parts as well ("pathlib", "os.system" is dangerous).
/// `builtins.getattr` is unknown: what it gives depends on its arguments, see `standing_of_getattr`.
Standing standing(std::string_view module, std::string_view qualname);

/// getattr(args…): the global that it names, judged; chains of getattr are followed. Dunder names are dangerous, and so
/// is what cannot be followed. `named` becomes "module.Class.NAME".
Standing standing_of_getattr(object::Ref args, std::string& named);
bool is_getattr(object::Ref callable) noexcept;

/// Throws Error(forbidden) if the global is dangerous.
void refuse_dangerous(std::string_view module, std::string_view qualname);

/// Throws Error(forbidden) if a dangerous global can be reached from `root`: such a graph is never written.
void refuse_dangerous(object::Ref root);

/// Throws Error(unsupported) for what torch makes out of data while it unpickles: in a legacy file the data come later.
void refuse_early_readers(object::Ref root);

}  // namespace flambeau::torch
