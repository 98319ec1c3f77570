// The compiler's own header leaves lanes undefined on purpose.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include "plan/kernels/tiles.h"

#include <algorithm>
#include <vector>

#include "plan/kernels/vector.h"
#include "tensor/half.h"

#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>
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

void pack_tile_row(const TileProduct& p, const std::uint16_t* x, std::int64_t count, std::uint16_t* tiles) {
  each_piece(p, count, tiles, [&](std::int64_t row, std::uint16_t* to, std::int64_t first, std::int64_t have) {
    std::copy_n(x + row * p.in + first, have, to);
    std::fill(to + have, to + TileProduct::depth, std::uint16_t{0});
  });
}

void pack_tile_panels(const TileProduct& p, const float* w, Range panels, std::uint16_t* packed) {
  constexpr std::int64_t lanes = TileProduct::rows, pairs = TileProduct::depth / 2;
  const std::int64_t row = p.steps() * pairs;                      // pairs of inputs
  std::vector<float> half(static_cast<std::size_t>(lanes * row));  // rows of pairs, two bfloat16 in each float
  for (std::int64_t first = panels.first * TileProduct::block;
       first < std::min(p.out, panels.last * TileProduct::block); first += lanes) {
    const std::int64_t rows = std::min(lanes, p.out - first);
    for (std::int64_t i = 0; i < rows; ++i)
      tensor::float_to_bfloat16(reinterpret_cast<const std::byte*>(w + (first + i) * p.in),
                                reinterpret_cast<std::byte*>(half.data() + i * row), static_cast<std::uint64_t>(p.in));
    const std::int64_t panel = first / TileProduct::block, side = first / lanes % 2;
    auto* const to = reinterpret_cast<float*>(packed + panel * p.panel()) + side * lanes * pairs;
    vector_kernels().turn({.rows = rows,
                           .count = row,
                           .stride = row,
                           .inner = pairs,
                           .outer_step = 2 * lanes * pairs,
                           .inner_step = lanes},
                          half.data(), to);
  }
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
FLAMBEAU_TILES void store_block(const float* sums, std::int64_t rows, std::int64_t columns, std::int64_t width, T* y) {
  const auto lanes = static_cast<std::uint32_t>((std::uint64_t{1} << columns) - 1);
  const auto low = static_cast<__mmask16>(lanes), high = static_cast<__mmask16>(lanes >> 16);
  for (std::int64_t row = 0; row < rows; ++row, sums += TileProduct::block, y += width) {
    store(y, low, _mm512_loadu_ps(sums));
    if (high) store(y + 16, high, _mm512_loadu_ps(sums + 16));
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

// The instructions name their tiles: 0 to 3 are sums, 4 and 5 are x, 6 and 7 are w.
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
    _tile_loadd(4, a, row);
    _tile_loadd(6, panel, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, panel + tile, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, b, row_below);
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
    _tile_loadd(4, a, static_cast<std::size_t>(rows.row) * 2);
    _tile_loadd(6, panel, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, panel + tile, 64);
    _tile_dpbf16ps(1, 4, 7);
  }
  _tile_stored(0, sums, across);
  _tile_stored(1, sums + 16, across);
}

}  // namespace

void pack_tile_row(const TileProduct& p, const float* x, std::int64_t count, std::uint16_t* tiles) {
  each_piece(p, count, tiles, [&](std::int64_t row, std::uint16_t* to, std::int64_t first, std::int64_t have) {
    narrow(x + row * p.in + first, have, to);
  });
}

void add_to_sums(const float* z, std::int64_t rows, std::int64_t columns, std::int64_t width, float* sums) {
  add_block(z, rows, columns, width, sums);
}
void add_to_sums(const std::uint16_t* z, std::int64_t rows, std::int64_t columns, std::int64_t width, float* sums) {
  add_block(z, rows, columns, width, sums);
}
void store_sums(const float* sums, std::int64_t rows, std::int64_t columns, std::int64_t width, float* y) {
  store_block(sums, rows, columns, width, y);
}
void store_sums(const float* sums, std::int64_t rows, std::int64_t columns, std::int64_t width, std::uint16_t* y) {
  store_block(sums, rows, columns, width, y);
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
void pack_tile_row(const TileProduct&, const float*, std::int64_t, std::uint16_t*) {}
void add_to_sums(const float*, std::int64_t, std::int64_t, std::int64_t, float*) {}
void add_to_sums(const std::uint16_t*, std::int64_t, std::int64_t, std::int64_t, float*) {}
void store_sums(const float*, std::int64_t, std::int64_t, std::int64_t, float*) {}
void store_sums(const float*, std::int64_t, std::int64_t, std::int64_t, std::uint16_t*) {}
void begin_tiles() noexcept {}
void end_tiles() noexcept {}
void multiply_tiles(const TileProduct&, const TileRows&, const TileRows*, const std::uint16_t*, const float*,
                    const Ahead&, float*) {}
#endif

}  // namespace flambeau::plan
