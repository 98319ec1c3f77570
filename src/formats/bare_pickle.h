#pragma once
// pickle.dump instead of torch.save: no container; each storage is a legacy file inside the pickle.

#include "formats/format.h"

namespace flambeau::formats::bare_pickle {
bool sniff(const Input& input);
Checkpoint read(const Input& input, const LoadOptions& options);
}  // namespace flambeau::formats::bare_pickle
