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
  std::size_t size() const noexcept { return size_; }
  object::Ref& operator[](std::size_t at) noexcept { return chunks_[at / chunk][at % chunk]; }
  object::Ref& top() noexcept { return (*this)[size_ - 1]; }

  void push(object::Ref value) {
    if (size_ == chunks_.size() * chunk) chunks_.push_back(std::make_unique<object::Ref[]>(chunk));
    (*this)[size_++] = value;
  }
  object::Ref pop() noexcept {
    const object::Ref value = top();
    truncate(size_ - 1);
    return value;
  }
  void truncate(std::size_t size) noexcept {
    size_ = size;
    const std::size_t needed = size / chunk + 2;  // one spare
    if (chunks_.size() > needed) chunks_.resize(needed);
  }
  /// Moves [from, size()) to the end of `out`, which has the capacity.
  void move_to(std::size_t from, std::vector<object::Ref>& out) {
    if (from < size_ && from / chunk == (size_ - 1) / chunk) {  // mostly
      const object::Ref* const first = &(*this)[from];
      out.insert(out.end(), first, first + (size_ - from));
      truncate(from);
      return;
    }
    drain(from, [&](object::Ref value) { out.push_back(value); });
  }
  /// The same for keys and values in turn.
  void move_to(std::size_t from, std::vector<object::Pair>& out) {
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

  template <class Take>
  void drain(std::size_t from, Take take) {
    for (std::size_t i = from; i < size_; ++i) {
      take((*this)[i]);
      if ((i + 1) % chunk == 0 && i + 1 - from >= chunk) chunks_[i / chunk].reset();
    }
    size_ = from;
    const std::size_t needed = (from + chunk - 1) / chunk;
    chunks_.resize(chunks_.size() > needed && chunks_[needed] ? needed + 1 : needed);  // one spare, for the next push
  }

  std::vector<std::unique_ptr<object::Ref[]>> chunks_{};
  std::size_t size_ = 0;
};

}  // namespace flambeau::pickle
