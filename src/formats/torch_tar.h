#pragma once
// The tar container of torch.save before 0.1.10: members storages, tensors and pickle.

#include "formats/format.h"

namespace flambeau::formats::torch_tar {
bool sniff(const Input& input);
Checkpoint read(const Input& input, const LoadOptions& options);
}  // namespace flambeau::formats::torch_tar
