#include "plan/kernels/tiles.h"

#include <algorithm>

#include "plan/kernels/intrinsics.h"
#include "plan/kernels/vector.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#define FLAMBEAU_TILES __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512bf16")))
#endif

namespace flambeau::plan {
namespace {

/// f(row, its place among the tiles, first input, how many) for every row of every step.
template <class F>
void each_piece(const TileProduct& p, std::int64_t count, std::uint16_t* tiles, const F& f) {
  for (std::int64_t step = 0; step < p.steps(); ++step)
    for (std::int64_t row = 0; row < TileProduct::rows; ++row, tiles += TileProduct::depth) {
      const std::int64_t first = step * TileProduct::depth;
      f(row, tiles, first, row < count ? std::min(p.in - first, TileProduct::depth) : 0);
    }
}

}  // namespace

void pack_tile_row(const TileProduct& p, const std::uint16_t* x, std::int64_t stride, std::int64_t count,
                   std::uint16_t* tiles) {
  each_piece(p, count, tiles, [&](std::int64_t row, std::uint16_t* to, std::int64_t first, std::int64_t have) {
    std::copy_n(x + row * stride + first, have, to);
    std::fill(to + have, to + TileProduct::depth, std::uint16_t{0});
  });
}

#if defined(FLAMBEAU_TILES)
namespace {

/// 32 inputs of a row as bfloat16, zero from `have` on.
FLAMBEAU_TILES inline void narrow(const float* x, std::int64_t have, std::uint16_t* to) {
  const auto mask = static_cast<std::uint32_t>((std::uint64_t{1} << have) - 1);
  const __m512 low = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), x);
  const __m512 high = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask >> 16), x + 16);
  _mm512_storeu_si512(to, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)));
}

/// Up to 16 numbers, each in the low half of a lane.
FLAMBEAU_TILES inline __m512i low_halves(const float* p, std::int64_t count) {
  const __m512 v = _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), p);
  return _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)));
}
/// Up to 16 numbers of two rows, as pairs.
FLAMBEAU_TILES inline void interleave(const float* even, std::int64_t evens, const float* odd, std::int64_t odds,
                                      std::uint16_t* to) {
  _mm512_storeu_si512(to, _mm512_or_si512(low_halves(even, evens), _mm512_slli_epi32(low_halves(odd, odds), 16)));
}

FLAMBEAU_TILES inline __m512 load(const float* p, __mmask16 lanes) { return _mm512_maskz_loadu_ps(lanes, p); }
FLAMBEAU_TILES inline __m512 load(const std::uint16_t* p, __mmask16 lanes) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, p)), 16));
}
FLAMBEAU_TILES inline void store(float* p, __mmask16 lanes, __m512 v) { _mm512_mask_storeu_ps(p, lanes, v); }
FLAMBEAU_TILES inline void store(std::uint16_t* p, __mmask16 lanes, __m512 v) {
  _mm256_mask_storeu_epi16(p, lanes, reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)));
}

template <class T>
FLAMBEAU_TILES void add_block(const T* z, std::int64_t rows, std::int64_t columns, std::int64_t width, float* sums) {
  const auto lanes = static_cast<std::uint32_t>((std::uint64_t{1} << columns) - 1);
  const auto low = static_cast<__mmask16>(lanes), high = static_cast<__mmask16>(lanes >> 16);
  for (std::int64_t row = 0; row < rows; ++row, sums += TileProduct::block, z += width) {
    _mm512_storeu_ps(sums, _mm512_add_ps(_mm512_loadu_ps(sums), load(z, low)));
    if (high) _mm512_storeu_ps(sums + 16, _mm512_add_ps(_mm512_loadu_ps(sums + 16), load(z + 16, high)));
  }
}

template <class T>
FLAMBEAU_TILES void store_block(const float* sums, std::int64_t rows, std::int64_t columns, std::int64_t width, T* y,
                                float factor) {
  const auto lanes = static_cast<std::uint32_t>((std::uint64_t{1} << columns) - 1);
  const auto low = static_cast<__mmask16>(lanes), high = static_cast<__mmask16>(lanes >> 16);
  const __m512 by = _mm512_set1_ps(factor);
  for (std::int64_t row = 0; row < rows; ++row, sums += TileProduct::block, y += width) {
    store(y, low, _mm512_mul_ps(_mm512_loadu_ps(sums), by));
    if (high) store(y + 16, high, _mm512_mul_ps(_mm512_loadu_ps(sums + 16), by));
  }
}

/// Eight tiles of 16 rows of 64 bytes.
struct alignas(64) Configuration {
  std::uint8_t palette = 1, start = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
// In memory for good: the compiler does not see that the instruction reads all of it.
constexpr Configuration configuration;

inline const std::uint16_t* fetch(const std::uint16_t* from, std::int64_t lines) {
  for (; lines > 0; --lines, from += 32) __builtin_prefetch(from, 0, 2);
  return from;
}

// The instructions name their tiles: 0 to 3 are sums, 4 and 5 are x, 6 and 7 are w. x comes past the first-level cache
// (stream), which then keeps the panel.
FLAMBEAU_TILES void multiply_two(const TileProduct& p, const TileRows& upper, const TileRows& lower,
                                 const std::uint16_t* panel, const float* bias, const Ahead& ahead, float* sums) {
  constexpr std::int64_t tile = TileProduct::rows * TileProduct::depth, across = TileProduct::block * sizeof(float);
  const auto row = static_cast<std::size_t>(upper.row) * 2, row_below = static_cast<std::size_t>(lower.row) * 2;
  _tile_loadd(0, bias, 0);
  _tile_loadd(1, bias + 16, 0);
  _tile_loadd(2, bias, 0);
  _tile_loadd(3, bias + 16, 0);
  const std::uint16_t *a = upper.first, *b = lower.first, *next = ahead.from;
  for (std::int64_t step = 0; step < p.steps(); ++step, a += upper.step, b += lower.step, panel += 2 * tile) {
    next = fetch(next, ahead.lines);
    _tile_stream_loadd(4, a, row);
    _tile_loadd(6, panel, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, panel + tile, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_stream_loadd(5, b, row_below);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, sums, across);
  _tile_stored(1, sums + 16, across);
  _tile_stored(2, sums + 16 * TileProduct::block, across);
  _tile_stored(3, sums + 16 * TileProduct::block + 16, across);
}

FLAMBEAU_TILES void multiply_one(const TileProduct& p, const TileRows& rows, const std::uint16_t* panel,
                                 const float* bias, const Ahead& ahead, float* sums) {
  constexpr std::int64_t tile = TileProduct::rows * TileProduct::depth, across = TileProduct::block * sizeof(float);
  _tile_loadd(0, bias, 0);
  _tile_loadd(1, bias + 16, 0);
  const std::uint16_t *a = rows.first, *next = ahead.from;
  for (std::int64_t step = 0; step < p.steps(); ++step, a += rows.step, panel += 2 * tile) {
    next = fetch(next, ahead.lines);
    _tile_stream_loadd(4, a, static_cast<std::size_t>(rows.row) * 2);
    _tile_loadd(6, panel, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, panel + tile, 64);
    _tile_dpbf16ps(1, 4, 7);
  }
  _tile_stored(0, sums, across);
  _tile_stored(1, sums + 16, across);
}

}  // namespace

void pack_tile_row(const TileProduct& p, const float* x, std::int64_t stride, std::int64_t count,
                   std::uint16_t* tiles) {
  each_piece(p, count, tiles, [&](std::int64_t row, std::uint16_t* to, std::int64_t first, std::int64_t have) {
    narrow(x + row * stride + first, have, to);
  });
}

void pack_tile_panels(const TileProduct& p, const float* w, std::int64_t stride, Range panels, std::uint16_t* packed) {
  constexpr std::int64_t rows = TileProduct::rows, depth = TileProduct::depth, pairs = depth / 2;
  for (std::int64_t first = panels.first * 2; first < panels.last * 2; ++first)  // halves
    for (std::int64_t step = 0; step < p.steps(); ++step) {
      // A pair of bfloat16 is as large as a float: 16 rows of 16 pairs are turned as if they were floats.
      alignas(64) float square[rows * pairs];
      const std::int64_t have = std::min(p.in - step * depth, depth);
      for (std::int64_t i = 0; i < rows; ++i)
        narrow(w + (first * rows + i) * stride + step * depth, first * rows + i < p.out ? have : 0,
               reinterpret_cast<std::uint16_t*>(square + i * pairs));
      std::uint16_t* const to = packed + first / 2 * p.panel() + (step * 2 + first % 2) * rows * depth;
      vector_kernels().turn({.rows = rows, .count = pairs, .stride = pairs, .outer_step = rows}, square,
                            reinterpret_cast<float*>(to));
    }
}

void pack_turned_tile_panels(const TileProduct& p, const float* w, std::int64_t stride, Range panels,
                             std::uint16_t* packed) {
  constexpr std::int64_t rows = TileProduct::rows, depth = TileProduct::depth;
  for (std::int64_t half = panels.first * 2; half < panels.last * 2; ++half)
    for (std::int64_t step = 0; step < p.steps(); ++step) {
      std::uint16_t* to = packed + half / 2 * p.panel() + (step * 2 + half % 2) * rows * depth;
      const std::int64_t outputs = std::clamp<std::int64_t>(p.out - half * rows, 0, rows);
      for (std::int64_t i = step * depth; i < (step + 1) * depth; i += 2, to += 2 * rows)
        interleave(w + i * stride + half * rows, i < p.in ? outputs : 0, w + (i + 1) * stride + half * rows,
                   i + 1 < p.in ? outputs : 0, to);
    }
}

void add_to_sums(const float* z, std::int64_t rows, std::int64_t columns, std::int64_t width, float* sums) {
  add_block(z, rows, columns, width, sums);
}
void add_to_sums(const std::uint16_t* z, std::int64_t rows, std::int64_t columns, std::int64_t width, float* sums) {
  add_block(z, rows, columns, width, sums);
}
void store_sums(const float* sums, std::int64_t rows, std::int64_t columns, std::int64_t width, float* y,
                float factor) {
  store_block(sums, rows, columns, width, y, factor);
}
void store_sums(const float* sums, std::int64_t rows, std::int64_t columns, std::int64_t width, std::uint16_t* y,
                float factor) {
  store_block(sums, rows, columns, width, y, factor);
}

bool has_tiles() noexcept {
  static const bool has = [] {
    constexpr long ask_for_state = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return may_use_tiles() && ::syscall(SYS_arch_prctl, ask_for_state, tile_data) == 0;
  }();
  return has;
}

FLAMBEAU_TILES void begin_tiles() noexcept { _tile_loadconfig(&configuration); }
FLAMBEAU_TILES void end_tiles() noexcept { _tile_release(); }

void multiply_tiles(const TileProduct& p, const TileRows& upper, const TileRows* lower, const std::uint16_t* panel,
                    const float* bias, const Ahead& ahead, float* sums) {
  if (lower)
    multiply_two(p, upper, *lower, panel, bias, ahead, sums);
  else
    multiply_one(p, upper, panel, bias, ahead, sums);
}
#else
bool has_tiles() noexcept { return false; }
void pack_tile_row(const TileProduct&, const float*, std::int64_t, std::int64_t, std::uint16_t*) {}
void pack_tile_panels(const TileProduct&, const float*, std::int64_t, Range, std::uint16_t*) {}
void pack_turned_tile_panels(const TileProduct&, const float*, std::int64_t, Range, std::uint16_t*) {}
void add_to_sums(const float*, std::int64_t, std::int64_t, std::int64_t, float*) {}
void add_to_sums(const std::uint16_t*, std::int64_t, std::int64_t, std::int64_t, float*) {}
void store_sums(const float*, std::int64_t, std::int64_t, std::int64_t, float*, float) {}
void store_sums(const float*, std::int64_t, std::int64_t, std::int64_t, std::uint16_t*, float) {}
void begin_tiles() noexcept {}
void end_tiles() noexcept {}
void multiply_tiles(const TileProduct&, const TileRows&, const TileRows*, const std::uint16_t*, const float*,
                    const Ahead&, float*) {}
#endif

}  // namespace flambeau::plan
