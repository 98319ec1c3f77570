#pragma once
// Whole modules (nn.Module) inside a graph, without knowing their classes.

#include <string>

#include <flambeau/checkpoint.h>
#include <flambeau/object.h>

namespace flambeau::object {

/// Whether an object is a module: its state holds `_modules` and `_parameters`, or it is one of TorchScript's.
bool is_module(Ref ref) noexcept;

/// What `module.state_dict()` gives: own parameters, persistent buffers (of TorchScript's, all tensors), then children,
/// depth first, with `_metadata`. The classes' versions are not in a file; those of classes other than PyTorch's count
/// as 1. Throws Error(type) for another value, Error(limit) for more than 1000 levels or 2^20 modules (a hostile file
/// can share children so that their number doubles at each level).
StateDict module_state_dict(const Value& module);

/// A module's tensor as its state_dict has it, detached: no Parameter, without gradient and attributes. `extra` is the
/// pickled value, where it is more than a plain tensor.
StateDict::Entry detached(std::string name, Tensor tensor, const Value& extra);

}  // namespace flambeau::object
