#pragma once
// What tells builders apart in a state_dict: a hash over the names and shapes of their trunks.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <flambeau/checkpoint.h>

namespace flambeau::models {

/// Sum of a hash of each (name, shape), whatever the order. Left out is what varies within one builder: the classifier,
/// auxiliary heads, counters of batches, a vision transformer's positions. Only names with `prefix` count, without it.
std::uint64_t fingerprint(const StateDict& state, std::string_view prefix = {});

/// Of the builder at that place of builders().
std::uint64_t fingerprint_of(std::size_t builder) noexcept;

}  // namespace flambeau::models
