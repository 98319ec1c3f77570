// The vector routines for AVX2 with FMA.
#include "plan/kernels/simd.h"
#include "plan/kernels/vector.h"

#if defined(__x86_64__)
FLAMBEAU_BEGIN_TARGET("avx2,fma")

#define FLAMBEAU_SIMD Avx2Simd
#define FLAMBEAU_TABLE avx2_kernels
#include "plan/kernels/vector_bodies.inc"

FLAMBEAU_END_TARGET
#else
namespace flambeau::plan {
const VectorKernels avx2_kernels = plain_kernels;
}
#endif
