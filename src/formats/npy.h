#pragma once
// numpy's .npy and .npz. Object arrays (pickles) and structured, text and date arrays are refused.

#include <cstddef>
#include <memory>
#include <span>

#include <flambeau/checkpoint.h>

#include "archive/zip.h"
#include "bytes/source.h"

namespace flambeau::formats::npy {

bool sniff(std::span<const std::byte> head);

/// The root is the tensor itself. Fortran order becomes strides, other byte orders are swapped.
/// Throws Error(truncated, corrupt, unsupported, limit).
Checkpoint read(std::shared_ptr<const bytes::Source> source, const LoadOptions& options);

}  // namespace flambeau::formats::npy

namespace flambeau::formats::npz {

/// Every member of the archive is a .npy file, and there is at least one.
bool sniff(const archive::ZipReader& zip);

/// A flat dict by member name without ".npy", in the archive's order. `file` is for errors. Throws as npy::read.
Checkpoint read(const archive::ZipReader& zip, const std::string& file, const LoadOptions& options);

}  // namespace flambeau::formats::npz
