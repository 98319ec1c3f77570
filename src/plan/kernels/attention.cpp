#include <algorithm>

#include "plan/array.h"
#include "plan/kernels/batch.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/tiles.h"
#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

/// Matrices of one head: rows of numbers, `stride` apart.
struct Rows {
  const float* first;
  std::int64_t stride;
};

/// The two products in float32.
struct FloatProducts {
  static constexpr std::int64_t block = 72;  // queries at a time: whole panels for every instruction set
  static constexpr const char* name = "fused attention";

  Product scores, sums;  // x is q, then the scores, whose rows are whole vectors
  std::int64_t keys;
  float scale;

  FloatProducts(std::int64_t depth, std::int64_t keys_, std::int64_t values, float factor, std::int64_t q_stride,
                std::int64_t out_stride)
      : keys(keys_), scale(factor) {
    const std::int64_t group = vector_kernels().product_group, row = filled(keys);
    scores = {depth, row, group, q_stride, row};
    sums = {keys, values, group, row, out_stride};
  }

  std::int64_t score_row() const { return scores.out; }
  std::int64_t key_floats() const { return scores.groups() * scores.group * scores.in; }
  std::int64_t scratch_floats() const { return key_floats() + sums.groups() * sums.group * sums.in; }

  void begin() const {}
  void end() const {}
  void pack(const Rows& k, const Rows& v, float* scratch) const {
    Product keys_only = scores;
    keys_only.out = keys;
    pack_panels(keys_only, k.first, k.stride, 1, scale, {0, scores.groups()}, scratch);
    pack_panels(sums, v.first, 1, v.stride, 1, {0, sums.groups()}, scratch + key_floats());
  }
  void score(const Rows& q, std::int64_t rows, float* scratch, float* weights) const {
    vector_kernels().product(scores, q.first, scratch, nullptr, {0, rows}, {0, scores.groups()}, weights);
  }
  void sum(const float* weights, std::int64_t rows, float* scratch, float* out) const {
    vector_kernels().product(sums, weights, scratch + key_floats(), nullptr, {0, rows}, {0, sums.groups()}, out);
  }
};

/// The two products in bfloat16 on AMX tiles.
struct BFloat16Products {
  static constexpr std::int64_t block = 2 * TileProduct::block;
  static constexpr const char* name = "fused attention, AMX tiles";

  TileProduct scores, sums;
  float scale;
  std::int64_t out_stride;

  BFloat16Products(std::int64_t depth, std::int64_t keys, std::int64_t values, float factor, std::int64_t,
                   std::int64_t out_stride_)
      : scores{depth, keys}, sums{keys, values}, scale(factor), out_stride(out_stride_) {}

  static std::int64_t floats_of(std::int64_t narrow) { return narrow / 2; }
  std::int64_t score_row() const { return scores.panels() * TileProduct::block; }
  std::int64_t key_floats() const { return floats_of(scores.panels() * scores.panel()); }
  std::int64_t value_floats() const { return floats_of(sums.panels() * sums.panel()); }
  std::int64_t scratch_floats() const {  // the last: a block of queries, then of weights
    const std::int64_t row = std::max(scores.tile_row(), sums.tile_row());
    return key_floats() + value_floats() + floats_of(block / TileProduct::rows * row);
  }

  void begin() const { begin_tiles(); }
  void end() const { end_tiles(); }
  void pack(const Rows& k, const Rows& v, float* scratch) const {
    pack_tile_panels(scores, k.first, k.stride, {0, scores.panels()}, narrow(scratch));
    pack_turned_tile_panels(sums, v.first, v.stride, {0, sums.panels()}, narrow(scratch + key_floats()));
  }
  void score(const Rows& q, std::int64_t rows, float* scratch, float* weights) const {
    multiply(scores, q, rows, scratch, scratch + key_floats() + value_floats(), scale, weights, score_row());
  }
  void sum(const float* weights, std::int64_t rows, float* scratch, float* out) const {
    multiply(sums, {weights, score_row()}, rows, scratch + key_floats(), scratch + key_floats() + value_floats(), 1,
             out, out_stride);
  }

 private:
  static std::uint16_t* narrow(float* floats) { return reinterpret_cast<std::uint16_t*>(floats); }

  static void multiply(const TileProduct& p, const Rows& x, std::int64_t rows, float* panels, float* tiles,
                       float factor, float* y, std::int64_t y_stride) {
    constexpr std::int64_t depth = TileProduct::depth, at_once = TileProduct::block;
    static constexpr float zeros[TileProduct::block] = {};
    alignas(64) float sums[at_once * at_once];
    for (std::int64_t row = 0; row < rows; row += TileProduct::rows)
      pack_tile_row(p, x.first + row * x.stride, x.stride, std::min(rows - row, TileProduct::rows),
                    narrow(tiles) + row / TileProduct::rows * p.tile_row());
    for (std::int64_t panel = 0; panel < p.panels(); ++panel)
      for (std::int64_t row = 0; row < rows; row += at_once) {
        const TileRows upper{narrow(tiles) + row / TileProduct::rows * p.tile_row(), depth, TileProduct::rows * depth};
        const TileRows lower{upper.first + p.tile_row(), depth, TileProduct::rows * depth};
        multiply_tiles(p, upper, rows - row > TileProduct::rows ? &lower : nullptr, narrow(panels) + panel * p.panel(),
                       zeros, {nullptr, 0}, sums);
        store_sums(sums, std::min(rows - row, at_once), std::min(p.out - panel * at_once, at_once), y_stride,
                   y + row * y_stride + panel * at_once, factor);
      }
  }
};

/// One operand, or the result: where its matrices lie.
struct Heads {
  std::int64_t first;
  Shape strides;  // of the batch
  std::int64_t row, column;

  std::int64_t offset(std::int64_t index, const Shape& batch) const { return first + offset_at(index, batch, strides); }
};

struct AttentionShape {
  std::int64_t length, keys, threads;
  Shape batch;
  std::int64_t count;  // heads of all images
  Heads q, k, v, out;
  std::optional<Heads> mask{};
};

/// softmax(scale · q kᵀ + mask) v. Each head's keys and values are packed for the products; then some queries at a time
/// go through all stages, so that their scores stay in the cache.
template <class Products>
class AttentionKernel final : public Kernel {
 public:
  AttentionKernel(AttentionShape shape, const Products& products) : shape_(std::move(shape)), products_(products) {}

  /// For one thread: what the products keep, and the scores of a block.
  std::int64_t scratch_floats() const { return products_.scratch_floats() + block * products_.score_row(); }

  void run(const Run& run) const override {
    const std::int64_t blocks = (shape_.length + block - 1) / block, all = shape_.count * blocks;
    const std::int64_t parts = std::min(shape_.threads, all);
    parallel_for(parts, 1, [&](std::int64_t first, std::int64_t last) {
      products_.begin();
      for (std::int64_t part = first; part < last; ++part) {
        float* scratch = reinterpret_cast<float*>(run.scratch) + part * scratch_floats();
        std::int64_t packed = -1;
        for (std::int64_t i = all * part / parts; i < all * (part + 1) / parts; ++i) {
          const std::int64_t head = i / blocks;
          if (head != packed) products_.pack(matrix(run, 1, shape_.k, head), matrix(run, 2, shape_.v, head), scratch);
          packed = head;
          attend(run, head, i % blocks * block, scratch);
        }
      }
      products_.end();
    });
  }
  std::string name() const override { return Products::name; }

 private:
  static constexpr std::int64_t block = Products::block;

  Rows matrix(const Run& run, std::size_t index, const Heads& heads, std::int64_t head) const {
    return {reinterpret_cast<const float*>(run.inputs[index]) + heads.offset(head, shape_.batch), heads.row};
  }

  void attend(const Run& run, std::int64_t head, std::int64_t first, float* scratch) const {
    const auto& kernels = vector_kernels();
    float* const weights = scratch + products_.scratch_floats();
    const std::int64_t rows = std::min(block, shape_.length - first), row = products_.score_row();
    Rows q = matrix(run, 0, shape_.q, head);
    q.first += first * q.stride;
    products_.score(q, rows, scratch, weights);
    if (shape_.mask)
      kernels.combine(Combine::add, {rows, shape_.keys, row, 1, shape_.mask->row, shape_.mask->column, row}, weights,
                      matrix(run, 3, *shape_.mask, head).first + first * shape_.mask->row, weights, weights);
    for (std::int64_t i = 0; i < rows; ++i) kernels.softmax(weights + i * row, weights + i * row, shape_.keys, false);
    products_.sum(
        weights, rows, scratch,
        reinterpret_cast<float*>(run.output) + shape_.out.offset(head, shape_.batch) + first * shape_.out.row);
  }

  AttentionShape shape_;
  Products products_;
};

Heads heads(const Layout& layout, const Shape& shape, const Shape& batch) {
  return {layout.offset, batch_strides(layout, shape, batch), row_stride(layout, shape), 1};
}

template <class Products>
void set_kernel(Choice& choice, AttentionShape g, std::int64_t depth, std::int64_t values, float scale) {
  const Products products(depth, g.keys, values, scale, g.q.row, g.out.row);
  const std::int64_t threads = g.threads;
  auto kernel = std::make_unique<AttentionKernel<Products>>(std::move(g), products);
  choice.scratch_bytes = static_cast<std::size_t>(threads * kernel->scratch_floats()) * sizeof(float);
  choice.kernel = std::move(kernel);
}

}  // namespace

std::optional<Choice> attention_implementation(const Request& request) {
  if (!has_elements(request)) return std::nullopt;
  const auto& ids = request.operation.inputs;
  const auto shape = [&](std::size_t index) -> const Shape& { return request.input(index).shape; };
  const Shape &q = shape(0), &v = shape(2), &out = request.output().shape;
  const std::size_t rank = q.size();
  AttentionShape g;
  g.length = q[rank - 2];
  g.keys = v[rank - 2];
  g.threads = request.options.threads;
  g.batch.assign(q.begin(), q.end() - 2);
  g.count = product(g.batch);
  Choice choice;
  for (std::size_t i = 0; i < 3; ++i) choice.uses.push_back({ids[i], run_layout(request, ids[i])});
  choice.output = run_layout(request);
  g.q = heads(choice.uses[0].layout, q, g.batch);
  g.k = heads(choice.uses[1].layout, shape(1), g.batch);
  g.v = heads(choice.uses[2].layout, v, g.batch);
  g.out = heads(choice.output, out, g.batch);
  if (ids.size() > 3) {
    Shape all = q;
    all.back() = g.keys;
    Shape strides = broadcast_strides(shape(3), all);
    const std::int64_t column = strides.back(), row = strides[rank - 2];
    strides.resize(rank - 2);
    choice.uses.push_back({ids[3], Layout::plain(shape(3))});
    g.mask = {0, strides, row, column};
  }
  const auto scale = static_cast<float>(std::get<graph::AttentionAttributes>(request.operation.attributes).scale);
  if (request.options.precision == Precision::bf16 && has_tiles())
    set_kernel<BFloat16Products>(choice, std::move(g), q.back(), v.back(), scale);
  else
    set_kernel<FloatProducts>(choice, std::move(g), q.back(), v.back(), scale);
  return choice;
}

}  // namespace flambeau::plan
