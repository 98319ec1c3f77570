#pragma once
// The arithmetic under the generator, written so that the compiler vectorises it; chosen once for the processor.
// Results do not depend on the choice: all rounding is spelt out (std::fma), as torch's AVX2 kernels round.

#include <cstddef>
#include <cstdint>

namespace flambeau::nn::random {

inline constexpr std::size_t state_size = 624;

struct Kernels {
  /// The next 624 words of mt19937, in place.
  void (*refill)(std::uint32_t* state);
  /// Output words of state words.
  void (*temper)(const std::uint32_t* state, std::uint32_t* out, std::size_t n);
  /// out = (draw's low 24 bits * 2^-24) * range + from, one fma.
  void (*uniform)(const std::uint32_t* draws, float* out, std::size_t n, float range, float from);
  /// Box-Muller over blocks of 16 draws: the first 8 give radii, the last 8 angles.
  void (*normal)(const std::uint32_t* draws, float* out, std::size_t blocks, float mean, float std);
};

/// The fastest that this processor runs.
const Kernels& kernels() noexcept;
/// The portable ones; the tests compare.
const Kernels& plain_kernels() noexcept;
#if defined(__x86_64__)
extern const Kernels avx2_kernels;
#endif

}  // namespace flambeau::nn::random
