#pragma once
// Rewrites of a program that keep its results (up to rounding) and make it cheaper.

#include "plan/program.h"

namespace flambeau::plan {

/// All of them, in the order that lets each find most.
void optimize(Program& program);

/// Drops operations that change nothing and says common forms in the way that kernels like best.
void simplify(Program& program);
/// Computes what depends on constants only, with the reference kernels.
void fold_constants(Program& program);
/// Moves evaluation batch norms, and factors and summands per channel, into the weights in front of them.
void fold_scales(Program& program);
/// Lets convolutions and products add a residual and apply the activation themselves.
void fuse_posts(Program& program);

}  // namespace flambeau::plan
