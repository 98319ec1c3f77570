#pragma once
// torch.export's .pt2 archives, both layouts: weights and constants by name; the graph is not read.

#include "formats/format.h"

namespace flambeau::formats::pt2 {
bool sniff(const Input& input);
Checkpoint read(const Input& input, const LoadOptions& options);
}  // namespace flambeau::formats::pt2
