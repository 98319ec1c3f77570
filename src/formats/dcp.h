#pragma once
// PyTorch's distributed checkpoint (DCP): a folder with a pickle `.metadata` and data files of torch.save streams.

#include <functional>
#include <memory>
#include <string>

#include <flambeau/checkpoint.h>

#include "bytes/source.h"

namespace flambeau::formats::dcp {

/// A folder with a `.metadata` (or with the rank-local ones, which `read` then names and refuses).
bool sniff(const std::string& folder);

/// A flat dict of the flattened names in the metadata's order; sharded tensors are put together when they are first
/// read. Nothing in the metadata is executed; data files stay inside the folder. Every item is opened and compared with
/// the metadata (dtype, shape), pieces must tile their tensor. Throws Error(truncated, corrupt, unsupported, forbidden,
/// limit).
Checkpoint read(const std::string& folder, const LoadOptions& options);

/// Calls visit("__0_0.distcp: name", its torch.save stream) for every item that the metadata places. Throws as `read`
/// does for the metadata.
using Visit = std::function<void(const std::string& name, std::shared_ptr<const bytes::Source> item)>;
void each_item(const std::string& folder, const LoadOptions& options, const Visit& visit);

}  // namespace flambeau::formats::dcp
