// The vector routines for AVX2 with FMA.
#include "plan/kernels/simd.h"
#include "plan/kernels/vector.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#define FLAMBEAU_SIMD Avx2Simd
#define FLAMBEAU_TABLE avx2_kernels
#include "plan/kernels/vector_bodies.inc"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
namespace flambeau::plan {
const VectorKernels avx2_kernels = plain_kernels;
}
#endif
