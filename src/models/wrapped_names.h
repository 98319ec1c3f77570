#pragma once
// From the names in a file to the names that a builder has: wrappers, attributes that hold the model, older versions.

#include <string>
#include <string_view>
#include <vector>

#include <flambeau/checkpoint.h>

namespace flambeau::models {

/// The tensors under the names that torchvision 0.28 uses, without what DataParallel, compile and FSDP put into names
/// and what profilers, losses and averaging leave beside weights; `notes` tells what was done.
StateDict tidied(const StateDict& state, std::vector<std::string>& notes);

/// Where in `state` a model of torchvision could hang ("", "model.", "net.backbone."), outermost first; never empty.
std::vector<std::string> possible_prefixes(const StateDict& state);

/// What `state` has below `prefix`, which is taken off names and metadata.
StateDict below(const StateDict& state, std::string_view prefix);

}  // namespace flambeau::models
