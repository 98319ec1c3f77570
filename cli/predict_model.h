#pragma once
// Which network `predict` runs, and how images are made ready for it.

#include <optional>
#include <string>
#include <vector>

#include <flambeau/recognize.h>

#include "command.h"

namespace cli {

struct Chosen {
  flambeau::Model model;  // in eval mode
  std::string name;       // the builder; the class of a whole model of another kind
  std::string source;     // the file; empty for fresh weights
  std::string key;        // of the checkpoint under which the weights were; empty for its root
  /// What was compared to find the builder; without for fresh weights and for classes that are no builder's.
  std::optional<flambeau::models::Recognition> recognition;
  /// Whose preprocessing is used: the file's entry if its name is that of a published one, else the builder's default.
  const flambeau::models::Weights* published = nullptr;
  flambeau::vision::Preset preset;
  std::vector<std::string> labels;
  std::string advice;  // what else to try if a whole model's class cannot be run
};

/// By --model, --weights and --random; says on standard error what it found.
Chosen choose_model(const Args& args);

}  // namespace cli
