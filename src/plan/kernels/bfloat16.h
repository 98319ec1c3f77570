#pragma once
// Element by element over numbers that lie as bfloat16, computed in float: for processors that round to bfloat16 in one
// instruction (has_bfloat16()).

#include <flambeau/graph.h>

#include <cstdint>

#include "plan/kernels/product.h"

namespace flambeau::plan {

/// y[i] = f(x[i]); x and y may be the same. Sigmoid and SiLU are as exact as bfloat16 needs (1e-4). Not for pow.
void activate(const graph::ActivationAttributes& f, const float* x, std::uint16_t* y, std::int64_t count);
void activate(const graph::ActivationAttributes& f, const std::uint16_t* x, std::uint16_t* y, std::int64_t count);

/// y[r][c] = x[r][c] · factors[c]; x and y may be the same.
void scale_columns(const std::uint16_t* x, const float* factors, std::int64_t rows, std::int64_t columns,
                   std::uint16_t* y);

/// y[c] = the mean of x[r][c] over all rows, for the given columns of `columns`.
void average_rows(const std::uint16_t* x, std::int64_t rows, std::int64_t columns, Range some, float* y);

}  // namespace flambeau::plan
