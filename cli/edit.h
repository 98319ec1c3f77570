#pragma once
// What `convert` changes on the way: which tensors, their names and dtypes.

#include <string>

#include <flambeau/checkpoint.h>

#include "command.h"

namespace cli {

/// Whether the options ask for the weights alone: some of them, or other names.
bool edits_names(const Args& args) noexcept;
/// The weights after --strip-prefix, --include, --exclude and --rename. Throws Error(not_found) if none is left.
/// `prefix` becomes what was taken off the names.
flambeau::StateDict edited(const Args& args, const flambeau::Checkpoint& checkpoint, const std::string& file,
                           std::string& prefix);

/// Throws UsageError if --rename is no OLD=NEW, or --dtype no dtype or GLOB=DTYPE with a dtype that has arithmetic.
void check_edits(const Args& args);
/// Casts in place as --dtype says; what shared a storage still does. Names count as they are and with `prefix` before
/// them. Throws Error(not_found) for a GLOB that no tensor matches.
void cast(const Args& args, flambeau::Value& root, const std::string& file, const std::string& prefix);

}  // namespace cli
