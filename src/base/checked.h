#pragma once
// Arithmetic on numbers that a file controls. Nothing here wraps: a result that does not fit is told, never used.

#include <concepts>
#include <cstdint>

namespace flambeau::base {

/// Types that lengths, counts and offsets have; narrower ones would be promoted behind our back.
template <class T>
concept Number = std::integral<T> && sizeof(T) >= 4;

/// True and the sum in `out` when it fits into T; otherwise false and `out` is untouched.
template <Number T>
[[nodiscard]] constexpr bool checked_add(T a, T b, T& out) noexcept {
  T result{};
  if (__builtin_add_overflow(a, b, &result)) return false;
  out = result;
  return true;
}

/// The same for the product.
template <Number T>
[[nodiscard]] constexpr bool checked_mul(T a, T b, T& out) noexcept {
  T result{};
  if (__builtin_mul_overflow(a, b, &result)) return false;
  out = result;
  return true;
}

/// Whether [offset, offset + size) lies inside `total` bytes.
constexpr bool inside(std::uint64_t offset, std::uint64_t size, std::uint64_t total) noexcept {
  return offset <= total && size <= total - offset;
}

}  // namespace flambeau::base
