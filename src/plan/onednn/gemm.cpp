#include "plan/kernels/gemm.h"

#include <dnnl.h>

namespace flambeau::plan {

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, float alpha, const Matrix& a, const Matrix& b, float* c,
          std::int64_t c_stride) noexcept {
  dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, alpha, a.data, a.stride, b.data, b.stride,
             0.0F, c, c_stride);
}

}  // namespace flambeau::plan
