#include "tensor/half.h"

#include <cstring>

#include "tensor/numbers.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace flambeau::tensor {
namespace {

template <class From, class To, class Convert>
void each(const std::byte* source, std::byte* target, std::uint64_t count, Convert&& convert) {
  for (std::uint64_t i = 0; i < count; ++i) {
    From from;
    std::memcpy(&from, source + i * sizeof(From), sizeof(From));
    const To to = convert(from);
    std::memcpy(target + i * sizeof(To), &to, sizeof(To));
  }
}

#if defined(__x86_64__)
bool has_vectors() {
  static const bool has = __builtin_cpu_supports("avx2");  // all that have AVX2 have F16C; clang 14 cannot ask
  return has;
}

// Each gives the number of elements that it converted: all but a rest of less than eight.
__attribute__((target("avx2,f16c"))) std::uint64_t half_to_float_vector(const std::byte* source, std::byte* target,
                                                                        std::uint64_t count) {
  std::uint64_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(reinterpret_cast<float*>(target + 4 * i),
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(source + 2 * i))));
  return i;
}
__attribute__((target("avx2,f16c"))) std::uint64_t float_to_half_vector(const std::byte* source, std::byte* target,
                                                                        std::uint64_t count) {
  std::uint64_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(target + 2 * i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(reinterpret_cast<const float*>(source + 4 * i)),
                                     _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  return i;
}
__attribute__((target("avx2"))) std::uint64_t float_to_bfloat16_vector(const std::byte* source, std::byte* target,
                                                                       std::uint64_t count) {
  const __m256i one = _mm256_set1_epi32(1), below_half = _mm256_set1_epi32(0x7fff);
  std::uint64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 value = _mm256_loadu_ps(reinterpret_cast<const float*>(source + 4 * i));
    const __m256i bits = _mm256_castps_si256(value);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), one);
    __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_add_epi32(below_half, odd)), 16);
    const __m256i nan = _mm256_srli_epi32(_mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q)), 16);
    rounded = _mm256_or_si256(rounded, nan);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(target + 2 * i),
                     _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1)));
  }
  return i;
}
#else
bool has_vectors() { return false; }
std::uint64_t half_to_float_vector(const std::byte*, std::byte*, std::uint64_t) { return 0; }
std::uint64_t float_to_half_vector(const std::byte*, std::byte*, std::uint64_t) { return 0; }
std::uint64_t float_to_bfloat16_vector(const std::byte*, std::byte*, std::uint64_t) { return 0; }
#endif

}  // namespace

void half_to_float(const std::byte* source, std::byte* target, std::uint64_t count) {
  const std::uint64_t done = has_vectors() ? half_to_float_vector(source, target, count) : 0;
  each<Half, float>(source + 2 * done, target + 4 * done, count - done, [](Half value) { return to_float(value); });
}

void float_to_half(const std::byte* source, std::byte* target, std::uint64_t count) {
  const std::uint64_t done = has_vectors() ? float_to_half_vector(source, target, count) : 0;
  each<float, Half>(source + 4 * done, target + 2 * done, count - done, [](float value) { return to_half(value); });
}

void bfloat16_to_float(const std::byte* source, std::byte* target, std::uint64_t count) {
  each<BFloat16, float>(source, target, count, [](BFloat16 value) { return to_float(value); });
}

void float_to_bfloat16(const std::byte* source, std::byte* target, std::uint64_t count) {
  const std::uint64_t done = has_vectors() ? float_to_bfloat16_vector(source, target, count) : 0;
  each<float, BFloat16>(source + 4 * done, target + 2 * done, count - done,
                        [](float value) { return to_bfloat16(value, 0xffff); });
}

}  // namespace flambeau::tensor
