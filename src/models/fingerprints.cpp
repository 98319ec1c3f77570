#include "models/fingerprints.h"

#include <algorithm>
#include <array>

#include <flambeau/models.h>

namespace flambeau::models {
namespace {

constexpr std::array<std::string_view, 7> varying = {"classifier.", "fc.",   "head.",     "heads.",
                                                     "aux1.",       "aux2.", "AuxLogits."};

bool varies(std::string_view name) {
  return name.ends_with(".num_batches_tracked") || name == "encoder.pos_embedding" ||
         std::ranges::any_of(varying, [&](std::string_view start) { return name.starts_with(start); });
}

// FNV-1a, then SplitMix64's finaliser, so that sums of many stay spread.
constexpr std::uint64_t mixed(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}
std::uint64_t hash_of(std::string_view name, const Shape& shape) {
  constexpr std::uint64_t prime = 0x100000001b3U;
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * prime;
  for (const std::int64_t size : shape) hash = (hash ^ mixed(static_cast<std::uint64_t>(size) + 1)) * prime;
  return mixed(hash);
}

// One per builder, alphabetical as they are; a test recomputes them and prints the row that should stand here.
constexpr std::array<std::uint64_t, 80> prints = {
#include "models/fingerprints.inc"
};

}  // namespace

std::uint64_t fingerprint(const StateDict& state, std::string_view prefix) {
  std::uint64_t sum = 0;
  for (const StateDict::Entry& entry : state) {
    std::string_view name = entry.name;
    if (!entry.tensor.defined() || !name.starts_with(prefix)) continue;
    name.remove_prefix(prefix.size());
    if (!varies(name)) sum += hash_of(name, entry.tensor.shape());
  }
  return sum;
}

std::uint64_t fingerprint_of(std::size_t builder) noexcept { return prints[builder]; }

}  // namespace flambeau::models
