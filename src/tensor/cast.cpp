// Every pair of dtypes goes through one of six wide kinds (int64, uint64, float, double and the two complex), block by
// block: 22 ways in and 22 × 6 ways out instead of 22 × 22 loops, with the roundings that PyTorch's c10::convert has.
#include "tensor/cast.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <complex>
#include <cstring>
#include <type_traits>

#include "tensor/half.h"
#include "tensor/numbers.h"

namespace flambeau::tensor {
namespace {

constexpr std::uint64_t block = 512;

struct Bool {
  std::uint8_t bits;
};
struct ComplexHalf {
  Half real, imag;
};

template <class T>
constexpr bool is_complex = false;
template <>
constexpr bool is_complex<std::complex<float>> = true;
template <>
constexpr bool is_complex<std::complex<double>> = true;

/// Calls f.template operator()<T>() with the element type; false for dtypes that are no plain numbers.
template <class F>
bool with_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::uint8:
      f.template operator()<std::uint8_t>();
      return true;
    case DType::int8:
      f.template operator()<std::int8_t>();
      return true;
    case DType::int16:
      f.template operator()<std::int16_t>();
      return true;
    case DType::int32:
      f.template operator()<std::int32_t>();
      return true;
    case DType::int64:
      f.template operator()<std::int64_t>();
      return true;
    case DType::uint16:
      f.template operator()<std::uint16_t>();
      return true;
    case DType::uint32:
      f.template operator()<std::uint32_t>();
      return true;
    case DType::uint64:
      f.template operator()<std::uint64_t>();
      return true;
    case DType::boolean:
      f.template operator()<Bool>();
      return true;
    case DType::float16:
      f.template operator()<Half>();
      return true;
    case DType::bfloat16:
      f.template operator()<BFloat16>();
      return true;
    case DType::float8_e5m2:
      f.template operator()<Float8E5M2>();
      return true;
    case DType::float8_e4m3fn:
      f.template operator()<Float8E4M3FN>();
      return true;
    case DType::float8_e5m2fnuz:
      f.template operator()<Float8E5M2FNUZ>();
      return true;
    case DType::float8_e4m3fnuz:
      f.template operator()<Float8E4M3FNUZ>();
      return true;
    case DType::float8_e8m0fnu:
      f.template operator()<Float8E8M0>();
      return true;
    case DType::float32:
      f.template operator()<float>();
      return true;
    case DType::float64:
      f.template operator()<double>();
      return true;
    case DType::complex32:
      f.template operator()<ComplexHalf>();
      return true;
    case DType::complex64:
      f.template operator()<std::complex<float>>();
      return true;
    case DType::complex128:
      f.template operator()<std::complex<double>>();
      return true;
    default:
      return false;
  }
}

// In: an element as its wide kind.
template <class T>
auto widen(T value) {
  if constexpr (std::is_same_v<T, Bool>)
    return std::int64_t{value.bits != 0};
  else if constexpr (std::is_same_v<T, std::uint64_t> || std::is_floating_point_v<T> || is_complex<T>)
    return value;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<std::int64_t>(value);
  else if constexpr (std::is_same_v<T, ComplexHalf>)
    return std::complex<float>(to_float(value.real), to_float(value.imag));
  else
    return to_float(value);
}
template <class T>
using Wide = decltype(widen(T{}));

// Float to integer as x86 truncates: what does not fit becomes the smallest integer of 32 or 64 bits, then its low
// bits.
template <class Int, class Float>
Int truncate(Float value) {
  constexpr Float end = static_cast<Float>(std::uint64_t{1} << (sizeof(Int) * 8 - 1));
  return value >= -end && value < end ? static_cast<Int>(value) : std::numeric_limits<Int>::min();
}
template <class Int, class Float>
Int to_integer(Float value) {
  constexpr auto half = static_cast<Float>(std::uint64_t{1} << 63);
  if constexpr (std::is_same_v<Int, std::uint64_t>)
    return value >= half ? static_cast<std::uint64_t>(truncate<std::int64_t>(value - half)) ^ (std::uint64_t{1} << 63)
                         : static_cast<std::uint64_t>(truncate<std::int64_t>(value));
  else if constexpr (sizeof(Int) == 8 || std::is_same_v<Int, std::uint32_t> || std::is_same_v<Int, std::uint8_t>)
    return static_cast<Int>(truncate<std::int64_t>(value));
  else
    return static_cast<Int>(truncate<std::int32_t>(value));
}

// Out: a wide kind as an element.
template <class T, class W>
T narrow(W value) {
  if constexpr (std::is_same_v<T, Bool>) {
    return {static_cast<std::uint8_t>(value != W{})};
  } else if constexpr (std::is_same_v<T, ComplexHalf>) {
    if constexpr (is_complex<W>)
      return {narrow<Half>(value.real()), narrow<Half>(value.imag())};
    else
      return {narrow<Half>(value), Half{0}};
  } else if constexpr (is_complex<T>) {
    using Real = typename T::value_type;
    if constexpr (is_complex<W>)
      return T(static_cast<Real>(value.real()), static_cast<Real>(value.imag()));
    else
      return T(static_cast<Real>(value), Real{0});
  } else if constexpr (is_complex<W>) {
    return narrow<T>(value.real());
  } else if constexpr (std::is_integral_v<T> && std::is_floating_point_v<W>) {
    return to_integer<T>(value);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return static_cast<T>(value);
  } else {
    const auto single = static_cast<float>(value);
    if constexpr (std::is_same_v<T, Half>) return to_half(single);
    if constexpr (std::is_same_v<T, BFloat16>) return to_bfloat16(single);
    if constexpr (std::is_same_v<T, Float8E5M2>) return {encode(e5m2, single)};
    if constexpr (std::is_same_v<T, Float8E4M3FN>) return {encode(e4m3fn, single)};
    if constexpr (std::is_same_v<T, Float8E5M2FNUZ>) return {encode(e5m2fnuz, single)};
    if constexpr (std::is_same_v<T, Float8E4M3FNUZ>) return {encode(e4m3fnuz, single)};
    if constexpr (std::is_same_v<T, Float8E8M0>) return to_e8m0(single);
  }
}

template <class T>
void load(const std::byte* source, Wide<T>* wide, std::uint64_t count) {
  if constexpr (std::is_same_v<T, Half>) {
    half_to_float(source, reinterpret_cast<std::byte*>(wide), count);
  } else {
    for (std::uint64_t i = 0; i < count; ++i) {
      T value;
      std::memcpy(&value, source + i * sizeof(T), sizeof(T));
      wide[i] = widen(value);
    }
  }
}

template <class T, class W>
void store(const W* wide, std::byte* target, std::uint64_t count) {
  if constexpr (std::is_same_v<T, Half> && std::is_same_v<W, float>) {
    float_to_half(reinterpret_cast<const std::byte*>(wide), target, count);
  } else {
    for (std::uint64_t i = 0; i < count; ++i) {
      const T value = narrow<T>(wide[i]);
      std::memcpy(target + i * sizeof(T), &value, sizeof(T));
    }
  }
}

template <class W>
using Store = void (*)(const W*, std::byte*, std::uint64_t);

template <class W>
Store<W> store_of(DType to) {
  Store<W> found = nullptr;
  with_type(to, [&]<class T>() { found = &store<T, W>; });
  return found;
}

template <class From>
void cast_from(const std::byte* source, DType to, std::byte* target, std::uint64_t count) {
  using W = Wide<From>;
  const Store<W> out = store_of<W>(to);
  alignas(64) W wide[block];
  for (std::uint64_t at = 0; at < count; at += block) {
    const std::uint64_t length = std::min(block, count - at);
    load<From>(source + at * sizeof(From), wide, length);
    out(wide, target + at * itemsize(to), length);
  }
}

bool castable(DType dtype) {
  return with_type(dtype, []<class T>() {});
}

}  // namespace

void check_castable(DType from, DType to) {
  if (!castable(from) || !castable(to))
    throw Error(ErrorCode::unsupported, fmt::format("{} cannot be converted to {}", name(from), name(to)));
}

void cast(DType from, const std::byte* source, DType to, std::byte* target, std::uint64_t count) {
  if (count == 0) return;
  if (from == to) {
    std::memcpy(target, source, count * itemsize(from));
    return;
  }
  check_castable(from, to);
  if (from == DType::float32 && to == DType::bfloat16) return float_to_bfloat16(source, target, count);
  if (from == DType::float32 && to == DType::float16) return float_to_half(source, target, count);
  if (from == DType::bfloat16 && to == DType::float32) return bfloat16_to_float(source, target, count);
  if (from == DType::float16 && to == DType::float32) return half_to_float(source, target, count);
  with_type(from, [&]<class From>() { cast_from<From>(source, to, target, count); });
}

}  // namespace flambeau::tensor
