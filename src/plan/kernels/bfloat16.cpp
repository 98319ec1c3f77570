#include "plan/kernels/bfloat16.h"

#include "plan/kernels/simd.h"

#if defined(__x86_64__)
FLAMBEAU_BEGIN_TARGET("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma")

namespace flambeau::plan {
namespace {

/// Stores narrow as well.
struct S : Avx512Simd {
  using Avx512Simd::load_part, Avx512Simd::store, Avx512Simd::store_part;
  static FLAMBEAU_INLINE V load_part(const std::uint16_t* p, std::int64_t count) {
    return widened(_mm256_maskz_loadu_epi16(mask(count), p));
  }
  static FLAMBEAU_INLINE __m256i rounded(V v) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)); }
  static FLAMBEAU_INLINE void store(std::uint16_t* p, V v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), rounded(v));
  }
  static FLAMBEAU_INLINE void store_part(std::uint16_t* p, V v, std::int64_t count) {
    _mm256_mask_storeu_epi16(p, mask(count), rounded(v));
  }
};
using V = S::V;

#include "plan/kernels/vector_math.inc"

/// Where the numbers at even and odd places go when the even ones lie in front of the odd ones.
struct Interleaving {
  alignas(64) std::uint16_t words[2 * S::width];
};
constexpr Interleaving interleaving = [] {
  Interleaving result{};
  for (std::int64_t i = 0; i < 2 * S::width; ++i)
    result.words[i] = static_cast<std::uint16_t>(i / 2 + i % 2 * S::width);
  return result;
}();

/// Two vectors at a time, the numbers at even and at odd places: widening and narrowing them take half as long.
template <class F>
void map(const std::uint16_t* x, std::uint16_t* y, std::int64_t count, V a, V b) {
  const __m512i order = _mm512_load_si512(interleaving.words), upper = _mm512_set1_epi32(static_cast<int>(0xFFFF0000));
  for (; count > 0; count -= 2 * S::width, x += 2 * S::width, y += 2 * S::width) {
    const auto some = static_cast<__mmask32>(count < 2 * S::width ? (1ULL << count) - 1 : ~0ULL);
    const __m512i both = _mm512_maskz_loadu_epi16(some, x);
    const V even = F::of(_mm512_castsi512_ps(_mm512_slli_epi32(both, 16)), a, b);
    const V odd = F::of(_mm512_castsi512_ps(_mm512_and_si512(both, upper)), a, b);
    const auto packed = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(odd, even));
    _mm512_mask_storeu_epi16(y, some, _mm512_permutexvar_epi16(order, packed));
  }
}

#include "plan/kernels/activation_bodies.inc"

/// 1 / (1 + e^-x): 2^(fraction) by a minimax polynomial on [0, 1], relative error 1e-4 in all.
FLAMBEAU_INLINE V rough_sigmoid(V x) {
  const V t = S::mul(x, S::set(-1.44269504088896341F));
  const V r = _mm512_reduce_ps(t, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  V p = S::fma(S::set(0.07802452F), r, S::set(0.22606718F));
  p = S::fma(p, r, S::set(0.69583352F));
  p = S::fma(p, r, S::set(0.99992522F));
  return _mm512_rcp14_ps(S::add(S::set(1), _mm512_scalef_ps(p, t)));  // scalef rounds t down
}
struct rough_sigmoid_f {
  static FLAMBEAU_INLINE V of(V v, V, V) { return rough_sigmoid(v); }
};
struct rough_silu_f {
  static FLAMBEAU_INLINE V of(V v, V, V) { return S::mul(v, rough_sigmoid(v)); }
};

template <class X>
void activate_narrowly(const graph::ActivationAttributes& f, const X* x, std::uint16_t* y, std::int64_t count) {
  const V unused = S::set(0);
  if (f.kind == graph::Activation::silu) return map<rough_silu_f>(x, y, count, unused, unused);
  if (f.kind == graph::Activation::sigmoid) return map<rough_sigmoid_f>(x, y, count, unused, unused);
  activate<X, std::uint16_t>(f, x, y, count);
}

}  // namespace

void activate(const graph::ActivationAttributes& f, const float* x, std::uint16_t* y, std::int64_t count) {
  activate_narrowly(f, x, y, count);
}
void activate(const graph::ActivationAttributes& f, const std::uint16_t* x, std::uint16_t* y, std::int64_t count) {
  activate_narrowly(f, x, y, count);
}

void scale_columns(const std::uint16_t* x, const float* factors, std::int64_t rows, std::int64_t columns,
                   std::uint16_t* y) {
  for (std::int64_t row = 0; row < rows; ++row, x += columns, y += columns) {
    std::int64_t i = 0;
    for (; i + S::width <= columns; i += S::width) S::store(y + i, S::mul(S::load(x + i), S::load(factors + i)));
    const std::int64_t rest = columns - i;
    if (rest > 0) S::store_part(y + i, S::mul(S::load_part(x + i, rest), S::load_part(factors + i, rest)), rest);
  }
}

void average_rows(const std::uint16_t* x, std::int64_t rows, std::int64_t columns, Range some, float* y) {
  constexpr int together = 4;  // vectors: their additions wait for each other less
  const V share = S::set(1.0F / static_cast<float>(rows));
  for (std::int64_t first = some.first; first < some.last; first += together * S::width) {
    V sums[together];
    std::int64_t counts[together];  // lanes
    for (int i = 0; i < together; ++i) {
      const std::int64_t left = some.last - first - i * S::width;
      counts[i] = left < 0 ? 0 : left < S::width ? left : S::width;
      sums[i] = S::set(0);
    }
    for (std::int64_t row = 0; row < rows; ++row)
      for (int i = 0; i < together; ++i)
        sums[i] = S::add(sums[i], S::load_part(x + row * columns + first + i * S::width, counts[i]));
    for (int i = 0; i < together; ++i) S::store_part(y + first + i * S::width, S::mul(sums[i], share), counts[i]);
  }
}

}  // namespace flambeau::plan

FLAMBEAU_END_TARGET
#else
namespace flambeau::plan {
void activate(const graph::ActivationAttributes&, const float*, std::uint16_t*, std::int64_t) {}
void activate(const graph::ActivationAttributes&, const std::uint16_t*, std::uint16_t*, std::int64_t) {}
void scale_columns(const std::uint16_t*, const float*, std::int64_t, std::int64_t, std::uint16_t*) {}
void average_rows(const std::uint16_t*, std::int64_t, std::int64_t, Range, float*) {}
}  // namespace flambeau::plan
#endif
