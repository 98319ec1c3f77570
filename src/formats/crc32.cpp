#include "formats/crc32.h"

namespace flambeau::formats {
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

}  // namespace

std::uint32_t crc32_combine(std::uint32_t a, std::uint32_t b, std::uint64_t length_of_b) noexcept {
  return multiply(shift(length_of_b), a) ^ b;
}

}  // namespace flambeau::formats
