#pragma once
// The memo: dense where indices come in order, as every pickler writes them; a map for those that jump.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include <flambeau/object.h>

namespace flambeau::pickle {

class Memo {
 public:
  void put(std::uint64_t index, object::Ref value) {
    if (index >= room_ || !sparse_.empty()) [[unlikely]]
      return put_far(index, value);
    object::Ref& slot = chunks_[index / step][index % step];
    count_ += slot == unset();
    slot = value;
    last_ = std::max(last_, index);
  }
  /// Null for a slot that was never filled; good until the next put.
  const object::Ref* get(std::uint64_t index) const noexcept {
    if (index < room_) {
      const object::Ref& slot = chunks_[index / step][index % step];
      if (slot != unset()) return &slot;
    }
    return get_far(index);
  }
  /// Filled slots: MEMOIZE's next index.
  std::uint64_t size() const noexcept { return count_; }
  std::uint64_t memory() const noexcept {
    return chunks_.size() * (step * sizeof(object::Ref) + 40) + sparse_.size() * 48;
  }

 private:
  static constexpr std::uint64_t step = 512;
  static object::Ref unset() noexcept { return object::Ref(nullptr); }

  // What is not at hand: past the chunks, or in the map.
  void put_far(std::uint64_t index, object::Ref value);
  const object::Ref* get_far(std::uint64_t index) const noexcept;
  /// Makes room for `index`, unless it jumps.
  bool grow(std::uint64_t index);

  std::vector<std::unique_ptr<object::Ref[]>> chunks_{};
  std::unordered_map<std::uint64_t, object::Ref> sparse_{};
  std::uint64_t count_ = 0, last_ = 0, room_ = 0;  // room in chunks_
};

}  // namespace flambeau::pickle
