#include "pickle/ref_stack.h"

namespace flambeau::pickle {

void RefStack::truncate(std::size_t size) noexcept {
  const std::size_t needed = size / chunk + 2;  // one spare
  if (chunks_.size() > needed) chunks_.resize(needed);
  end_at(size);
}

void RefStack::next_chunk() {
  const std::size_t size = this->size();
  if (size == chunks_.size() * chunk) chunks_.push_back(std::make_unique<object::Ref[]>(chunk));
  below_ = size;
  first_ = at_ = chunks_[size / chunk].get();
  end_ = first_ + chunk;
}

void RefStack::end_at(std::size_t size) noexcept {
  below_ = size == 0 ? 0 : (size - 1) / chunk * chunk;
  first_ = chunks_.empty() ? nullptr : chunks_[below_ / chunk].get();
  at_ = first_ + (size - below_);
  end_ = chunks_.empty() ? nullptr : first_ + chunk;
}

}  // namespace flambeau::pickle
