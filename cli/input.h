#pragma once
// What the verbs that read files share: limits, opening, --root, names, patterns.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <flambeau/checkpoint.h>
#include <flambeau/inspect.h>

#include "command.h"

namespace cli {

/// What a word of the command line names: "-" is standard input.
std::string input_path(const std::string& word);
/// From --limit and --inert. Throws UsageError for a name or number that is none.
flambeau::LoadOptions load_options(const Args& args, flambeau::Read read = flambeau::Read::map);
/// Opens the file; with --root the part below that key is the new root.
flambeau::Checkpoint open(const Args& args, const std::string& path, flambeau::Read read = flambeau::Read::map);

/// Its tensors, as many as --limit lets there be.
std::vector<flambeau::Listed> listed(const Args& args, const flambeau::Checkpoint& checkpoint, bool sha256 = false);

/// The weights of a checkpoint, as --strip-prefix says; tells on standard error which key was taken and what was taken
/// off the names. `prefix` becomes what was.
flambeau::StateDict weights(const Args& args, const flambeau::Checkpoint& checkpoint, const std::string& file,
                            std::string* prefix = nullptr);

/// Whether a value may have parts: a dict, sequence, set or object.
bool is_container(const flambeau::Value& value) noexcept;
/// A value's parts with their keys, in order: dict items, sequence items, an object's items and attributes.
std::vector<std::pair<std::string, flambeau::Value>> parts(const flambeau::Value& value);
/// The value under a dotted path (keys may hold dots themselves). Throws Error(not_found) with the nearest keys.
flambeau::Value lookup(const flambeau::Value& root, std::string_view path);

/// The dtype that holds every element of `dtype` as it is and of which there is one for each kind of number: int64,
/// uint64 (also for bool), float64 or complex128; nullopt for what has no arithmetic.
std::optional<flambeau::DType> widened(flambeau::DType dtype) noexcept;

/// `name` without `prefix`, if it starts with it.
std::string_view stripped(std::string_view name, std::string_view prefix) noexcept;

/// `bytes` of tensors, and the bytes of their storages where those are more: views keep the whole storage alive.
std::string bytes_in_storages(const std::vector<flambeau::Listed>& rows, std::uint64_t bytes);

/// "(64, 3, 3, 3)" and whatever is special: "parameter", "requires_grad", "conj".
std::string describe(const flambeau::Tensor& tensor);

}  // namespace cli
