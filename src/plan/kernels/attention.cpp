#include <algorithm>

#include "plan/array.h"
#include "plan/kernels/batch.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

/// softmax(scale · q kᵀ + mask) v. Each head's keys and values are packed for the product's panels; then some queries
/// at a time go through all stages, so that their scores stay in the cache.
class AttentionKernel final : public Kernel {
 public:
  static constexpr std::int64_t block = 72;  // queries at a time: whole panels for every instruction set

  /// One operand, or the result: where its matrices lie.
  struct Heads {
    std::int64_t first;
    Shape strides;  // of the batch
    std::int64_t row, column;

    std::int64_t offset(std::int64_t index, const Shape& batch) const {
      return first + offset_at(index, batch, strides);
    }
  };

  std::int64_t length, keys, threads;
  float scale;
  Shape batch;
  std::int64_t count;  // heads of all images
  Heads q, k, v, out;
  std::optional<Heads> mask{};
  Product scores, sums;  // x is q, then the scores, whose rows are whole vectors

  /// For one thread: panels of keys and of values, scores of a block.
  std::int64_t key_floats() const { return scores.groups() * scores.group * scores.in; }
  std::int64_t value_floats() const { return sums.groups() * sums.group * sums.in; }
  std::int64_t scratch_floats() const { return key_floats() + value_floats() + block * scores.out; }

  void run(const Run& run) const override {
    const std::int64_t blocks = (length + block - 1) / block, all = count * blocks;
    const std::int64_t parts = std::min(threads, all);
    parallel_for(parts, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t part = first; part < last; ++part) {
        float* scratch = reinterpret_cast<float*>(run.scratch) + part * scratch_floats();
        std::int64_t packed = -1;
        for (std::int64_t i = all * part / parts; i < all * (part + 1) / parts; ++i) {
          const std::int64_t head = i / blocks;
          if (head != packed) pack(run, packed = head, scratch);
          attend(run, head, i % blocks * block, scratch);
        }
      }
    });
  }
  std::string name() const override { return "fused attention"; }

 private:
  static const float* input(const Run& run, std::size_t index, std::int64_t offset) {
    return reinterpret_cast<const float*>(run.inputs[index]) + offset;
  }

  void pack(const Run& run, std::int64_t head, float* scratch) const {
    Product keys_only = scores;
    keys_only.out = keys;
    pack_panels(keys_only, input(run, 1, k.offset(head, batch)), k.row, k.column, scale, {0, scores.groups()}, scratch);
    pack_panels(sums, input(run, 2, v.offset(head, batch)), v.column, v.row, 1, {0, sums.groups()},
                scratch + key_floats());
  }

  void attend(const Run& run, std::int64_t head, std::int64_t first, float* scratch) const {
    const auto& kernels = vector_kernels();
    float* const weights = scratch + key_floats() + value_floats();
    const std::int64_t rows = std::min(block, length - first);
    kernels.product(scores, input(run, 0, q.offset(head, batch) + first * q.row), scratch, nullptr, {0, rows},
                    {0, scores.groups()}, weights);
    if (mask)
      kernels.combine(Combine::add, {rows, keys, scores.out, 1, mask->row, mask->column, scores.out}, weights,
                      input(run, 3, mask->offset(head, batch) + first * mask->row), weights, weights);
    for (std::int64_t row = 0; row < rows; ++row)
      kernels.softmax(weights + row * scores.out, weights + row * scores.out, keys, false);
    kernels.product(sums, weights, scratch + key_floats(), nullptr, {0, rows}, {0, sums.groups()},
                    reinterpret_cast<float*>(run.output) + out.offset(head, batch) + first * out.row);
  }
};

AttentionKernel::Heads heads(const Layout& layout, const Shape& shape, const Shape& batch) {
  return {layout.offset, batch_strides(layout, shape, batch), row_stride(layout, shape), 1};
}

}  // namespace

std::optional<Choice> attention_implementation(const Request& request) {
  if (!has_elements(request)) return std::nullopt;
  const auto& ids = request.operation.inputs;
  const auto shape = [&](std::size_t index) -> const Shape& { return request.input(index).shape; };
  const Shape &q = shape(0), &v = shape(2), &out = request.output().shape;
  const std::size_t rank = q.size();
  const std::int64_t group = vector_kernels().product_group, lanes = vector_kernels().lanes;
  auto kernel = std::make_unique<AttentionKernel>();
  kernel->length = q[rank - 2];
  kernel->keys = v[rank - 2];
  kernel->threads = request.options.threads;
  kernel->scale = static_cast<float>(std::get<graph::AttentionAttributes>(request.operation.attributes).scale);
  kernel->batch.assign(q.begin(), q.end() - 2);
  kernel->count = product(kernel->batch);
  Choice choice;
  for (std::size_t i = 0; i < 3; ++i) choice.uses.push_back({ids[i], run_layout(request, ids[i])});
  choice.output = run_layout(request);
  kernel->q = heads(choice.uses[0].layout, q, kernel->batch);
  kernel->k = heads(choice.uses[1].layout, shape(1), kernel->batch);
  kernel->v = heads(choice.uses[2].layout, v, kernel->batch);
  kernel->out = heads(choice.output, out, kernel->batch);
  const std::int64_t score_row = (kernel->keys + lanes - 1) / lanes * lanes;
  kernel->scores = {q.back(), score_row, group, kernel->q.row, score_row};
  kernel->sums = {kernel->keys, v.back(), group, score_row, kernel->out.row};
  if (ids.size() > 3) {
    Shape all = q;
    all.back() = kernel->keys;
    Shape strides = broadcast_strides(shape(3), all);
    const std::int64_t column = strides.back(), row = strides[rank - 2];
    strides.resize(rank - 2);
    choice.uses.push_back({ids[3], Layout::plain(shape(3))});
    kernel->mask = {0, strides, row, column};
  }
  choice.scratch_bytes = static_cast<std::size_t>(kernel->threads * kernel->scratch_floats()) * sizeof(float);
  choice.kernel = std::move(kernel);
  return choice;
}

}  // namespace flambeau::plan
