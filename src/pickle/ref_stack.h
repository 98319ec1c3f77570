#pragma once
// The machine's stack: chunks that are given back as it shrinks, so that moving a long run of values into a list does
// not hold them twice.

#include <cstddef>
#include <memory>
#include <vector>

#include <flambeau/object.h>

namespace flambeau::pickle {

class RefStack {
 public:
  std::size_t size() const noexcept { return below_ + static_cast<std::size_t>(at_ - first_); }
  object::Ref& operator[](std::size_t at) noexcept { return chunks_[at / chunk][at % chunk]; }
  object::Ref& top() noexcept { return at_[-1]; }

  void push(object::Ref value) {
    if (at_ == end_) [[unlikely]]
      next_chunk();
    *at_++ = value;
  }
  object::Ref pop() noexcept {
    const object::Ref value = *--at_;
    if (at_ == first_) [[unlikely]]
      truncate(below_);
    return value;
  }
  void truncate(std::size_t size) noexcept;
  /// Moves [from, size()) to a vector of its own.
  std::vector<object::Ref> take(std::size_t from) {
    if (from > below_) {  // mostly
      object::Ref* const start = first_ + (from - below_);
      std::vector<object::Ref> taken(start, at_);
      at_ = start;
      return taken;
    }
    std::vector<object::Ref> taken;
    taken.reserve(size() - from);
    move_to(from, taken);
    return taken;
  }
  /// Moves [from, size()) to the end of `out`, which has the capacity.
  void move_to(std::size_t from, std::vector<object::Ref>& out) {
    if (from > below_) {
      object::Ref* const start = first_ + (from - below_);
      out.insert(out.end(), start, at_);
      at_ = start;
      return;
    }
    drain(from, [&](object::Ref value) { out.push_back(value); });
  }
  /// The same for keys and values in turn: an even number.
  void move_to(std::size_t from, std::vector<object::Pair>& out) {
    if (from > below_) {
      object::Ref* const start = first_ + (from - below_);
      for (const object::Ref* key = start; key != at_; key += 2) out.emplace_back(key[0], key[1]);
      at_ = start;
      return;
    }
    object::Ref key;
    bool has_key = false;
    drain(from, [&](object::Ref value) {
      if (has_key)
        out.emplace_back(key, value);
      else
        key = value;
      has_key = !has_key;
    });
  }
  void move_to(std::size_t from, RefStack& out) {
    drain(from, [&](object::Ref value) { out.push(value); });
  }
  std::uint64_t memory() const noexcept { return chunks_.size() * (chunk * sizeof(object::Ref) + 24); }

 private:
  static constexpr std::size_t chunk = 512;

  void next_chunk();
  // The end lies above `first_` unless the stack is empty, so that the top is always near.
  void end_at(std::size_t size) noexcept;

  template <class Take>
  void drain(std::size_t from, Take take) {
    const std::size_t size = this->size();
    for (std::size_t i = from; i < size; ++i) {
      take((*this)[i]);
      if ((i + 1) % chunk == 0 && i + 1 - from >= chunk) chunks_[i / chunk].reset();
    }
    const std::size_t needed = (from + chunk - 1) / chunk;
    chunks_.resize(chunks_.size() > needed && chunks_[needed] ? needed + 1 : needed);  // one spare, for the next push
    end_at(from);
  }

  std::vector<std::unique_ptr<object::Ref[]>> chunks_{};
  // Of the chunk that holds the top: its place in the stack, its start, the stack's end in it, its own end.
  std::size_t below_ = 0;
  object::Ref *first_ = nullptr, *at_ = nullptr, *end_ = nullptr;
};

}  // namespace flambeau::pickle
