#include <algorithm>
#include <utility>

#include "plan/array.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/narrow.h"
#include "plan/kernels/pieces.h"
#include "plan/kernels/tiles.h"
#include "plan/kernels/vector.h"

namespace flambeau::plan {
namespace {

/// y = x Wᵀ + b for many rows; each of x, y and the summand of an add lies as float or as bfloat16.
class TileProductKernel final : public Kernel {
 public:
  struct Parts {
    TileProduct p;
    std::int64_t rows;
    std::vector<Post> post;
    bool narrow_x, narrow_y, narrow_z;
    Tensor panels, bias;
    Pieces pieces;

    std::int64_t tile_rows() const { return (rows + TileProduct::rows - 1) / TileProduct::rows; }
    /// Tiles that can be read where they lie.
    std::int64_t tiles_in_place() const {
      return narrow_x && p.in % TileProduct::depth == 0 ? rows / TileProduct::rows : 0;
    }
    std::size_t scratch_bytes() const {
      return static_cast<std::size_t>((tile_rows() - tiles_in_place()) * p.tile_row()) * sizeof(std::uint16_t);
    }
  };
  explicit TileProductKernel(Parts parts) : parts_(std::move(parts)) {}

  void run(const Run& run) const override {
    const TileProduct& p = parts_.p;
    const std::int64_t in_place = parts_.tiles_in_place();
    auto* const packed = reinterpret_cast<std::uint16_t*>(run.scratch);
    parallel_for(parts_.tile_rows() - in_place, 2, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) pack(run, in_place + i, packed + i * p.tile_row());
    });
    parallel_slots(parts_.pieces.count(), [&](std::int64_t, std::int64_t i) {
      const Range rows = parts_.pieces.rows(i), panels = parts_.pieces.groups(i);
      if (rows.size() == 0) return;
      alignas(64) float sums[TileProduct::block * TileProduct::block];
      // The next panel arrives while this one is multiplied by all rows.
      const std::int64_t blocks = (rows.size() + TileProduct::block - 1) / TileProduct::block;
      const std::int64_t lines = (TileProduct::block + blocks - 1) / blocks;
      begin_tiles();
      for (std::int64_t panel = panels.first; panel < panels.last; ++panel)
        for (std::int64_t row = rows.first; row < rows.last; row += TileProduct::block) {
          const std::int64_t tile = row / TileProduct::rows;
          const TileRows upper = tile_rows(run, packed, tile);
          const bool two = row + TileProduct::rows < rows.last;
          const TileRows lower = two ? tile_rows(run, packed, tile + 1) : upper;
          const std::uint16_t* const weights = elements<std::uint16_t>(parts_.panels) + panel * p.panel();
          const std::int64_t done = (row - rows.first) / TileProduct::block;
          multiply_tiles(p, upper, two ? &lower : nullptr, weights, floats(parts_.bias) + panel * TileProduct::block,
                         {weights + p.panel() + done * p.steps() * lines * 32, lines}, sums);
          finish(run, {row, std::min(row + TileProduct::block, rows.last)}, panel * TileProduct::block, sums);
        }
      end_tiles();
    });
  }

  std::string name() const override { return "bfloat16 product, AMX tiles"; }
  std::uint64_t packed_bytes() const override { return parts_.panels.nbytes() + parts_.bias.nbytes(); }

 private:
  void pack(const Run& run, std::int64_t tile, std::uint16_t* to) const {
    const std::int64_t first = tile * TileProduct::rows, count = std::min(parts_.rows - first, TileProduct::rows);
    const std::int64_t at = first * parts_.p.in;
    if (parts_.narrow_x)
      pack_tile_row(parts_.p, reinterpret_cast<const std::uint16_t*>(run.inputs[0]) + at, parts_.p.in, count, to);
    else
      pack_tile_row(parts_.p, reinterpret_cast<const float*>(run.inputs[0]) + at, parts_.p.in, count, to);
  }

  TileRows tile_rows(const Run& run, const std::uint16_t* packed, std::int64_t tile) const {
    constexpr std::int64_t rows = TileProduct::rows, depth = TileProduct::depth;
    const std::int64_t in_place = parts_.tiles_in_place(), in = parts_.p.in;
    if (tile < in_place) return {reinterpret_cast<const std::uint16_t*>(run.inputs[0]) + tile * rows * in, in, depth};
    return {packed + (tile - in_place) * parts_.p.tile_row(), depth, rows * depth};
  }

  void finish(const Run& run, Range rows, std::int64_t first, float* sums) const {
    const std::int64_t width = parts_.p.out, columns = std::min(width - first, TileProduct::block);
    const std::int64_t at = rows.first * width + first;
    for (const Post& post : parts_.post) {
      if (post.kind == Post::Kind::activation)
        vector_kernels().activate(post.activation, sums, sums, rows.size() * TileProduct::block);
      else if (parts_.narrow_z)
        add_to_sums(reinterpret_cast<const std::uint16_t*>(run.inputs[1]) + at, rows.size(), columns, width, sums);
      else
        add_to_sums(reinterpret_cast<const float*>(run.inputs[1]) + at, rows.size(), columns, width, sums);
    }
    if (parts_.narrow_y)
      store_sums(sums, rows.size(), columns, width, reinterpret_cast<std::uint16_t*>(run.output) + at);
    else
      store_sums(sums, rows.size(), columns, width, reinterpret_cast<float*>(run.output) + at);
  }

  Parts parts_;
};

Tensor packed(const TileProduct& p, const Value& weight, WeightPool& pool) {
  return pool.make<std::uint16_t>({p.panels() * p.panel()}, DType::bfloat16, [p, weight](std::uint16_t* to) {
    const Tensor dense = as_float(weight);
    parallel_for(p.panels(), 1, [&](std::int64_t begin, std::int64_t end) {
      pack_tile_panels(p, floats(dense), p.in, {begin, end}, to);
    });
  });
}

}  // namespace

std::optional<Choice> tile_product_implementation(const Request& request) {
  if (request.options.precision != Precision::bf16 || request.options.effort != Effort::steady || !has_tiles())
    return std::nullopt;
  const Operation& operation = request.operation;
  const auto geometry = narrow_product(request.program, operation);
  if (!geometry || request.output().dtype != DType::float32 || product(request.output().shape) == 0)
    return std::nullopt;
  const Geometry& g = *geometry;
  const TileProduct p{g.in[1], g.out[1]};
  const auto as_it_lies = [&](ValueId id) {
    return Layout::plain(request.value(id).shape).as(request.is_bfloat16(id));
  };
  Choice choice;
  choice.uses = {{operation.inputs[0], as_it_lies(operation.inputs[0])}};
  choice.output = Layout::plain(request.output().shape).as(gives_bfloat16(request));
  bool narrow_z = false;
  for (const Post& post : operation.post)
    if (post.kind == Post::Kind::add) {
      choice.uses.push_back({post.operand, as_it_lies(post.operand)});
      narrow_z = request.is_bfloat16(post.operand);
    }
  WeightPool& pool = *request.program.packed;
  const bool biased = request.input_count() > 2;
  Tensor bias = pool.floats(p.panels() * TileProduct::block,
                            [p, given = biased ? as_float(request.input(2)) : Tensor()](float* to) {
                              if (given.defined()) std::copy_n(floats(given), p.out, to);
                            });
  TileProductKernel::Parts parts{p,
                                 g.rows(),
                                 operation.post,
                                 request.is_bfloat16(operation.inputs[0]),
                                 choice.output.bfloat16,
                                 narrow_z,
                                 packed(p, request.input(1), pool),
                                 std::move(bias),
                                 Pieces({.rows = g.rows(),
                                         .out = p.out,
                                         .groups = p.panels(),
                                         .row_bytes = p.tile_row() / TileProduct::rows * 2,
                                         .share = 0.625,
                                         .panel = TileProduct::block,
                                         .fewest = 2 * TileProduct::block},
                                        request.options.threads)};
  choice.scratch_bytes = parts.scratch_bytes();
  choice.kernel = std::make_unique<TileProductKernel>(std::move(parts));
  return choice;
}

}  // namespace flambeau::plan
