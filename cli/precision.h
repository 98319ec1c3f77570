#pragma once

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

}  // namespace cli
