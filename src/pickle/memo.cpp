#include "pickle/memo.h"

namespace flambeau::pickle {

void Memo::put_far(std::uint64_t index, object::Ref value) {
  if (index >= room_ && !grow(index)) {
    count_ += sparse_.insert_or_assign(index, value).second;
    return;
  }
  object::Ref& slot = chunks_[index / step][index % step];
  if (slot == unset()) count_ += sparse_.erase(index) == 0;
  slot = value;
  last_ = std::max(last_, index);
}

const object::Ref* Memo::get_far(std::uint64_t index) const noexcept {
  const auto found = sparse_.find(index);
  return found == sparse_.end() ? nullptr : &found->second;
}

bool Memo::grow(std::uint64_t index) {
  if (index > last_ + step) return false;
  for (; index >= room_; room_ += step) {
    chunks_.push_back(std::make_unique_for_overwrite<object::Ref[]>(step));
    std::fill_n(chunks_.back().get(), step, unset());
  }
  return true;
}

}  // namespace flambeau::pickle
