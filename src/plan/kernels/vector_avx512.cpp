// The vector routines for AVX-512.
// The compiler's own header leaves lanes undefined on purpose.
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include "plan/kernels/simd.h"
#include "plan/kernels/vector.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")
#endif

#define FLAMBEAU_SIMD Avx512Simd
#define FLAMBEAU_TABLE avx512_kernels
#include "plan/kernels/vector_bodies.inc"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
namespace flambeau::plan {
const VectorKernels avx512_kernels = plain_kernels;
}
#endif
