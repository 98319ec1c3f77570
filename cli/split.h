#pragma once
// Weights in several files with an index beside them.

#include <cstdint>
#include <string>
#include <vector>

#include <flambeau/checkpoint.h>

#include "command.h"

namespace cli {

/// Whether `out` names an index: "pytorch_model.bin.index.json".
bool is_index(const std::string& out) noexcept;

/// Writes shards of at most `most` bytes of tensors (a larger tensor has one of its own; tied tensors stay together)
/// beside the index `out`, named "pytorch_model-00001-of-00003.bin", then the index. Gives the shards' paths. All is
/// written in a temporary folder beside `out` first: a failure before the renames leaves what was there, and nothing
/// else. Where old parts are replaced, the old index is removed before the renames and the new one comes last.
std::vector<std::string> write_shards(const Args& args, const flambeau::StateDict& state, const std::string& out,
                                      std::uint64_t most, const flambeau::SaveOptions& options);

}  // namespace cli
