#pragma once
// The memo: dense where indices come in order, as every pickler writes them; a map for those that jump.

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include <flambeau/object.h>

namespace flambeau::pickle {

class Memo {
 public:
  void put(std::uint64_t index, object::Ref value) {
    if (index > last_ + step) {
      count_ += sparse_.insert_or_assign(index, value).second;
      return;
    }
    while (index >= chunks_.size() * step) chunks_.push_back(std::vector<object::Ref>(step, unset()));
    object::Ref& slot = chunks_[index / step][index % step];
    if (slot == unset() && (sparse_.empty() || sparse_.erase(index) == 0)) ++count_;
    slot = value;
    if (index > last_) last_ = index;
  }
  std::optional<object::Ref> get(std::uint64_t index) const noexcept {
    if (index < chunks_.size() * step) {
      const object::Ref slot = chunks_[index / step][index % step];
      if (slot != unset()) return slot;
    }
    const auto found = sparse_.find(index);
    return found == sparse_.end() ? std::nullopt : std::optional(found->second);
  }
  /// Filled slots: MEMOIZE's next index.
  std::uint64_t size() const noexcept { return count_; }
  std::uint64_t memory() const noexcept {
    return chunks_.size() * (step * sizeof(object::Ref) + 40) + sparse_.size() * 48;
  }

 private:
  static constexpr std::uint64_t step = 512;
  static object::Ref unset() noexcept { return object::Ref(nullptr); }

  std::vector<std::vector<object::Ref>> chunks_{};
  std::unordered_map<std::uint64_t, object::Ref> sparse_{};
  std::uint64_t count_ = 0, last_ = 0;
};

}  // namespace flambeau::pickle
