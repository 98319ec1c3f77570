#pragma once
// Depthwise convolutions of images that lie as bfloat16, channels last: for processors with AVX512_BF16
// (has_bfloat16()). Two neighbouring rows of the image are interleaved once, as pairs of numbers; each instruction then
// multiplies a pair by two weights of a column. With stride 1 two rows of the output share the pairs.

#include <cstdint>

#include "plan/kernels/product.h"

namespace flambeau::plan {

struct Depthwise {
  static constexpr std::int64_t block = 32;  ///< channels at a time

  std::int64_t channels, height, width;  ///< of an image
  std::int64_t out_height, out_width;
  std::int64_t kernel, stride, padding;  ///< 3, 5 or 7; 1 or 2; of both dimensions

  std::int64_t blocks() const noexcept { return (channels + block - 1) / block; }
  /// Rows of the output that are computed at a time, and how many such steps there are.
  std::int64_t rows() const noexcept { return stride == 1 ? 2 : 1; }
  std::int64_t steps() const noexcept { return (out_height + rows() - 1) / rows(); }
  /// Pairs of rows of the image that a step reads; the next step begins one pair further.
  std::int64_t pairs() const noexcept { return (kernel + 1) / 2; }
  /// Numbers of a pair of padded rows of one block, and of a block's packed weights.
  std::int64_t pair_row() const noexcept { return (width + 2 * padding) * 2 * block; }
  std::int64_t packed() const noexcept { return pairs() * kernel * rows() * 2 * block; }
};

/// Weights [channel][kernel][kernel] as [block][pair of rows][column][row of the output][half][16 channels][2],
/// rounded; what is missing stays zero. A half has the channels that interleaving puts beside each other.
void pack_depthwise(const Depthwise& d, const float* weights, std::uint16_t* packed);
/// A number for each channel in the order of the halves: [block][half][16 channels].
void pack_depthwise_bias(const Depthwise& d, const float* bias, float* packed);

/// Results below `low` or above `high` are set to them.
struct Bounds {
  float low, high;
};

/// The output's steps of one image and block, which has that many channels; x, packed, bias and y begin with the first
/// of them. `ring` has pairs() · pair_row() numbers of the calling thread. Y is float or std::uint16_t.
template <class Y>
void convolve_depthwise(const Depthwise& d, const std::uint16_t* x, std::int64_t channels, const std::uint16_t* packed,
                        const float* bias, const Bounds& bounds, Range steps, std::uint16_t* ring, Y* y);

}  // namespace flambeau::plan
