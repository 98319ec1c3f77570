#pragma once
// Our own vector routines: one table of functions per instruction set, chosen once. They run on the calling thread.

#include <flambeau/graph.h>

#include <cstdint>

#include "plan/kernels/product.h"
#include "plan/kernels/winograd.h"

namespace flambeau::plan {

/// Best instruction set that oneDNN uses as well (DNNL_MAX_CPU_ISA lowers both).
enum class Isa : std::uint8_t { plain, avx2, avx512 };
Isa isa() noexcept;
/// The same question about AVX512_BF16, and about AMX.
bool has_bfloat16() noexcept;
bool may_use_tiles() noexcept;

/// Elements for which a second thread is worth waking where each takes a few instructions.
inline constexpr std::int64_t least_elements = 16384;

/// y = x ? z, elementwise; affine is x · z + t.
enum class Combine : std::uint8_t { add, sub, mul, div, affine };

/// Two dimensions of an elementwise loop: sizes, and strides of each operand in elements. Inner strides are 0 or 1, y's
/// is 1.
struct Plane {
  std::int64_t rows, columns;
  std::int64_t x_row, x_column, z_row, z_column, y_row;
};

/// x of a gemv: one or two rows of `in` floats.
struct GemvInput {
  const float* data;
  std::int64_t rows, in;
};
/// Its weights, row after row. W is float, std::uint16_t (bfloat16) or std::int8_t.
template <class W>
struct GemvWeights {
  const W* data;
  std::int64_t stride;  ///< from row to row; narrow rows have zeros from `in` up to a whole vector
  const float* scale;   ///< of each row; null: 1
  const float* bias;    ///< may be null
};

struct VectorKernels {
  /// y[r·out + o] = bias[o] + scale[o] · Σ x[r·in + i] · w[o·stride + i] for every row of x and o in `outs`.
  void (*gemv)(const GemvInput& x, const GemvWeights<float>& w, float* y, std::int64_t out, Range outs);
  void (*gemv_bfloat16)(const GemvInput& x, const GemvWeights<std::uint16_t>& w, float* y, std::int64_t out,
                        Range outs);
  void (*gemv_int8)(const GemvInput& x, const GemvWeights<std::int8_t>& w, float* y, std::int64_t out, Range outs);
  /// y[i] = f(x[i]); x and y may be the same.
  void (*activate)(const graph::ActivationAttributes& f, const float* x, float* y, std::int64_t count);
  /// t has z's strides. y may be x or z where their strides are equal.
  void (*combine)(Combine op, const Plane& plane, const float* x, const float* z, const float* t, float* y);
  /// One row: (x - mean) / sqrt(variance + eps) · weight + bias; weight and bias may be null. Not centred: rms_norm.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, bool centred, float* y,
                     std::int64_t count);
  /// One row of softmax, or its logarithm; y may be x.
  void (*softmax)(const float* x, float* y, std::int64_t count, bool log);
  /// One row: x / max(|x|, eps).
  void (*l2_normalize)(const float* x, float eps, float* y, std::int64_t count);

  /// The largest magnitude; NaN counts as nothing.
  float (*magnitude)(const float* x, std::int64_t count);
  /// q[i] = x[i] · factor, rounded to nearest even and saturated at ±127, or at 0 and 255.
  void (*to_int8)(const float* x, float factor, std::int8_t* q, std::int64_t count);
  void (*to_uint8)(const float* x, float factor, std::uint8_t* q, std::int64_t count);
  /// y[i] = sums[i] · scale[i] · factor + bias[i]; bias may be null. y may lie where sums lies.
  void (*from_int32)(const std::int32_t* sums, const float* scale, float factor, const float* bias, float* y,
                     std::int64_t count);

  std::int64_t lanes;          ///< floats of a vector
  std::int64_t product_group;  ///< outputs of a packed product's panel

  /// Rows side by side: to[place(j) + row] = factor · from[row · stride + j] (kernels/product.h).
  void (*turn)(const Turn& turn, const float* from, float* to);
  /// y = x · wᵀ + bias for ranges of rows and groups; bias holds groups · product_group floats, or is null.
  void (*product)(const Product& p, const float* x, const float* u, const float* bias, Range rows, Range groups,
                  float* y);
  /// u[ξ][group][in][2 · lanes] = G g Gᵀ for the pairs (group, in) numbered `pairs`; u beyond w.out stays as it is
  /// (zero).
  void (*winograd_weights)(const Winograd& w, const float* weights, Range pairs, float* u);
  /// The stages of kernels/winograd.h for a range of tiles and blocks of channels. v and m hold tiles from number
  /// `first` on, `stride` tiles for each point.
  void (*winograd_input)(const Winograd& w, const float* x, Range tiles, Range blocks, std::int64_t first,
                         std::int64_t stride, float* v);
  /// m of `count` tiles for a range of points and groups of two blocks; u is [point][group][in][2 · lanes].
  void (*winograd_multiply)(const Winograd& w, const float* v, const float* u, float* m, std::int64_t count,
                            Range points, Range groups);
  void (*winograd_output)(const Winograd& w, const float* m, const float* bias, Range tiles, Range blocks,
                          std::int64_t first, std::int64_t stride, float* y);
};

/// Of isa().
const VectorKernels& vector_kernels() noexcept;

extern const VectorKernels plain_kernels, avx2_kernels, avx512_kernels;

}  // namespace flambeau::plan
