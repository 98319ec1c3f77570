#pragma once
// Matrix products y = x · wᵀ + bias with weights packed for them: panels u[group][in][outputs of a group],
// so that a step of the inner loop reads a few vectors of outputs side by side.

#include <cstdint>

namespace flambeau::plan {

/// Index ranges [first, last).
struct Range {
  std::int64_t first, last;
  std::int64_t size() const noexcept { return last - first; }
};

struct Product {
  std::int64_t in, out;             ///< floats of a row of x, of y
  std::int64_t group;               ///< outputs of a panel: VectorKernels::product_group
  std::int64_t x_stride, y_stride;  ///< floats from row to row

  static constexpr std::int64_t longest_pass = 256;  ///< inputs at a time, at most

  std::int64_t groups() const noexcept { return (out + group - 1) / group; }
};

/// Some rows of floats, of which the first of all, then the second of all … come to lie side by side. A row's float j
/// is number (j / inner, j % inner) of two dimensions, and goes to place (j / inner) · outer_step + (j % inner) ·
/// inner_step. With no factor but 1 bits are moved, whatever they mean.
struct Turn {
  std::int64_t rows = 0, count = 0;  ///< floats of a row
  std::int64_t filled = 0;           ///< rows of zeros follow up to so many in all, less than a vector of them
  std::int64_t stride = 0;           ///< from row to row
  std::int64_t inner = 1;
  std::int64_t outer_step = 0, inner_step = 0;
  float factor = 1;
  const float* factors = nullptr;  ///< of each row, if given
};

/// Outputs of a panel with the lanes that fill their last vector: multiplied as well, they must be numbers.
std::int64_t filled(std::int64_t outputs) noexcept;

/// u of w · factor, for w's element (output, input) at output · out_stride + input · in_stride. Lanes beyond p.out are
/// zero as far as a vector reaches.
void pack_panels(const Product& p, const float* w, std::int64_t out_stride, std::int64_t in_stride, float factor,
                 Range groups, float* u);

}  // namespace flambeau::plan
