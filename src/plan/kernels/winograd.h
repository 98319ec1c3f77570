#pragma once
// 3×3 convolutions of stride 1 by Winograd's F(4×4, 3×3): an output tile of 4×4 from an input tile of 6×6 takes 36
// multiplications per pair of channels instead of 144. In three stages that routines of VectorKernels do for parts of
// the work:
//   v[ξ][tile][in]  = the input tiles, transformed           (36 values ξ per tile and channel)
//   m[ξ][tile][out] = v[ξ] · u[ξ], 36 matrix products        (u: the transformed weights)
//   y               = m transformed back, plus bias, residual and activation
// Activations lie in blocks of `lanes` channels (Layout::blocked).

#include <cstdint>

namespace flambeau::plan {

struct Winograd {
  static constexpr int points = 36, tile = 4, window = 6;
  enum class Activation : std::uint8_t { none, relu, relu6, silu, hardswish };

  std::int64_t batch, in, out;  ///< channels
  std::int64_t height, width, out_height, out_width, pad_top, pad_left;
  std::int64_t tiles_y, tiles_x;
  std::int64_t lanes;  ///< channels of a block: the vector's width
  Activation activation = Activation::none;
  bool accumulate = false;  ///< y already holds a summand

  std::int64_t in_blocks() const noexcept { return (in + lanes - 1) / lanes; }
  std::int64_t out_blocks() const noexcept { return (out + lanes - 1) / lanes; }
  /// Products make two vectors of output channels at once.
  std::int64_t out_groups() const noexcept { return (out_blocks() + 1) / 2; }
  std::int64_t in_stride() const noexcept { return in_blocks() * lanes; }
  std::int64_t out_stride() const noexcept { return out_groups() * 2 * lanes; }
  std::int64_t tiles() const noexcept { return batch * tiles_y * tiles_x; }
};

}  // namespace flambeau::plan
