#pragma once
// What differs between two checkpoints besides their tensors.

#include <cstdint>
#include <string>
#include <vector>

#include <flambeau/object.h>

namespace cli {

struct OtherValues {
  std::uint64_t differing = 0;
  std::vector<std::string> first{};  // paths of the first few, keys joined by dots
};

/// Values that are no tensors: those that differ, and those that only one of the two trees has. Lists and tuples, dicts
/// and OrderedDicts count as the same; nothing is said of attributes of dicts (`_metadata`) and of tensors. Throws
/// Error(limit) for graphs that would take too long.
OtherValues differing_values(const flambeau::Value& a, const flambeau::Value& b);

}  // namespace cli
