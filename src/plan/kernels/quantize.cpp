#include "plan/kernels/quantize.h"

#include <algorithm>
#include <array>

#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {

float magnitude(const float* x, std::int64_t count) {
  constexpr std::int64_t piece = 1 << 14;
  std::array<float, 1024> of_thread{};
  parallel_slots((count + piece - 1) / piece, [&](std::int64_t slot, std::int64_t i) {
    float& most = of_thread[static_cast<std::size_t>(slot)];
    most = std::max(most, vector_kernels().magnitude(x + i * piece, std::min(piece, count - i * piece)));
  });
  return std::ranges::max(of_thread);
}

QuantizedRows quantize_rows(const float* w, std::int64_t rows, std::int64_t columns, std::int64_t stride, float limit) {
  QuantizedRows result{Tensor::zeros({rows, stride}, DType::int8), Tensor::uninitialized({rows})};
  auto* values = result.values.mutable_data<std::int8_t>().data();
  auto* scales = result.scales.mutable_data<float>().data();
  parallel_for(rows, std::max<std::int64_t>(65536 / columns, 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float most = vector_kernels().magnitude(w + row * columns, columns);
      scales[row] = most / limit;
      vector_kernels().to_int8(w + row * columns, most > 0 ? limit / most : 0.0F, values + row * stride, columns);
    }
  });
  return result;
}

}  // namespace flambeau::plan
