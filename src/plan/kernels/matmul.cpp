// Matrix products of run-time values on views: no copies to bring heads together or apart.
#include <algorithm>

#include "plan/array.h"
#include "plan/kernels/batch.h"
#include "plan/kernels/gemm.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

/// True if gemm can read the last two dimensions as they lie; tells how.
bool as_matrix(const Layout& layout, const Shape& shape, Matrix& matrix) {
  if (has_runs(layout, shape)) {
    matrix = {nullptr, row_stride(layout, shape), false};
    return true;
  }
  if (layout.block > 1) return false;
  const std::size_t rank = shape.size();
  const std::int64_t rows = shape[rank - 2], columns = shape[rank - 1];
  const std::int64_t row = layout.strides[rank - 2], column = layout.strides[rank - 1];
  if ((row != 1 && rows != 1) || (column < rows && columns != 1)) return false;
  matrix = {nullptr, std::max(column, rows), true};
  return true;
}

/// The operand's own layout if it serves as a matrix, else plain.
Layout matrix_layout(const Request& request, ValueId id, Matrix& matrix) {
  const Shape& shape = request.value(id).shape;
  Layout layout = request.layout(id);
  if (!as_matrix(layout, shape, matrix)) as_matrix(layout = Layout::plain(shape), shape, matrix);
  return layout;
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

}  // namespace

std::optional<Choice> matmul_implementation(const Request& request) {
  for (const Post& post : request.operation.post)
    if (post.kind != Post::Kind::activation) return std::nullopt;
  if (!has_elements(request)) return std::nullopt;
  const ValueId a = request.operation.inputs[0], b = request.operation.inputs[1];
  const Shape &left = request.value(a).shape, &right = request.value(b).shape, &out = request.output().shape;
  auto kernel = std::make_unique<MatmulKernel>();
  kernel->m = out[out.size() - 2], kernel->n = out.back(), kernel->k = left.back();
  kernel->a_layout = matrix_layout(request, a, kernel->a);
  kernel->b_layout = matrix_layout(request, b, kernel->b);
  kernel->c_layout = run_layout(request);
  kernel->batch.assign(out.begin(), out.end() - 2);
  kernel->count = product(kernel->batch);
  kernel->a_strides = batch_strides(kernel->a_layout, left, kernel->batch);
  kernel->b_strides = batch_strides(kernel->b_layout, right, kernel->batch);
  kernel->c_strides = batch_strides(kernel->c_layout, out, kernel->batch);
  kernel->c_stride = row_stride(kernel->c_layout, out);
  kernel->posts = request.operation.post;
  Choice choice;
  choice.uses = {{a, kernel->a_layout}, {b, kernel->b_layout}};
  choice.output = kernel->c_layout;
  choice.kernel = std::move(kernel);
  return choice;
}

}  // namespace flambeau::plan
