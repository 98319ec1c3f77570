#include "plan/parallel.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#ifdef _OPENMP
#include <omp.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace flambeau::plan {
namespace {

#if defined(__x86_64__)
constexpr unsigned flush_denormals = 0x8040, mask_all = 0x1F80, noted = 0x3F, invalid = 0x01;
unsigned control() noexcept { return _mm_getcsr(); }
void set_control(unsigned value) noexcept { _mm_setcsr(value); }
#else
constexpr unsigned flush_denormals = 0, mask_all = 0, noted = 0, invalid = 0;
unsigned control() noexcept { return 0; }
void set_control(unsigned) noexcept {}
#endif

/// On every thread of the pool, the caller's included. What all of them had, together.
unsigned exchange_control([[maybe_unused]] int threads, unsigned value) noexcept {
  unsigned before = 0;
#ifdef _OPENMP
#pragma omp parallel num_threads(threads) reduction(| : before) if (threads > 1)
#endif
  {
    before |= control();
    set_control(value);
  }
  return before;
}

}  // namespace

int processors() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(CPU_COUNT(&set), 1);
}

std::int64_t second_level_cache() noexcept {
#ifdef _SC_LEVEL2_CACHE_SIZE
  const long size = ::sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (size >= 128 << 10) return size;
#endif
  return 512 << 10;
}

std::int64_t threads_here() noexcept {
#ifdef _OPENMP
  return omp_in_parallel() ? 1 : omp_get_max_threads();
#else
  return 1;
#endif
}

void detail::run_ranges(std::int64_t count, [[maybe_unused]] std::int64_t parts, Call call, void* f) {
#ifdef _OPENMP
  // Pieces smaller than a thread's share: a thread that is held up leaves some to the others.
  const std::int64_t pieces = std::min(count, parts * 4);
#pragma omp parallel for schedule(dynamic, 1) num_threads(static_cast <int>(parts))
  for (std::int64_t i = 0; i < pieces; ++i) call(f, count * i / pieces, count * (i + 1) / pieces);
#else
  call(f, 0, count);
#endif
}

void detail::run_slots(std::int64_t count, Call call, void* f) {
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic, 1)
  for (std::int64_t i = 0; i < count; ++i) call(f, omp_get_thread_num(), i);
#else
  for (std::int64_t i = 0; i < count; ++i) call(f, 0, i);
#endif
}

ThreadScope::ThreadScope(int count, Pool pool) noexcept
    : flushing_(pool == Pool::woken ? count : 1), control_(control()) {
#ifdef _OPENMP
  before_ = omp_get_max_threads();
  omp_set_num_threads(count);
#endif
  exchange_control(flushing_, (control_ & ~noted) | mask_all | flush_denormals);
}

bool ThreadScope::end() noexcept {
  if (std::exchange(ended_, true)) return false;
  const unsigned all = exchange_control(flushing_, control_);
#ifdef _OPENMP
  omp_set_num_threads(before_);
#endif
  return (all & invalid) != 0;
}

}  // namespace flambeau::plan
