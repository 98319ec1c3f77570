#pragma once
// Vectors of floats for each instruction set: the same few names, so that one text of a kernel serves all of them.
//
// Loads widen narrow numbers to float: std::uint16_t holds bfloat16.
//
// A kernel's text stands in kernels/vector_bodies.inc, which one file per instruction set includes with FLAMBEAU_SIMD
// set to one of the structs below, inside the compiler's target for that set.

#include <cstdint>
#include <cstring>

#include "plan/kernels/intrinsics.h"

#define FLAMBEAU_INLINE inline __attribute__((always_inline))

namespace flambeau::plan {

/// One lane: for machines that we know nothing about.
struct PlainSimd {
  using V = float;
  static constexpr std::int64_t width = 1;
  static FLAMBEAU_INLINE V load(const float* p) { return *p; }
  static FLAMBEAU_INLINE void store(float* p, V v) { *p = v; }
  /// The lanes from `count` on are zero, or `fill`.
  static FLAMBEAU_INLINE V load_part(const float* p, std::int64_t) { return *p; }
  static FLAMBEAU_INLINE V load_part(const float* p, std::int64_t, V) { return *p; }
  static FLAMBEAU_INLINE V load(const std::uint16_t* p) {
    const std::uint32_t bits = static_cast<std::uint32_t>(*p) << 16;
    float result;
    std::memcpy(&result, &bits, 4);
    return result;
  }
  static FLAMBEAU_INLINE V load(const std::int8_t* p) { return *p; }
  static FLAMBEAU_INLINE V load(const std::int32_t* p) { return static_cast<float>(*p); }
  /// Rounds to nearest even; for numbers in the target's range.
  static FLAMBEAU_INLINE void store(std::int8_t* p, V v) { *p = static_cast<std::int8_t>(__builtin_rintf(v)); }
  static FLAMBEAU_INLINE void store(std::uint8_t* p, V v) { *p = static_cast<std::uint8_t>(__builtin_rintf(v)); }
  static FLAMBEAU_INLINE void store_part(float* p, V v, std::int64_t) { *p = v; }
  static FLAMBEAU_INLINE V set(float x) { return x; }
  static FLAMBEAU_INLINE V add(V a, V b) { return a + b; }
  static FLAMBEAU_INLINE V sub(V a, V b) { return a - b; }
  static FLAMBEAU_INLINE V mul(V a, V b) { return a * b; }
  static FLAMBEAU_INLINE V div(V a, V b) { return a / b; }
  static FLAMBEAU_INLINE V fma(V a, V b, V c) { return a * b + c; }
  /// NaN in the first operand stays.
  static FLAMBEAU_INLINE V min(V a, V b) { return b < a ? b : a; }
  static FLAMBEAU_INLINE V max(V a, V b) { return b > a ? b : a; }
  static FLAMBEAU_INLINE V sqrt(V a) { return __builtin_sqrtf(a); }
  static FLAMBEAU_INLINE V abs(V a) { return __builtin_fabsf(a); }
  static FLAMBEAU_INLINE V round(V a) { return __builtin_rintf(a); }
  /// a < b ? x : y
  static FLAMBEAU_INLINE V if_less(V a, V b, V x, V y) { return a < b ? x : y; }
  /// a <= b ? x : y
  static FLAMBEAU_INLINE V if_at_most(V a, V b, V x, V y) { return a <= b ? x : y; }
  /// a · 2^n for integral n in [-252, 254], in two factors so that neither overflows.
  static FLAMBEAU_INLINE V scale(V a, V n) {
    const V half = round(n * 0.5F);
    return a * power_of_two(half) * power_of_two(n - half);
  }
  static FLAMBEAU_INLINE V power_of_two(V n) {
    const std::int32_t bits = (static_cast<std::int32_t>(n) + 127) << 23;
    float result;
    std::memcpy(&result, &bits, 4);
    return result;
  }
  /// 1 / a within two units in the last place, for ordinary a.
  static FLAMBEAU_INLINE V inverse(V a) { return 1 / a; }
  static FLAMBEAU_INLINE V copy_sign(V magnitude, V sign) { return __builtin_copysignf(magnitude, sign); }
  static FLAMBEAU_INLINE float sum(V a) { return a; }
  static FLAMBEAU_INLINE float largest(V a) { return a; }
  /// Lane j of vector i and lane i of vector j change places.
  static FLAMBEAU_INLINE void transpose(V (&)[width]) {}
};

#if defined(__x86_64__)
#define FLAMBEAU_AVX2 __attribute__((target("avx2,fma"), always_inline)) inline
#define FLAMBEAU_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"), always_inline)) inline

struct Avx2Simd {
  using V = __m256;
  static constexpr std::int64_t width = 8;
  static FLAMBEAU_AVX2 V load(const float* p) { return _mm256_loadu_ps(p); }
  static FLAMBEAU_AVX2 void store(float* p, V v) { _mm256_storeu_ps(p, v); }
  static FLAMBEAU_AVX2 __m256i mask(std::int64_t count) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
  }
  static FLAMBEAU_AVX2 V load_part(const float* p, std::int64_t count) { return _mm256_maskload_ps(p, mask(count)); }
  static FLAMBEAU_AVX2 V load_part(const float* p, std::int64_t count, V fill) {
    return _mm256_blendv_ps(fill, load_part(p, count), _mm256_castsi256_ps(mask(count)));
  }
  static FLAMBEAU_AVX2 __m128i eight_bytes(const void* p) { return _mm_loadl_epi64(static_cast<const __m128i*>(p)); }
  static FLAMBEAU_AVX2 V load(const std::uint16_t* p) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
  static FLAMBEAU_AVX2 V load(const std::int8_t* p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight_bytes(p))); }
  static FLAMBEAU_AVX2 V load(const std::int32_t* p) {
    return _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static FLAMBEAU_AVX2 __m128i words(V v) {
    const __m256i rounded = _mm256_cvtps_epi32(v);
    return _mm_packs_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
  }
  static FLAMBEAU_AVX2 void store(std::int8_t* p, V v) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words(v), _mm_setzero_si128()));
  }
  static FLAMBEAU_AVX2 void store(std::uint8_t* p, V v) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words(v), _mm_setzero_si128()));
  }
  static FLAMBEAU_AVX2 void store_part(float* p, V v, std::int64_t count) { _mm256_maskstore_ps(p, mask(count), v); }
  static FLAMBEAU_AVX2 V set(float x) { return _mm256_set1_ps(x); }
  static FLAMBEAU_AVX2 V add(V a, V b) { return _mm256_add_ps(a, b); }
  static FLAMBEAU_AVX2 V sub(V a, V b) { return _mm256_sub_ps(a, b); }
  static FLAMBEAU_AVX2 V mul(V a, V b) { return _mm256_mul_ps(a, b); }
  static FLAMBEAU_AVX2 V div(V a, V b) { return _mm256_div_ps(a, b); }
  static FLAMBEAU_AVX2 V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
  static FLAMBEAU_AVX2 V min(V a, V b) { return _mm256_min_ps(b, a); }
  static FLAMBEAU_AVX2 V max(V a, V b) { return _mm256_max_ps(b, a); }
  static FLAMBEAU_AVX2 V sqrt(V a) { return _mm256_sqrt_ps(a); }
  static FLAMBEAU_AVX2 V abs(V a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a); }
  static FLAMBEAU_AVX2 V round(V a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static FLAMBEAU_AVX2 V if_less(V a, V b, V x, V y) { return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
  static FLAMBEAU_AVX2 V if_at_most(V a, V b, V x, V y) {
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LE_OQ));
  }
  static FLAMBEAU_AVX2 V scale(V a, V n) {
    const V half = round(mul(n, set(0.5F)));
    return mul(mul(a, power_of_two(half)), power_of_two(sub(n, half)));
  }
  static FLAMBEAU_AVX2 V power_of_two(V n) {
    const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
  }
  static FLAMBEAU_AVX2 V inverse(V a) { return div(set(1), a); }
  static FLAMBEAU_AVX2 V copy_sign(V magnitude, V sign) {
    return _mm256_or_ps(abs(magnitude), _mm256_and_ps(_mm256_set1_ps(-0.0F), sign));
  }
  static FLAMBEAU_AVX2 float sum(V a) {
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
  }
  static FLAMBEAU_AVX2 float largest(V a) {
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
  }
  static FLAMBEAU_AVX2 V low_pairs(V a, V b) {
    return _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)));
  }
  static FLAMBEAU_AVX2 V high_pairs(V a, V b) {
    return _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)));
  }
  static FLAMBEAU_AVX2 void transpose(V (&v)[width]) {
    for (int i = 0; i < 8; i += 4) {  // in each half of four vectors
      const V a = _mm256_unpacklo_ps(v[i], v[i + 1]), b = _mm256_unpackhi_ps(v[i], v[i + 1]);
      const V c = _mm256_unpacklo_ps(v[i + 2], v[i + 3]), d = _mm256_unpackhi_ps(v[i + 2], v[i + 3]);
      v[i] = low_pairs(a, c), v[i + 1] = high_pairs(a, c), v[i + 2] = low_pairs(b, d), v[i + 3] = high_pairs(b, d);
    }
    for (int i = 0; i < 4; ++i) {
      const V a = v[i], b = v[i + 4];
      v[i] = _mm256_permute2f128_ps(a, b, 0x20), v[i + 4] = _mm256_permute2f128_ps(a, b, 0x31);
    }
  }
};

struct Avx512Simd {
  using V = __m512;
  static constexpr std::int64_t width = 16;
  static FLAMBEAU_AVX512 V load(const float* p) { return _mm512_loadu_ps(p); }
  static FLAMBEAU_AVX512 void store(float* p, V v) { _mm512_storeu_ps(p, v); }
  static FLAMBEAU_AVX512 __mmask16 mask(std::int64_t count) { return static_cast<__mmask16>((1U << count) - 1); }
  static FLAMBEAU_AVX512 V load_part(const float* p, std::int64_t count) {
    return _mm512_maskz_loadu_ps(mask(count), p);
  }
  static FLAMBEAU_AVX512 V load_part(const float* p, std::int64_t count, V fill) {
    return _mm512_mask_loadu_ps(fill, mask(count), p);
  }
  static FLAMBEAU_AVX512 V widened(__m256i bfloat16) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bfloat16), 16));
  }
  static FLAMBEAU_AVX512 V load(const std::uint16_t* p) {
    return widened(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static FLAMBEAU_AVX512 V load(const std::int8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static FLAMBEAU_AVX512 V load(const std::int32_t* p) { return _mm512_cvtepi32_ps(_mm512_loadu_si512(p)); }
  static FLAMBEAU_AVX512 void store(std::int8_t* p, V v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(v)));
  }
  static FLAMBEAU_AVX512 void store(std::uint8_t* p, V v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(v)));
  }
  static FLAMBEAU_AVX512 void store_part(float* p, V v, std::int64_t count) {
    _mm512_mask_storeu_ps(p, mask(count), v);
  }
  static FLAMBEAU_AVX512 V set(float x) { return _mm512_set1_ps(x); }
  static FLAMBEAU_AVX512 V add(V a, V b) { return _mm512_add_ps(a, b); }
  static FLAMBEAU_AVX512 V sub(V a, V b) { return _mm512_sub_ps(a, b); }
  static FLAMBEAU_AVX512 V mul(V a, V b) { return _mm512_mul_ps(a, b); }
  static FLAMBEAU_AVX512 V div(V a, V b) { return _mm512_div_ps(a, b); }
  static FLAMBEAU_AVX512 V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
  static FLAMBEAU_AVX512 V min(V a, V b) { return _mm512_min_ps(b, a); }
  static FLAMBEAU_AVX512 V max(V a, V b) { return _mm512_max_ps(b, a); }
  static FLAMBEAU_AVX512 V sqrt(V a) { return _mm512_sqrt_ps(a); }
  static FLAMBEAU_AVX512 V abs(V a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0F), a); }
  static FLAMBEAU_AVX512 V round(V a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static FLAMBEAU_AVX512 V if_less(V a, V b, V x, V y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
  }
  static FLAMBEAU_AVX512 V if_at_most(V a, V b, V x, V y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LE_OQ), y, x);
  }
  static FLAMBEAU_AVX512 V scale(V a, V n) { return _mm512_scalef_ps(a, n); }
  static FLAMBEAU_AVX512 V inverse(V a) {  // a division takes as long as eight of these
    const V r = _mm512_rcp14_ps(a);
    return _mm512_fmadd_ps(r, _mm512_fnmadd_ps(a, r, set(1)), r);
  }
  static FLAMBEAU_AVX512 V copy_sign(V magnitude, V sign) {
    return _mm512_or_ps(abs(magnitude), _mm512_and_ps(_mm512_set1_ps(-0.0F), sign));
  }
  static FLAMBEAU_AVX512 float sum(V a) { return _mm512_reduce_add_ps(a); }
  static FLAMBEAU_AVX512 float largest(V a) { return _mm512_reduce_max_ps(a); }
  static FLAMBEAU_AVX512 V low_pairs(V a, V b) {
    return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
  }
  static FLAMBEAU_AVX512 V high_pairs(V a, V b) {
    return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
  }
  static FLAMBEAU_AVX512 void transpose(V (&v)[width]) {
    for (int i = 0; i < 16; i += 4) {  // in each quarter of four vectors
      const V a = _mm512_unpacklo_ps(v[i], v[i + 1]), b = _mm512_unpackhi_ps(v[i], v[i + 1]);
      const V c = _mm512_unpacklo_ps(v[i + 2], v[i + 3]), d = _mm512_unpackhi_ps(v[i + 2], v[i + 3]);
      v[i] = low_pairs(a, c), v[i + 1] = high_pairs(a, c), v[i + 2] = low_pairs(b, d), v[i + 3] = high_pairs(b, d);
    }
    constexpr int even = 0x88, odd = 0xDD;  // quarters of both operands
    for (int i = 0; i < 4; ++i) {
      const V a = _mm512_shuffle_f32x4(v[i], v[i + 4], even), b = _mm512_shuffle_f32x4(v[i], v[i + 4], odd);
      const V c = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], even), d = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], odd);
      v[i] = _mm512_shuffle_f32x4(a, c, even), v[i + 4] = _mm512_shuffle_f32x4(b, d, even);
      v[i + 8] = _mm512_shuffle_f32x4(a, c, odd), v[i + 12] = _mm512_shuffle_f32x4(b, d, odd);
    }
  }
};
#endif

}  // namespace flambeau::plan
