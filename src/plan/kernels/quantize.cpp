#include "plan/kernels/quantize.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {

namespace {

/// Unlike std::max it keeps NaN.
float larger(float a, float b) { return a < b || b != b ? b : a; }

}  // namespace

float magnitude(const float* x, std::int64_t count) {
  constexpr std::int64_t piece = 1 << 14;
  std::array<float, 1024> of_thread{};
  parallel_slots((count + piece - 1) / piece, [&](std::int64_t slot, std::int64_t i) {
    float& most = of_thread[static_cast<std::size_t>(slot)];
    most = larger(most, vector_kernels().magnitude(x + i * piece, std::min(piece, count - i * piece)));
  });
  return std::accumulate(of_thread.begin(), of_thread.end(), 0.0F, larger);
}

namespace {

/// f(row, first element, columns) for every row.
template <class F>
void each_row(const Tensor& weight, F&& f) {
  const std::int64_t rows = weight.size(0), columns = weight.numel() / rows;
  const float* w = floats(weight);
  parallel_for(rows, std::max<std::int64_t>(65536 / columns, 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) f(row, w + row * columns, columns);
  });
}

}  // namespace

void row_scales(const Tensor& weight, float limit, float* scales) {
  each_row(weight, [&](std::int64_t row, const float* w, std::int64_t columns) {
    scales[row] = vector_kernels().magnitude(w, columns) / limit;
  });
}

void quantize_rows(const Tensor& weight, float limit, std::int64_t stride, std::int8_t* values) {
  each_row(weight, [&](std::int64_t row, const float* w, std::int64_t columns) {
    const float scale = vector_kernels().magnitude(w, columns) / limit, factor = scale > 0 ? 1 / scale : 0.0F;
    vector_kernels().to_int8(w, factor, values + row * stride, columns);
  });
}

}  // namespace flambeau::plan
