#include "plan/kernels/depthwise.h"

#include "plan/kernels/intrinsics.h"
#include "tensor/half.h"

#if defined(__x86_64__)
#define FLAMBEAU_BFLOAT16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#endif

namespace flambeau::plan {
namespace {

constexpr std::int64_t lanes = Depthwise::block / 2;

/// Channel of a block's lane: the instructions that interleave do so within each quarter of a vector.
constexpr std::int64_t channel_of(std::int64_t half, std::int64_t lane) { return lane / 4 * 8 + half * 4 + lane % 4; }

/// f(block, half, lane, channel) for every lane that has a channel.
template <class F>
void each_lane(const Depthwise& d, const F& f) {
  for (std::int64_t block = 0; block < d.blocks(); ++block)
    for (std::int64_t half = 0; half < 2; ++half)
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        const std::int64_t channel = block * Depthwise::block + channel_of(half, lane);
        if (channel < d.channels) f(block, half, lane, channel);
      }
}

}  // namespace

void pack_depthwise(const Depthwise& d, const float* weights, std::uint16_t* packed) {
  each_lane(d, [&](std::int64_t block, std::int64_t half, std::int64_t lane, std::int64_t channel) {
    const float* const w = weights + channel * d.kernel * d.kernel;
    for (std::int64_t i = 0; i < 2 * d.pairs(); ++i)  // rows of the image
      for (std::int64_t row = 0; row < d.rows(); ++row)
        for (std::int64_t column = 0; column < d.kernel; ++column) {
          const std::int64_t from = i - row;  // the second row of the output begins one row further down
          if (from < 0 || from >= d.kernel) continue;
          const std::int64_t at = ((i / 2 * d.kernel + column) * d.rows() + row) * 2 + half;
          tensor::float_to_bfloat16(
              reinterpret_cast<const std::byte*>(w + from * d.kernel + column),
              reinterpret_cast<std::byte*>(packed + block * d.packed() + (at * lanes + lane) * 2 + i % 2), 1);
        }
  });
}

void pack_depthwise_bias(const Depthwise& d, const float* bias, float* packed) {
  each_lane(d, [&](std::int64_t block, std::int64_t half, std::int64_t lane, std::int64_t channel) {
    packed[(block * 2 + half) * lanes + lane] = bias[channel];
  });
}

#if defined(FLAMBEAU_BFLOAT16)
namespace {

/// Two rows of the image, from the block's first channel on, as pairs: [padded column][half][16 channels][2]. A null
/// row is zero.
FLAMBEAU_BFLOAT16 void interleave(const Depthwise& d, const std::uint16_t* upper, const std::uint16_t* lower,
                                  __mmask32 channels, std::uint16_t* to) {
  const __m512i nothing = _mm512_setzero_si512();
  const auto put = [&to](__m512i a, __m512i b) FLAMBEAU_BFLOAT16 {
    _mm512_storeu_si512(to, _mm512_unpacklo_epi16(a, b));
    _mm512_storeu_si512(to + Depthwise::block, _mm512_unpackhi_epi16(a, b));
    to += 2 * Depthwise::block;
  };
  for (std::int64_t i = 0; i < d.padding; ++i) put(nothing, nothing);
  for (std::int64_t i = 0; i < d.width; ++i)
    put(upper ? _mm512_maskz_loadu_epi16(channels, upper + i * d.channels) : nothing,
        lower ? _mm512_maskz_loadu_epi16(channels, lower + i * d.channels) : nothing);
  for (std::int64_t i = 0; i < d.padding; ++i) put(nothing, nothing);
}

/// Where the words and floats of both halves lie in the order of channels.
struct Order {
  alignas(64) std::uint16_t words[2 * lanes];
  alignas(64) std::uint32_t floats[2][lanes];
};
constexpr Order order = [] {
  Order result{};
  for (std::int64_t half = 0; half < 2; ++half)
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const std::int64_t channel = channel_of(half, lane);
      result.words[channel] = static_cast<std::uint16_t>(half * lanes + lane);
      result.floats[channel / lanes][channel % lanes] = static_cast<std::uint32_t>(half * lanes + lane);
    }
  return result;
}();

FLAMBEAU_BFLOAT16 inline void store(std::uint16_t* y, __mmask32 channels, __m512 first, __m512 second) {
  const auto words = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
  _mm512_mask_storeu_epi16(y, channels, _mm512_permutexvar_epi16(_mm512_load_si512(order.words), words));
}
FLAMBEAU_BFLOAT16 inline void store(float* y, __mmask32 channels, __m512 first, __m512 second) {
  for (int i = 0; i < 2; ++i)
    _mm512_mask_storeu_ps(y + i * lanes, static_cast<__mmask16>(channels >> (i * lanes)),
                          _mm512_permutex2var_ps(first, _mm512_load_si512(order.floats[i]), second));
}

/// What the tiles of one step have in common.
template <class Y>
struct Step {
  const std::uint16_t *pairs[4], *weights;
  std::int64_t count, kernel;  ///< of pairs; columns of the kernel
  const float* bias;
  Bounds bounds;
  __mmask32 channels;
  std::int64_t y_column;  ///< numbers from column to column
  Y* y[2];                ///< rows; null beyond the output's last one
};

FLAMBEAU_BFLOAT16 inline __m512bh pairs_at(const std::uint16_t* p) {
  return reinterpret_cast<__m512bh>(_mm512_loadu_si512(p));
}

/// `columns` columns of a step, from column `first` on.
template <int stride, int columns, class Y>
FLAMBEAU_BFLOAT16 inline void tile(const Step<Y>& step, std::int64_t first) {
  constexpr int rows = stride == 1 ? 2 : 1;
  __m512 sums[rows][columns][2];
  for (int half = 0; half < 2; ++half) {
    const __m512 bias = _mm512_loadu_ps(step.bias + half * lanes);
#pragma GCC unroll 16
    for (int i = 0; i < rows * columns; ++i) sums[i / columns][i % columns][half] = bias;
  }
  const std::uint16_t* w = step.weights;
  for (std::int64_t pair = 0; pair < step.count; ++pair) {
    const std::uint16_t* x = step.pairs[pair] + first * stride * 2 * Depthwise::block;
    for (std::int64_t k = 0; k < step.kernel; ++k, x += 2 * Depthwise::block, w += rows * 2 * Depthwise::block) {
#pragma GCC unroll 16
      for (int c = 0; c < columns; ++c)
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half) {
          const __m512bh from = pairs_at(x + (c * stride * 2 + half) * Depthwise::block);
#pragma GCC unroll 2
          for (int row = 0; row < rows; ++row)
            sums[row][c][half] =
                _mm512_dpbf16_ps(sums[row][c][half], from, pairs_at(w + (row * 2 + half) * Depthwise::block));
        }
    }
  }
  const __m512 low = _mm512_set1_ps(step.bounds.low), high = _mm512_set1_ps(step.bounds.high);
#pragma GCC unroll 2
  for (int row = 0; row < rows; ++row) {
    if (!step.y[row]) continue;
#pragma GCC unroll 16
    for (int c = 0; c < columns; ++c) {
      for (__m512& sum : sums[row][c]) sum = _mm512_min_ps(high, _mm512_max_ps(low, sum));  // NaN stays
      store(step.y[row] + (first + c) * step.y_column, step.channels, sums[row][c][0], sums[row][c][1]);
    }
  }
}

template <int stride, class Y>
FLAMBEAU_BFLOAT16 void across(const Step<Y>& step, std::int64_t width) {
  std::int64_t first = 0;
  for (; first + 4 <= width; first += 4) tile<stride, 4>(step, first);
  switch (width - first) {
    case 3:
      return tile<stride, 3>(step, first);
    case 2:
      return tile<stride, 2>(step, first);
    case 1:
      return tile<stride, 1>(step, first);
    default:
      return;
  }
}

}  // namespace

template <class Y>
void convolve_depthwise(const Depthwise& d, const std::uint16_t* x, std::int64_t channels, const std::uint16_t* packed,
                        const float* bias, const Bounds& bounds, Range steps, std::uint16_t* ring, Y* y) {
  const auto mask = static_cast<__mmask32>((std::uint64_t{1} << channels) - 1);
  const auto row = [&](std::int64_t index) {
    return index >= 0 && index < d.height ? x + index * d.width * d.channels : nullptr;
  };
  const auto place = [&](std::int64_t pair) { return ring + pair % d.pairs() * d.pair_row(); };
  std::int64_t made = steps.first;  // pairs before it
  for (std::int64_t step = steps.first; step < steps.last; ++step) {
    for (; made < step + d.pairs(); ++made)
      interleave(d, row(2 * made - d.padding), row(2 * made + 1 - d.padding), mask, place(made));
    Step<Y> now{{}, packed, d.pairs(), d.kernel, bias, bounds, mask, d.channels, {}};
    for (std::int64_t i = 0; i < d.pairs(); ++i) now.pairs[i] = place(step + i);
    for (std::int64_t i = 0; i < d.rows(); ++i) {
      const std::int64_t index = step * d.rows() + i;
      now.y[i] = index < d.out_height ? y + index * d.out_width * d.channels : nullptr;
    }
    d.stride == 1 ? across<1>(now, d.out_width) : across<2>(now, d.out_width);
  }
}
#else
template <class Y>
void convolve_depthwise(const Depthwise&, const std::uint16_t*, std::int64_t, const std::uint16_t*, const float*,
                        const Bounds&, Range, std::uint16_t*, Y*) {}
#endif

template void convolve_depthwise(const Depthwise&, const std::uint16_t*, std::int64_t, const std::uint16_t*,
                                 const float*, const Bounds&, Range, std::uint16_t*, float*);
template void convolve_depthwise(const Depthwise&, const std::uint16_t*, std::int64_t, const std::uint16_t*,
                                 const float*, const Bounds&, Range, std::uint16_t*, std::uint16_t*);

}  // namespace flambeau::plan
