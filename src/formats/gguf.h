#pragma once
// gguf (ggml's container), versions 2 and 3: keys with values, tensor descriptions, aligned data.

#include <cstddef>
#include <memory>
#include <span>

#include <flambeau/checkpoint.h>

#include "bytes/source.h"

namespace flambeau::formats::gguf {

bool sniff(std::span<const std::byte> head);

/// A flat dict in the file's order, shapes outermost dimension first as torch has them. Blocks of quantized types stay
/// as they are: uint8 tensors of (rows…, bytes of a row), their type and shape in Container::raw. Keys become text in
/// Container::metadata (arrays and long strings only by their size). Throws Error(truncated, corrupt, unsupported,
/// limit).
Checkpoint read(std::shared_ptr<const bytes::Source> source, const LoadOptions& options);

}  // namespace flambeau::formats::gguf
