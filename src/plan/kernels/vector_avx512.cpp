// The vector routines for AVX-512.
#include "plan/kernels/simd.h"
#include "plan/kernels/vector.h"

#if defined(__x86_64__)
FLAMBEAU_BEGIN_TARGET("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")

#define FLAMBEAU_SIMD Avx512Simd
#define FLAMBEAU_TABLE avx512_kernels
#include "plan/kernels/vector_bodies.inc"

FLAMBEAU_END_TARGET
#else
namespace flambeau::plan {
const VectorKernels avx512_kernels = plain_kernels;
}
#endif
