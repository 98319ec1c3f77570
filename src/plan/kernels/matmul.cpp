// Matrix products of run-time values, and attention, on views: no copies to bring heads together or apart.
#include <algorithm>

#include "plan/array.h"
#include "plan/kernels/gemm.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

/// Leading dimensions and strides of one operand, broadcast to `batch`.
Shape batch_strides(const Layout& layout, const Shape& shape, const Shape& batch) {
  Shape strides(batch.size(), 0);
  const std::size_t own = shape.size() - 2;
  for (std::size_t i = 0; i < own; ++i)
    if (shape[i] != 1) strides[batch.size() - own + i] = layout.strides[i];
  return strides;
}

std::int64_t offset_at(std::int64_t index, const Shape& batch, const Shape& strides) noexcept {
  std::int64_t offset = 0;
  for (std::size_t k = batch.size(); k-- > 0; index /= batch[k]) offset += index % batch[k] * strides[k];
  return offset;
}

/// True if gemm can read the last two dimensions as they lie; tells how.
bool as_matrix(const Layout& layout, const Shape& shape, Matrix& matrix) {
  if (layout.block > 1) return false;
  const std::size_t rank = shape.size();
  const std::int64_t rows = shape[rank - 2], columns = shape[rank - 1];
  const std::int64_t row = layout.strides[rank - 2], column = layout.strides[rank - 1];
  if ((column == 1 || columns == 1) && (row >= columns || rows == 1)) {
    matrix = {nullptr, std::max(row, columns), false};
    return true;
  }
  if ((row == 1 || rows == 1) && (column >= rows || columns == 1)) {
    matrix = {nullptr, std::max(column, rows), true};
    return true;
  }
  return false;
}

/// The operand's own layout if it serves as a matrix, else plain.
Layout matrix_layout(const Request& request, ValueId id, Matrix& matrix) {
  const Shape& shape = request.value(id).shape;
  Layout layout = request.layout(id);
  if (!as_matrix(layout, shape, matrix)) as_matrix(layout = Layout::plain(shape), shape, matrix);
  return layout;
}

/// The wanted layout if rows are runs there, else plain.
Layout row_layout(const Request& request) {
  const Shape& shape = request.output().shape;
  Matrix matrix{};
  if (request.wanted && as_matrix(*request.wanted, shape, matrix) && !matrix.transposed) return *request.wanted;
  return Layout::plain(shape);
}

bool is_ordinary(const Request& request) {
  return std::all_of(request.operation.inputs.begin(), request.operation.inputs.end(),
                     [&](ValueId id) { return product(request.value(id).shape) > 0; }) &&
         product(request.output().shape) > 0;
}

class MatmulKernel final : public Kernel {
 public:
  std::int64_t m, n, k, count = 1;
  Matrix a, b;
  Layout a_layout, b_layout, c_layout;
  Shape batch, a_strides, b_strides, c_strides;
  std::int64_t c_stride;
  std::vector<Post> posts;

  void run(const Run& run) const override {
    const auto* left = reinterpret_cast<const float*>(run.inputs[0]) + a_layout.offset;
    const auto* right = reinterpret_cast<const float*>(run.inputs[1]) + b_layout.offset;
    auto* out = reinterpret_cast<float*>(run.output) + c_layout.offset;
    const auto one = [&](std::int64_t index) {
      float* c = out + offset_at(index, batch, c_strides);
      gemm(m, n, k, 1.0F, {left + offset_at(index, batch, a_strides), a.stride, a.transposed},
           {right + offset_at(index, batch, b_strides), b.stride, b.transposed}, c, c_stride);
      for (const Post& post : posts)
        for (std::int64_t row = 0; row < m; ++row)
          vector_kernels().activate(post.activation, c + row * c_stride, c + row * c_stride, n);
    };
    // Few large products share the pool each; many small ones are dealt out.
    if (count < 4) {
      for (std::int64_t i = 0; i < count; ++i) one(i);
    } else {
      parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) one(i);
      });
    }
  }
  std::string name() const override { return "batched gemm"; }
};

class AttentionKernel final : public Kernel {
 public:
  static constexpr std::int64_t block = 64;  // rows of queries whose scores stay in the cache

  std::int64_t length, keys, width, value_width, count = 1, threads = 1;
  float scale = 1;
  bool masked = false;
  Matrix q, k, v;
  Layout q_layout, k_layout, v_layout, out_layout;
  Shape batch, q_strides, k_strides, v_strides, out_strides, mask_strides;
  std::int64_t mask_row = 0, mask_column = 0, out_stride = 0;

  void run(const Run& run) const override {
    const auto* queries = reinterpret_cast<const float*>(run.inputs[0]) + q_layout.offset;
    const auto* all_keys = reinterpret_cast<const float*>(run.inputs[1]) + k_layout.offset;
    const auto* values = reinterpret_cast<const float*>(run.inputs[2]) + v_layout.offset;
    const auto* mask = masked ? reinterpret_cast<const float*>(run.inputs[3]) : nullptr;
    auto* out = reinterpret_cast<float*>(run.output) + out_layout.offset;
    const std::int64_t blocks = (length + block - 1) / block;
    // Each part takes one slice of the scratch memory.
    const std::int64_t parts = std::min(threads, count * blocks);
    parallel_for(parts, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t part = first; part < last; ++part) {
        float* scores = reinterpret_cast<float*>(run.scratch) + part * block * keys;
        for (std::int64_t i = count * blocks * part / parts; i < count * blocks * (part + 1) / parts; ++i)
          one(i / blocks, i % blocks * block, queries, all_keys, values, mask, out, scores);
      }
    });
  }
  std::string name() const override { return "fused attention"; }

 private:
  void one(std::int64_t index, std::int64_t first, const float* queries, const float* all_keys, const float* values,
           const float* mask, float* out, float* scores) const {
    const auto& kernels = vector_kernels();
    const std::int64_t rows = std::min(block, length - first);
    const float* query = queries + offset_at(index, batch, q_strides) + first * (q.transposed ? 1 : q.stride);
    gemm(rows, keys, width, scale, {query, q.stride, q.transposed},
         {all_keys + offset_at(index, batch, k_strides), k.stride, !k.transposed}, scores, keys);
    if (mask)
      kernels.combine(Combine::add, {rows, keys, keys, 1, mask_row, mask_column, keys}, scores,
                      mask + offset_at(index, batch, mask_strides) + first * mask_row, scores, scores);
    for (std::int64_t row = 0; row < rows; ++row)
      kernels.softmax(scores + row * keys, scores + row * keys, keys, false);
    gemm(rows, value_width, keys, 1.0F, {scores, keys, false},
         {values + offset_at(index, batch, v_strides), v.stride, v.transposed},
         out + offset_at(index, batch, out_strides) + first * out_stride, out_stride);
  }
};

}  // namespace

std::optional<Choice> matmul_implementation(const Request& request) {
  for (const Post& post : request.operation.post)
    if (post.kind != Post::Kind::activation) return std::nullopt;
  if (!is_ordinary(request)) return std::nullopt;
  const ValueId a = request.operation.inputs[0], b = request.operation.inputs[1];
  const Shape &left = request.value(a).shape, &right = request.value(b).shape, &out = request.output().shape;
  auto kernel = std::make_unique<MatmulKernel>();
  kernel->m = out[out.size() - 2], kernel->n = out.back(), kernel->k = left.back();
  kernel->a_layout = matrix_layout(request, a, kernel->a);
  kernel->b_layout = matrix_layout(request, b, kernel->b);
  kernel->c_layout = row_layout(request);
  kernel->batch.assign(out.begin(), out.end() - 2);
  kernel->count = product(kernel->batch);
  kernel->a_strides = batch_strides(kernel->a_layout, left, kernel->batch);
  kernel->b_strides = batch_strides(kernel->b_layout, right, kernel->batch);
  kernel->c_strides = batch_strides(kernel->c_layout, out, kernel->batch);
  kernel->c_stride = std::max(kernel->c_layout.strides[out.size() - 2], kernel->n);
  kernel->posts = request.operation.post;
  Choice choice;
  choice.uses = {{a, kernel->a_layout}, {b, kernel->b_layout}};
  choice.output = kernel->c_layout;
  choice.kernel = std::move(kernel);
  return choice;
}

std::optional<Choice> attention_implementation(const Request& request) {
  if (!is_ordinary(request)) return std::nullopt;
  const auto& ids = request.operation.inputs;
  const Shape &q = request.input(0).shape, &v = request.input(2).shape, &out = request.output().shape;
  const std::size_t rank = q.size();
  auto kernel = std::make_unique<AttentionKernel>();
  kernel->length = q[rank - 2], kernel->width = q.back();
  kernel->keys = v[rank - 2], kernel->value_width = v.back();
  kernel->scale = static_cast<float>(std::get<graph::AttentionAttributes>(request.operation.attributes).scale);
  kernel->threads = request.options.threads;
  kernel->q_layout = matrix_layout(request, ids[0], kernel->q);
  kernel->k_layout = matrix_layout(request, ids[1], kernel->k);
  kernel->v_layout = matrix_layout(request, ids[2], kernel->v);
  kernel->out_layout = row_layout(request);
  kernel->batch.assign(q.begin(), q.end() - 2);
  kernel->count = product(kernel->batch);
  kernel->q_strides = batch_strides(kernel->q_layout, q, kernel->batch);
  kernel->k_strides = batch_strides(kernel->k_layout, request.input(1).shape, kernel->batch);
  kernel->v_strides = batch_strides(kernel->v_layout, v, kernel->batch);
  kernel->out_strides = batch_strides(kernel->out_layout, out, kernel->batch);
  kernel->out_stride = std::max(kernel->out_layout.strides[rank - 2], kernel->value_width);
  Choice choice;
  choice.uses = {{ids[0], kernel->q_layout}, {ids[1], kernel->k_layout}, {ids[2], kernel->v_layout}};
  if (ids.size() > 3) {
    const Shape& mask = request.input(3).shape;
    Shape scores = q;
    scores.back() = kernel->keys;
    const Shape strides = broadcast_strides(mask, scores);
    kernel->masked = true;
    kernel->mask_strides.assign(strides.begin(), strides.end() - 2);
    kernel->mask_row = strides[rank - 2];
    kernel->mask_column = strides[rank - 1];
    choice.uses.push_back({ids[3], Layout::plain(mask)});
  }
  choice.output = kernel->out_layout;
  choice.scratch_bytes =
      static_cast<std::size_t>(kernel->threads * AttentionKernel::block * kernel->keys) * sizeof(float);
  choice.kernel = std::move(kernel);
  return choice;
}

}  // namespace flambeau::plan
