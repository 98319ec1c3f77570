#pragma once
// What follows a product, on the part of its result that a thread has just made.

#include <span>

#include "plan/kernels/product.h"
#include "plan/program.h"

namespace flambeau::plan {

/// Applies the posts to rows × columns of y, whose rows are `width` floats apart; z, the summand of an add, lies alike.
void apply_posts(std::span<const Post> posts, Range rows, Range columns, std::int64_t width, const float* z, float* y);

}  // namespace flambeau::plan
