#include "plan/kernels/vector.h"

namespace flambeau::plan {

const VectorKernels& vector_kernels() noexcept {
  switch (isa()) {
    case Isa::avx512:
      return avx512_kernels;
    case Isa::avx2:
      return avx2_kernels;
    case Isa::plain:
      break;
  }
  return plain_kernels;
}

}  // namespace flambeau::plan
