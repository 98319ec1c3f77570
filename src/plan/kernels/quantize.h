#pragma once
// int8 in place of floats: q = x · limit / |x|max, rounded. Zero stays zero, so padding needs no care.

#include <flambeau/tensor.h>

#include <cstdint>

#include "plan/program.h"

namespace flambeau::plan {

/// The largest magnitude of `count` floats, on all threads; NaN if one of them is not finite, and so is all that is
/// scaled by it.
float magnitude(const float* x, std::int64_t count);

/// The scale of each row of a weight (its first dimension): w ≈ value · scale with values in [-limit, limit].
void row_scales(const Tensor& weight, float limit, float* scales);
/// Those values, rows `stride` apart.
void quantize_rows(const Tensor& weight, float limit, std::int64_t stride, std::int8_t* values);

}  // namespace flambeau::plan
