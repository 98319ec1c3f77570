#pragma once
// A recorded forward pass with what its constants held: enough to tell whether a plan made from it still stands.

#include <cstdint>
#include <vector>

#include <flambeau/graph.h>

namespace flambeau::run {

class Recording {
 public:
  explicit Recording(graph::Graph graph);

  const graph::Graph& graph() const noexcept { return graph_; }
  /// The same operations on the same values. Constants made anew by each forward pass count as equal when their bytes
  /// are.
  bool same_as(const Recording& other) const;
  /// False when a run draws random numbers or updates statistics: such a recording is run once.
  bool repeatable() const noexcept { return repeatable_; }

 private:
  graph::Graph graph_;
  std::vector<std::uint64_t> fingerprints_{};  // one per node; 0 unless a constant
  bool repeatable_ = true;
};

}  // namespace flambeau::run
