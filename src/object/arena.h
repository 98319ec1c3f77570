#pragma once
// Memory for nodes of one type: chunks that grow and never move.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

namespace flambeau::object {

template <class T>
class Arena {
 public:
  /// A new default-made T; it lives as long as the arena.
  T& make() {
    if (used_ == capacity_) {
      if (chunks_.empty()) chunks_.reserve(least);  // enough for nearly every heap
      capacity_ = chunks_.empty() ? least : std::min(capacity_ * 2, most);
      chunks_.push_back(std::make_unique<T[]>(capacity_));
      used_ = 0;
    }
    return chunks_.back()[used_++];
  }

 private:
  static constexpr std::size_t least = 8, most = 256;  // small, so that a heap's memory follows what it holds
  std::vector<std::unique_ptr<T[]>> chunks_{};
  std::size_t used_ = 0, capacity_ = 0;
};

}  // namespace flambeau::object
