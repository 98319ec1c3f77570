#pragma once
// The one thread pool: OpenMP's, which oneDNN uses as well. Without OpenMP everything runs on the calling thread.

#include <cstdint>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace flambeau::plan {

/// Processors that this process may use.
int processors() noexcept;

/// While it lives, parallel regions of this thread (oneDNN's too) use `count` threads, and those flush denormals to
/// zero.
class ThreadScope {
 public:
  explicit ThreadScope(int count) noexcept;
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int count_, before_ = 1;
  unsigned control_ = 0;
};

/// Calls f(begin, end) on disjoint ranges that cover [0, count); on one thread when there are fewer than two times
/// `least`.
template <class F>
void parallel_for(std::int64_t count, std::int64_t least, F&& f) {
#ifdef _OPENMP
  const std::int64_t most = omp_in_parallel() ? 1 : omp_get_max_threads();
  const std::int64_t parts = count / (least > 0 ? least : 1) < most ? count / (least > 0 ? least : 1) : most;
  if (parts > 1) {
#pragma omp parallel num_threads(static_cast <int>(parts))
    {
      const std::int64_t n = omp_get_num_threads(), i = omp_get_thread_num();
      f(count * i / n, count * (i + 1) / n);
    }
    return;
  }
#endif
  if (count > 0) f(std::int64_t{0}, count);
}

/// Calls f(slot, i) for every i < count; calls with the same slot (a number below the threads) do not overlap in time.
template <class F>
void parallel_slots(std::int64_t count, F&& f) {
#ifdef _OPENMP
  if (!omp_in_parallel() && omp_get_max_threads() > 1 && count > 1) {
#pragma omp parallel for schedule(dynamic, 1)
    for (std::int64_t i = 0; i < count; ++i) f(static_cast<std::int64_t>(omp_get_thread_num()), i);
    return;
  }
#endif
  for (std::int64_t i = 0; i < count; ++i) f(std::int64_t{0}, i);
}

}  // namespace flambeau::plan
