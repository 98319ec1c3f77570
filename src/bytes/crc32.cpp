#include "bytes/crc32.h"

#include <libdeflate.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace flambeau::bytes {
namespace {

constexpr std::uint32_t polynomial = 0xEDB88320;  // of zip's CRC-32, bits reversed

/// a × b modulo the polynomial, bits reversed (x⁰ is the top bit).
constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t product = 0;
  for (std::uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
    if (a & bit) product ^= b;
    b = (b & 1) ? (b >> 1) ^ polynomial : b >> 1;
  }
  return product;
}

/// x to the power 8 × bytes.
constexpr std::uint32_t shift(std::uint64_t bytes) noexcept {
  std::uint32_t power = 1u << 31, square = 1u << 23;  // x⁰ and x⁸
  for (; bytes != 0; bytes >>= 1) {
    if (bytes & 1) power = multiply(power, square);
    square = multiply(square, square);
  }
  return power;
}

std::uint32_t narrow(std::uint32_t crc, std::span<const std::byte> bytes) noexcept {
  // libdeflate takes a null pointer for "give me the initial value".
  return bytes.empty() ? crc : libdeflate_crc32(crc, bytes.data(), bytes.size());
}

#if defined(__x86_64__)
// Folding as in Intel's "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ" (Gopal et al., 2009), 64 bytes
// at a time: about three times libdeflate's speed, which since its 1.20 does the same.
#define FLAMBEAU_WIDE __attribute__((target("avx512f,vpclmulqdq")))

constexpr std::size_t vector = 64, round_size = 4 * vector;

/// What each 128-bit lane's two halves are multiplied by to stand `distance` bytes further on: the product of two
/// reversed halves stands 32 bits off, and the first half lies 64 bits before the second.
template <std::uint64_t distance>
FLAMBEAU_WIDE __m512i factors() noexcept {
  constexpr auto first = static_cast<long long>(shift(distance + 4)) << 1;
  constexpr auto second = static_cast<long long>(shift(distance - 4)) << 1;
  return _mm512_set4_epi64(second, first, second, first);
}

FLAMBEAU_WIDE inline __m512i fold(__m512i sum, __m512i factors, __m512i next) noexcept {
  constexpr int exclusive_or = 0x96;
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(sum, factors, 0x00),
                                   _mm512_clmulepi64_epi128(sum, factors, 0x11), next, exclusive_or);
}

/// At least one round of bytes.
FLAMBEAU_WIDE std::uint32_t wide(std::uint32_t crc, std::span<const std::byte> bytes) noexcept {
  const std::byte* at = bytes.data();
  const std::byte* const end = at + bytes.size();
  __m512i a =
      _mm512_xor_si512(_mm512_loadu_si512(at), _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(~crc))));
  __m512i b = _mm512_loadu_si512(at + vector);
  __m512i c = _mm512_loadu_si512(at + 2 * vector);
  __m512i d = _mm512_loadu_si512(at + 3 * vector);
  const __m512i by_round = factors<round_size>();
  for (at += round_size; end - at >= static_cast<std::ptrdiff_t>(round_size); at += round_size) {
    a = fold(a, by_round, _mm512_loadu_si512(at));
    b = fold(b, by_round, _mm512_loadu_si512(at + vector));
    c = fold(c, by_round, _mm512_loadu_si512(at + 2 * vector));
    d = fold(d, by_round, _mm512_loadu_si512(at + 3 * vector));
  }
  const __m512i by_vector = factors<vector>();
  alignas(vector) std::byte sum[vector];
  _mm512_store_si512(sum, fold(fold(fold(a, by_vector, b), by_vector, c), by_vector, d));
  // These 64 bytes are congruent to all before: their CRC, begun from an empty register, is that of all.
  constexpr std::uint32_t empty_register = ~std::uint32_t{0};
  return narrow(narrow(empty_register, sum), {at, end});
}
#undef FLAMBEAU_WIDE
#endif

}  // namespace

std::uint32_t crc32(std::uint32_t crc, std::span<const std::byte> bytes) noexcept {
#if defined(__x86_64__)
  static const bool has_wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq");
  if (has_wide && bytes.size() >= round_size) return wide(crc, bytes);
#endif
  return narrow(crc, bytes);
}

std::uint32_t crc32_combine(std::uint32_t a, std::uint32_t b, std::uint64_t length_of_b) noexcept {
  return multiply(shift(length_of_b), a) ^ b;
}

}  // namespace flambeau::bytes
