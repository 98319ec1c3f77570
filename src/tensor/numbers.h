#pragma once
// The small floats: bits to float and back, round to nearest even, overflow and NaN as PyTorch 2.13 has them.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace flambeau::tensor {

struct Half {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};
struct Float8E5M2 {
  std::uint8_t bits;
};
struct Float8E4M3FN {
  std::uint8_t bits;
};
struct Float8E5M2FNUZ {
  std::uint8_t bits;
};
struct Float8E4M3FNUZ {
  std::uint8_t bits;
};
struct Float8E8M0 {
  std::uint8_t bits;
};

/// Layout of a float below 32 bits and what it does beyond its largest number.
struct SmallFloat {
  int exponent_bits, mantissa_bits, bias;
  bool negative_zero;      ///< false (fnuz): the bits of -0 are the NaN
  std::uint32_t largest;   ///< bits of the largest finite number
  std::uint32_t overflow;  ///< bits that a magnitude beyond it becomes (without sign)
  std::uint32_t nan;       ///< bits of NaN (without sign)
};
inline constexpr SmallFloat e5m2{5, 2, 15, true, 0x7b, 0x7c, 0x7f};
inline constexpr SmallFloat e4m3fn{4, 3, 7, true, 0x7e, 0x7e, 0x7f};
inline constexpr SmallFloat e5m2fnuz{5, 2, 16, false, 0x7f, 0x80, 0x80};
inline constexpr SmallFloat e4m3fnuz{4, 3, 8, false, 0x7f, 0x80, 0x80};

/// Eight bits from a float. Not for NaN-carrying payloads: every NaN becomes the one NaN with the sign kept.
constexpr std::uint8_t encode(const SmallFloat& format, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 24) & 0x80u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<std::uint8_t>(format.negative_zero ? sign | format.nan : format.nan);
  const int shift = 23 - format.mantissa_bits;
  const int exponent = static_cast<int>(magnitude >> 23) - 127 + format.bias;
  std::uint32_t result = 0;
  if (magnitude == 0x7f800000u) {
    result = format.overflow;
  } else if (exponent >= 1) {
    const std::uint32_t rebased = magnitude - (static_cast<std::uint32_t>(127 - format.bias) << 23);
    const std::uint32_t odd = (rebased >> shift) & 1u;
    result = (rebased + (1u << (shift - 1)) - 1u + odd) >> shift;
    if (result > format.largest) result = format.overflow;
  } else if (exponent > -format.mantissa_bits - 1) {
    const std::uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    const int down = shift + 1 - exponent;  // ≤ 24
    const std::uint32_t odd = (mantissa >> down) & 1u;
    result = (mantissa + (1u << (down - 1)) - 1u + odd) >> down;
  }
  if (!format.negative_zero && (result == 0 || result == format.nan)) return static_cast<std::uint8_t>(result);
  return static_cast<std::uint8_t>(sign | result);
}

constexpr float decode(const SmallFloat& format, std::uint8_t bits) {
  const std::uint32_t magnitude = bits & 0x7fu, sign = static_cast<std::uint32_t>(bits & 0x80u) << 24;
  if (!format.negative_zero && bits == format.nan) return std::numeric_limits<float>::quiet_NaN();
  const std::uint32_t exponent = magnitude >> format.mantissa_bits;
  const std::uint32_t mantissa = magnitude & ((1u << format.mantissa_bits) - 1u);
  if (format.negative_zero && magnitude > format.largest) {
    const std::uint32_t payload =
        format.overflow == magnitude ? 0u : 0x400000u | (mantissa << (23 - format.mantissa_bits));
    return std::bit_cast<float>(sign | 0x7f800000u | payload);
  }
  // Subnormals are whole multiples of 2^(1 - bias - mantissa bits): the product is exact.
  const auto unit =
      std::bit_cast<float>(static_cast<std::uint32_t>(127 + 1 - format.bias - format.mantissa_bits) << 23);
  const float value = exponent == 0
                          ? static_cast<float>(mantissa) * unit
                          : std::bit_cast<float>((exponent + static_cast<std::uint32_t>(127 - format.bias)) << 23 |
                                                 mantissa << (23 - format.mantissa_bits));
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | sign);
}

constexpr float to_float(Half value) {
  const std::uint32_t sign = static_cast<std::uint32_t>(value.bits & 0x8000u) << 16, magnitude = value.bits & 0x7fffu;
  if (magnitude > 0x7c00u) return std::bit_cast<float>(sign | 0x7fc00000u | magnitude << 13);  // quiet, as F16C does
  if (magnitude == 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u);
  if (magnitude < 0x400u)
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-24f) | sign);
  return std::bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));
}
constexpr Half to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  std::uint32_t result = 0;
  if (magnitude > 0x7f800000u) {
    result = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  } else if (magnitude >= 0x477ff000u) {  // 65520 and more round to infinity
    result = 0x7c00u;
  } else if (magnitude >= 0x38800000u) {
    result = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  } else if (magnitude >= 0x33000000u) {
    const std::uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u, down = 126u - (magnitude >> 23);
    result = (mantissa + (1u << (down - 1)) - 1u + ((mantissa >> down) & 1u)) >> down;
  }
  return {static_cast<std::uint16_t>(sign | result)};
}

constexpr float to_float(BFloat16 value) { return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16); }
/// NaN becomes `nan`: PyTorch's scalar code says 0x7fc0, its vector code for float32 says 0xffff.
constexpr BFloat16 to_bfloat16(float value, std::uint16_t nan = 0x7fc0) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto rounded = static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
  return {(bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded};
}

constexpr float to_float(Float8E5M2 value) { return decode(e5m2, value.bits); }
constexpr float to_float(Float8E4M3FN value) { return decode(e4m3fn, value.bits); }
constexpr float to_float(Float8E5M2FNUZ value) { return decode(e5m2fnuz, value.bits); }
constexpr float to_float(Float8E4M3FNUZ value) { return decode(e4m3fnuz, value.bits); }
/// A power of two without sign: 2^(bits - 127), 0xff is NaN.
constexpr float to_float(Float8E8M0 value) {
  if (value.bits == 0) return std::bit_cast<float>(0x00400000u);
  if (value.bits == 0xff) return std::numeric_limits<float>::quiet_NaN();
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 23);
}
/// The exponent, rounded by the mantissa to nearest; the sign is dropped, infinity is NaN.
constexpr Float8E8M0 to_e8m0(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  std::uint32_t exponent = (bits >> 23) & 0xffu;
  const std::uint32_t mantissa = bits & 0x7fffffu;
  if (exponent != 0xff && (mantissa > 0x400000u || (mantissa == 0x400000u && exponent > 0))) ++exponent;
  return {static_cast<std::uint8_t>(exponent)};
}

}  // namespace flambeau::tensor
