// Code for processors with AVX2 and FMA. No header with inline functions may come in above immintrin.h: they would be
// compiled for AVX2 here and merged with the ones of other files.
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#include <immintrin.h>

#include "nn/random_recipe.h"

namespace flambeau::nn::random {
namespace {

/// Eight lanes, in vectors that know the operators.
struct Avx2 {
  typedef float F __attribute__((vector_size(32)));
  typedef int I __attribute__((vector_size(32)));
  static constexpr std::size_t width = 8;
  static F all(float v) { return _mm256_set1_ps(v); }
  static I bits(int v) { return reinterpret_cast<I>(_mm256_set1_epi32(v)); }
  static I load(const std::uint32_t* p) {
    return reinterpret_cast<I>(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static void store(float* p, F v) { _mm256_storeu_ps(p, v); }
  static F to_float(I v) { return _mm256_cvtepi32_ps(reinterpret_cast<__m256i>(v)); }
  static I to_int(F v) { return reinterpret_cast<I>(_mm256_cvttps_epi32(v)); }
  static I bits_of(F v) { return reinterpret_cast<I>(v); }
  static F float_of(I v) { return reinterpret_cast<F>(v); }
  static I shift_right(I v, int n) { return reinterpret_cast<I>(_mm256_srli_epi32(reinterpret_cast<__m256i>(v), n)); }
  static I shift_left(I v, int n) { return reinterpret_cast<I>(_mm256_slli_epi32(reinterpret_cast<__m256i>(v), n)); }
  static I less(F a, F b) { return reinterpret_cast<I>(_mm256_cmp_ps(a, b, _CMP_LT_OS)); }
  static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static F sqrt(F v) { return _mm256_sqrt_ps(v); }
};

using R = Recipe<Avx2>;

}  // namespace

const Kernels avx2_kernels = {R::refill, R::temper, R::uniform, R::normal};

}  // namespace flambeau::nn::random

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
