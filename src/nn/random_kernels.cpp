#include "nn/random_kernels.h"

#include <bit>
#include <cmath>

#include "nn/random_recipe.h"

namespace flambeau::nn::random {
namespace {

/// One lane. std::fma is exact everywhere, if slow where it is no instruction.
struct Plain {
  using F = float;
  using I = std::int32_t;
  static constexpr std::size_t width = 1;
  static F all(float v) { return v; }
  static I bits(std::int32_t v) { return v; }
  static I load(const std::uint32_t* p) { return static_cast<I>(*p); }
  static void store(float* p, F v) { *p = v; }
  static F to_float(I v) { return static_cast<F>(v); }
  static I to_int(F v) { return static_cast<I>(v); }
  static I bits_of(F v) { return std::bit_cast<I>(v); }
  static F float_of(I v) { return std::bit_cast<F>(v); }
  static I shift_right(I v, int n) { return static_cast<I>(static_cast<std::uint32_t>(v) >> n); }
  static I shift_left(I v, int n) { return static_cast<I>(static_cast<std::uint32_t>(v) << n); }
  static I less(F a, F b) { return a < b ? -1 : 0; }
  static F fma(F a, F b, F c) { return std::fma(a, b, c); }
  static F sqrt(F v) { return std::sqrt(v); }
};

using R = Recipe<Plain>;
constexpr Kernels plain = {R::refill, R::temper, R::uniform, R::normal};

}  // namespace

const Kernels& kernels() noexcept {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has_avx2) return avx2_kernels;
#endif
  return plain;
}

const Kernels& plain_kernels() noexcept { return plain; }

}  // namespace flambeau::nn::random
