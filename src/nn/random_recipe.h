#pragma once
// mt19937 and torch's float32 transforms over `L`, a type of lanes (one float, or eight). Included once per instruction
// set; every L has internal linkage, so that code for a newer processor is never merged with code for an older one.
//
// All rounding is spelt out: products and sums round apart unless L::fma says otherwise. The polynomials are Cephes'.

#include "nn/random_kernels.h"

namespace flambeau::nn::random {

inline std::uint32_t twist(std::uint32_t high, std::uint32_t low) {
  const std::uint32_t y = (high & 0x80000000u) | (low & 0x7fffffffu);
  return (y >> 1) ^ ((0u - (low & 1u)) & 0x9908b0dfu);
}

template <class L>
struct Recipe {
  using F = typename L::F;
  using I = typename L::I;

  static void refill(std::uint32_t* s) {
    constexpr std::size_t middle = 397, first = state_size - middle;
    // Pieces are not longer than the distance of their dependence, so that each is a vector loop.
    for (std::size_t i = 0; i < first; ++i) s[i] = s[i + middle] ^ twist(s[i], s[i + 1]);
    for (std::size_t i = first; i < 2 * first; ++i) s[i] = s[i - first] ^ twist(s[i], s[i + 1]);
    for (std::size_t i = 2 * first; i < state_size - 1; ++i) s[i] = s[i - first] ^ twist(s[i], s[i + 1]);
    s[state_size - 1] = s[middle - 1] ^ twist(s[state_size - 1], s[0]);
  }

  static void temper(const std::uint32_t* __restrict state, std::uint32_t* __restrict out, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      std::uint32_t y = state[i];
      y ^= y >> 11;
      y ^= (y << 7) & 0x9d2c5680u;
      y ^= (y << 15) & 0xefc60000u;
      out[i] = y ^ (y >> 18);
    }
  }

  static void uniform(const std::uint32_t* __restrict draws, float* __restrict out, std::size_t n, float range,
                      float from) {
    for (std::size_t i = 0; i < n; ++i) {
      const float unit = static_cast<float>(static_cast<std::int32_t>(draws[i] & 0xffffffu)) * 0x1p-24f;
      out[i] = __builtin_fmaf(unit, range, from);
    }
  }

  static F unit(const std::uint32_t* draws) {
    return L::to_float(L::load(draws) & L::bits(0xffffff)) * L::all(0x1p-24f);
  }

  /// Natural logarithm of x in [2^-24, 1].
  static F log(F x) {
    const I bits = L::bits_of(x);
    I exponent = L::shift_right(bits, 23) - L::bits(126);
    F m = L::float_of((bits & L::bits(0x007fffff)) | L::bits(0x3f000000));
    const I low = L::less(m, L::all(0.707106781186547524f));  // all ones where true
    exponent = exponent + low;
    m = (m - L::all(1.0f)) + L::float_of(L::bits_of(m) & low);
    const F e = L::to_float(exponent);
    const F z = m * m;
    constexpr float coefficients[] = {-1.1514610310E-1f, 1.1676998740E-1f, -1.2420140846E-1f, 1.4249322787E-1f,
                                      -1.6668057665E-1f, 2.0000714765E-1f, -2.4999993993E-1f, 3.3333331174E-1f};
    F y = L::all(7.0376836292E-2f);
    for (const float c : coefficients) y = L::fma(y, m, L::all(c));
    y = y * m;
    y = L::fma(y, z, e * L::all(-2.12194440e-4f));
    y = L::fma(-z, L::all(0.5f), y);
    m = m + y;
    return L::fma(e, L::all(0.693359375f), m);
  }

  /// Of an angle in [0, 2π).
  static void sincos(F angle, F& sine, F& cosine) {
    const I j = (L::to_int(angle * L::all(1.27323954473516f)) + L::bits(1)) & L::bits(~1);
    const F y = L::to_float(j);
    F x = L::fma(y, L::all(-0.78515625f), angle);
    x = L::fma(y, L::all(-2.4187564849853515625e-4f), x);
    x = L::fma(y, L::all(-3.77489497744594108e-8f), x);
    const F z = x * x;
    F c = L::fma(L::fma(L::all(2.443315711809948E-5f), z, L::all(-1.388731625493765E-3f)), z,
                 L::all(4.166664568298827E-2f));
    c = L::fma(c * z, z, L::all(-0.5f) * z) + L::all(1.0f);
    F s = L::fma(L::fma(L::all(-1.9515295891E-4f), z, L::all(8.3321608736E-3f)), z, L::all(-1.6666654611E-1f));
    s = L::fma(s * z, x, x);
    const I swap = L::bits(0) - (L::shift_right(j, 1) & L::bits(1));
    const I s_bits = L::bits_of(s), c_bits = L::bits_of(c), differing = (s_bits ^ c_bits) & swap;
    const I sine_sign = L::shift_left(j & L::bits(4), 29);
    const I cosine_sign = L::shift_left((j + L::bits(2)) & L::bits(4), 29);
    sine = L::float_of(s_bits ^ differing ^ sine_sign);
    cosine = L::float_of(c_bits ^ differing ^ cosine_sign);
  }

  static void normal(const std::uint32_t* draws, float* out, std::size_t blocks, float mean, float std) {
    for (std::size_t block = 0; block < blocks; ++block, draws += 16, out += 16)
      for (std::size_t j = 0; j < 8; j += L::width) {
        const F radius = L::sqrt(L::all(-2.0f) * log(L::all(1.0f) - unit(draws + j)));
        F sine, cosine;
        sincos(L::all(6.283185307179586f) * unit(draws + j + 8), sine, cosine);
        L::store(out + j, L::fma(radius * cosine, L::all(std), L::all(mean)));
        L::store(out + j + 8, L::fma(radius * sine, L::all(std), L::all(mean)));
      }
  }
};

}  // namespace flambeau::nn::random
