#pragma once
// What every target shares: small limits, so that a run finds wrong claims instead of filling memory.

#include <cstddef>
#include <cstdint>
#include <span>

#include <flambeau/error.h>
#include <flambeau/limits.h>

namespace fuzz {

inline flambeau::Limits limits() {
  flambeau::Limits limits;
  limits.max_objects = 1 << 20;
  limits.max_memo = 1 << 20;
  limits.max_inflated_total = 64 << 20;
  limits.max_dense_bytes = 64 << 20;
  return limits;
}

/// Runs `act` on the input; an Error is a proper answer.
int run(const std::uint8_t* data, std::size_t size, auto&& act) {
  try {
    act(std::as_bytes(std::span(data, size)));
  } catch (const flambeau::Error&) {
  }
  return 0;
}

}  // namespace fuzz
