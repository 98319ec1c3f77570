#pragma once
// Packed weights in a folder, for the next process that runs the same weights: each plan's are a checkpoint of ours,
// mapped when it is opened.

#include <flambeau/plan.h>

#include <string>

#include "run/recording.h"

namespace flambeau::run {

/// Compiles with what the folder holds for this graph, these weights and options, or compiles and leaves it there.
/// Files that are unreadable or another plan's are replaced. Plans with own kernels are not kept. Throws what
/// Plan::compile throws, and Error(io) when the folder cannot be made; what does not fit into it is not kept.
Plan compile_cached(const Recording& recording, const PlanOptions& options, const std::string& folder);

}  // namespace flambeau::run
