#pragma once
// Products with weights as they lie in the file, for a single run: no memory is touched for the first time but the
// weights, and little scratch. One operand must lie side by side for the vectors; the smaller one is turned.

#include "plan/kernel.h"
#include "plan/kernels/product.h"

namespace flambeau::plan {

/// Rows come in lines: Product::x_stride floats apart in x within a line, which begins `x_step` floats behind the one
/// before. Without rows: all of them follow each other.
struct Lines {
  std::int64_t rows = 0, x_step = 0;
};

struct OneshotProduct {
  std::unique_ptr<Kernel> kernel;
  std::size_t scratch_bytes;
};

/// y = x Wᵀ + b and the request's posts; W is input 1. `bias` may be undefined.
OneshotProduct oneshot_product(const Request& request, const Product& p, std::int64_t rows, const Lines& lines,
                               Tensor bias);

}  // namespace flambeau::plan
