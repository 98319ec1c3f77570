#pragma once
// Python's copy.deepcopy of a module.

#include <memory>

#include <flambeau/nn.h>

namespace flambeau::nn {

/// A module tree of torch.nn classes with the same attributes and own copies of all tensors; what is shared inside
/// stays shared. Throws Error(unsupported) for other classes.
std::shared_ptr<Module> deep_copy(const Module& module);

}  // namespace flambeau::nn
