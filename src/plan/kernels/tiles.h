#pragma once
// Products of bfloat16 numbers on AMX tiles: y = x · wᵀ + bias with float sums. A tile has 16 rows of 64 bytes; two of
// x times two of w fill the eight that there are.

#include <cstdint>

#include "plan/kernels/product.h"

namespace flambeau::plan {

/// True if this processor has the tiles, oneDNN's limits allow them and the system lets us use them.
bool has_tiles() noexcept;

struct TileProduct {
  static constexpr std::int64_t rows = 16, depth = 32;  ///< of a tile of x: rows, inputs
  static constexpr std::int64_t block = 2 * rows;       ///< rows and outputs that are computed at a time

  std::int64_t in, out;

  std::int64_t steps() const noexcept { return (in + depth - 1) / depth; }
  std::int64_t panels() const noexcept { return (out + block - 1) / block; }
  /// Numbers of 16 packed rows of x, and of a packed panel of 32 outputs.
  std::int64_t tile_row() const noexcept { return rows * depth * steps(); }
  std::int64_t panel() const noexcept { return block * depth * steps(); }
};

/// 16 rows of x, or fewer, as tiles: [step][row][32 inputs]; what is missing is zero. `stride` numbers from row to row.
void pack_tile_row(const TileProduct& p, const float* x, std::int64_t stride, std::int64_t count, std::uint16_t* tiles);
void pack_tile_row(const TileProduct& p, const std::uint16_t* x, std::int64_t stride, std::int64_t count,
                   std::uint16_t* tiles);

/// Panels of w: [panel][step][half][pair of inputs][16 outputs][2]; what is missing is zero. w has an output in each
/// row, or an input in each.
void pack_tile_panels(const TileProduct& p, const float* w, std::int64_t stride, Range panels, std::uint16_t* packed);
void pack_turned_tile_panels(const TileProduct& p, const float* w, std::int64_t stride, Range panels,
                             std::uint16_t* packed);

/// Where 16 rows of x lie as tiles: packed, or bfloat16 rows as they are.
struct TileRows {
  const std::uint16_t* first;
  std::int64_t row, step;  ///< numbers from row to row, from step to step
};

/// What to fetch meanwhile: so many cache lines in each step. The processor does not foresee what tiles will read.
struct Ahead {
  const std::uint16_t* from;
  std::int64_t lines;
};

/// sums[i · 32 + o] for the rows of `upper`, and of `lower` if it is given, times a packed panel; they begin with
/// `bias` (32 floats). Between begin_tiles() and end_tiles() on the same thread.
void multiply_tiles(const TileProduct& p, const TileRows& upper, const TileRows* lower, const std::uint16_t* panel,
                    const float* bias, const Ahead& ahead, float* sums);
void begin_tiles() noexcept;
void end_tiles() noexcept;

/// rows × columns of such sums, added to or stored (times a factor): in y and z rows are `width` numbers apart.
void add_to_sums(const float* z, std::int64_t rows, std::int64_t columns, std::int64_t width, float* sums);
void add_to_sums(const std::uint16_t* z, std::int64_t rows, std::int64_t columns, std::int64_t width, float* sums);
void store_sums(const float* sums, std::int64_t rows, std::int64_t columns, std::int64_t width, float* y,
                float factor = 1);
void store_sums(const float* sums, std::int64_t rows, std::int64_t columns, std::int64_t width, std::uint16_t* y,
                float factor = 1);

}  // namespace flambeau::plan
