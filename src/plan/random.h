#pragma once
// Random masks: a function of (seed, run, index), so that they need no state and do not depend on threads.

#include <flambeau/graph.h>

#include <cstdint>

namespace flambeau::plan {

/// SplitMix64's finaliser: every bit of the result depends on every bit of `x`.
constexpr std::uint64_t mixed(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

/// What the element (or the group of elements that share a draw) `index` is multiplied with: 0 or 1 / (1 - p).
inline float keep_factor(const graph::DropAttributes& a, std::uint64_t run, std::uint64_t index) noexcept {
  const std::uint64_t bits = mixed(mixed(mixed(a.seed) ^ run) ^ index) >> 11;  // 53 bits
  const bool keep = static_cast<double>(bits) * 0x1p-53 >= a.p;
  return keep ? static_cast<float>(1.0 / (1.0 - a.p)) : 0.0F;
}

}  // namespace flambeau::plan
