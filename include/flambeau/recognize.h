#pragma once
/// Which of torchvision's builders do these weights belong to? Names and shapes decide; values are not read.
///
/// Settings that leave no trace in weights (strides, eps, `transform_input`) are the builder's: a network of somebody
/// else with the same names and shapes but another stride cannot be told apart.
/// Threads: free of shared state. Cost: a hash of the names, and one bare module (a millisecond) where a builder fits;
/// all eighty where none does.

#include <cstddef>
#include <string>
#include <vector>

#include <flambeau/models.h>

namespace flambeau::models {

/// A builder held against a state_dict, with as many classes, auxiliary heads and positions as the state_dict has.
struct Comparison {
  const Builder* builder = nullptr;
  std::size_t expected = 0;               ///< tensors of the builder
  std::size_t matched = 0;                ///< of them in the state_dict with the same shape
  std::vector<std::string> missing{};     ///< names of the builder that the state_dict lacks
  std::vector<std::string> unexpected{};  ///< names of the state_dict that the builder lacks
  std::vector<std::string> reshaped{};    ///< "fc.weight: (10, 256) for (10, 512)": found, expected
  bool fits() const noexcept { return matched == expected && unexpected.empty(); }
  /// "122 of 122 names and shapes", or what differs: at most five names of each kind.
  std::string to_string() const;
};

struct Recognition {
  std::vector<Comparison> candidates{};  ///< best first; the only one where it fits, else the three nearest
  Options options{};                     ///< for make(): classes, auxiliary heads and sizes of the state_dict
  StateDict state{};                     ///< under the builder's names: without wrappers and what belongs to no model
  std::string prefix{};                  ///< taken off every name ("module.", "model.backbone.")
  std::vector<std::string> notes{};      ///< what was done to the names, in words for people

  bool recognized() const noexcept { return !candidates.empty() && candidates.front().fits(); }
  const Builder* builder() const noexcept { return recognized() ? candidates.front().builder : nullptr; }
};

/// Finds the builder. Understands another number of classes, names of older versions (densenet's `norm.1`, vit's
/// `linear_1`), counters that old files lack, auxiliary heads that are absent or have other classes than the main one,
/// and what wraps a model: DataParallel, compile, FSDP and any attribute that holds it (Lightning's `model.`), with
/// other things beside. Never throws for what the state_dict holds.
Recognition recognize(const StateDict& state_dict);
/// The same with one builder only: `candidates` holds the comparison with it.
Recognition recognize(const StateDict& state_dict, const Builder& builder);
/// Throws Error(mismatch) that names the nearest builders and what differs, unless it was recognised.
const Builder& require(const Recognition& recognition);

}  // namespace flambeau::models
