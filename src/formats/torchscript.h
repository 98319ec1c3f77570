#pragma once
// TorchScript archives (torch.jit.save): the attributes of the module as data.pkl holds them; its code is never run.

#include "formats/format.h"

namespace flambeau::formats::torchscript {
bool sniff(const Input& input);
Checkpoint read(const Input& input, const LoadOptions& options);
}  // namespace flambeau::formats::torchscript
