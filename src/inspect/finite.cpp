#include "inspect/finite.h"

#include <cstring>

namespace flambeau::inspect {
namespace {

/// IEEE-like: all exponent bits set is infinity without mantissa bits, NaN with some.
template <class Bits>
void count_ieee(std::span<const std::byte> bytes, Bits exponent, Bits mantissa, NotFiniteCount& count) {
  const std::size_t size = bytes.size() / sizeof(Bits);
  std::uint64_t special = 0, infinite = 0;
  for (std::size_t i = 0; i < size; ++i) {
    Bits value;
    std::memcpy(&value, bytes.data() + i * sizeof(Bits), sizeof(Bits));
    const bool is_special = (value & exponent) == exponent;
    special += is_special;
    infinite += is_special && (value & mantissa) == 0;
  }
  count.inf += infinite;
  count.nan += special - infinite;
}

/// Float8 kinds without infinity: a few patterns are NaN.
template <class IsNan>
void count_bytes(std::span<const std::byte> bytes, NotFiniteCount& count, IsNan&& is_nan) {
  for (const std::byte byte : bytes) count.nan += is_nan(std::to_integer<unsigned>(byte));
}

}  // namespace

void count_not_finite(std::span<const std::byte> bytes, DType dtype, NotFiniteCount& count) {
  using U8 = std::uint8_t;
  using U16 = std::uint16_t;
  using U32 = std::uint32_t;
  using U64 = std::uint64_t;
  switch (dtype) {
    case DType::float16:
    case DType::complex32:
      return count_ieee<U16>(bytes, 0x7C00, 0x03FF, count);
    case DType::bfloat16:
      return count_ieee<U16>(bytes, 0x7F80, 0x007F, count);
    case DType::float32:
    case DType::complex64:
      return count_ieee<U32>(bytes, 0x7F800000, 0x007FFFFF, count);
    case DType::float64:
    case DType::complex128:
      return count_ieee<U64>(bytes, 0x7FF0000000000000, 0x000FFFFFFFFFFFFF, count);
    case DType::float8_e5m2:
      return count_ieee<U8>(bytes, 0x7C, 0x03, count);
    case DType::float8_e4m3fn:
      return count_bytes(bytes, count, [](unsigned byte) { return (byte & 0x7F) == 0x7F; });
    case DType::float8_e4m3fnuz:
    case DType::float8_e5m2fnuz:
      return count_bytes(bytes, count, [](unsigned byte) { return byte == 0x80; });
    case DType::float8_e8m0fnu:
      return count_bytes(bytes, count, [](unsigned byte) { return byte == 0xFF; });
    default:
      return;
  }
}

}  // namespace flambeau::inspect
