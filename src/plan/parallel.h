#pragma once
// The one thread pool: OpenMP's, which oneDNN uses as well. Without OpenMP everything runs on the calling thread.

#include <cstdint>
#include <memory>
#include <type_traits>

namespace flambeau::plan {

/// Processors that this process may use.
int processors() noexcept;

/// Bytes of a core's second-level cache.
std::int64_t second_level_cache() noexcept;

/// While it lives, parallel regions of this thread (oneDNN's too) use `count` threads, and those flush denormals to
/// zero and trap nothing.
class ThreadScope {
 public:
  /// Woken threads spin for some milliseconds where no region follows, and take the processors of other work. Left
  /// asleep they do not flush denormals: for the making of plans, whose heavy work other threads do.
  enum class Pool : std::uint8_t { woken, asleep };
  explicit ThreadScope(int count, Pool pool = Pool::woken) noexcept;
  ~ThreadScope() { end(); }
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

  /// Ends it early. True if one of those threads made a NaN or compared one: the processor notes both. Whoever takes
  /// the larger of a NaN and a number compares.
  bool end() noexcept;

 private:
  int flushing_, before_ = 1;
  bool ended_ = false;
  unsigned control_ = 0;
};

/// Threads that a parallel region started here would have: one inside of another region.
std::int64_t threads_here() noexcept;

namespace detail {
using Call = void (*)(void* f, std::int64_t first, std::int64_t second);
void run_ranges(std::int64_t count, std::int64_t parts, Call call, void* f);
void run_slots(std::int64_t count, Call call, void* f);

template <class F>
Call call() {
  return [](void* f, std::int64_t first, std::int64_t second) { (*static_cast<F*>(f))(first, second); };
}
template <class F>
void* address(F& f) {
  return const_cast<void*>(static_cast<const void*>(std::addressof(f)));
}
}  // namespace detail

/// Calls f(begin, end) on disjoint ranges that cover [0, count); on one thread when there are fewer than two times
/// `least`. f must not throw.
template <class F>
void parallel_for(std::int64_t count, std::int64_t least, F&& f) {
  const std::int64_t most = threads_here(), able = count / (least > 0 ? least : 1), parts = able < most ? able : most;
  if (parts > 1) {
    detail::run_ranges(count, parts, detail::call<std::remove_reference_t<F>>(), detail::address(f));
  } else if (count > 0) {
    f(std::int64_t{0}, count);
  }
}

/// Calls f(slot, i) for every i < count; calls with the same slot (a number below the threads) do not overlap in time.
/// f must not throw.
template <class F>
void parallel_slots(std::int64_t count, F&& f) {
  if (count > 1 && threads_here() > 1) {
    detail::run_slots(count, detail::call<std::remove_reference_t<F>>(), detail::address(f));
  } else {
    for (std::int64_t i = 0; i < count; ++i) f(std::int64_t{0}, i);
  }
}

}  // namespace flambeau::plan
