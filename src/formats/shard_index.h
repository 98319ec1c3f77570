#pragma once
// Hugging Face's shard index: a JSON file that says which file of its folder holds which tensor.

#include <cstddef>
#include <span>
#include <string>

#include <flambeau/checkpoint.h>

namespace flambeau::formats::shard_index {

/// A JSON object with a "weight_map" among the first bytes.
bool sniff(std::span<const std::byte> head);

/// A flat dict in the index's order; every shard is read whatever its format, but may be no index itself. Shard names
/// stay inside the folder. Tensors of shards that the index does not name are noted. Throws Error(corrupt) for a tensor
/// that its shard lacks, and what flambeau::load throws.
Checkpoint read(const std::string& path, const LoadOptions& options);

}  // namespace flambeau::formats::shard_index
