#pragma once
// What the verbs that compute ask of their plans.

#include <algorithm>

#include <flambeau/plan.h>

#include "command.h"

namespace cli {

/// Of --precision; fp32 without.
inline flambeau::Precision precision(const Args& args) {
  const auto name = args.value("precision");
  return name == "bf16"   ? flambeau::Precision::bf16
         : name == "int8" ? flambeau::Precision::int8
                          : flambeau::Precision::fp32;
}

/// Of --threads; 0, all processors, without.
inline int threads(const Args& args) {
  return static_cast<int>(std::min<std::uint64_t>(args.number("threads", 1).value_or(0), 1024));
}

}  // namespace cli
