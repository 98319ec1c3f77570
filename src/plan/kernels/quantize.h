#pragma once
// int8 in place of floats: q = x · limit / |x|max, rounded. Zero stays zero, so padding needs no care.

#include <flambeau/tensor.h>

#include <cstdint>

namespace flambeau::plan {

/// The largest magnitude of `count` floats, on all threads.
float magnitude(const float* x, std::int64_t count);

struct QuantizedRows {
  Tensor values;  ///< int8, rows × stride, zero beyond `columns`
  Tensor scales;  ///< float32, one for each row: w ≈ value · scale
};
/// Each of `rows` rows by its own magnitude, to [-limit, limit].
QuantizedRows quantize_rows(const float* w, std::int64_t rows, std::int64_t columns, std::int64_t stride, float limit);

}  // namespace flambeau::plan
