#pragma once
// safetensors: eight bytes of length, a JSON header, the tensors back to back.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <flambeau/checkpoint.h>

#include "bytes/source.h"

namespace flambeau::formats::safetensors {

/// By the first bytes of a file: a plausible header length and the brace after it.
bool sniff(std::span<const std::byte> head);

/// A flat dict in the header's order; `__metadata__` goes to Container::metadata. Strict: known dtypes, sizes that fit,
/// data tiled without hole or tail, no duplicate names. Throws Error(truncated, corrupt, unsupported, limit).
Checkpoint read(std::shared_ptr<const bytes::Source> source, const LoadOptions& options);

struct WriteOptions {
  std::vector<std::pair<std::string, std::string>> metadata{};  ///< written when not empty or `with_metadata`
  bool with_metadata = false;
  /// Tensors that share memory: false refuses them as `save_file` does; true keeps one of each group and notes the
  /// others in the metadata as `save_model` does ("dropped": "kept").
  bool deduplicate = false;
  /// As SaveOptions::progress.
  std::function<void(std::uint64_t, std::uint64_t)> progress{};
};

/// Writes the bytes that safetensors 0.8's `save_file` writes for the same tensors. Tensors that are not contiguous,
/// which it refuses, are written row-major. Throws Error(unsupported) for values that are no tensors, shared memory,
/// meta tensors and dtypes that the format lacks, before anything is written.
void write(const StateDict& state_dict, bytes::Sink& sink, const WriteOptions& options = {});

}  // namespace flambeau::formats::safetensors
