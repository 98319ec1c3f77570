#include "plan/parallel.h"

#include <sched.h>

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace flambeau::plan {
namespace {

#if defined(__x86_64__)
constexpr unsigned flush_denormals = 0x8040;  // FTZ and DAZ
unsigned control() noexcept { return _mm_getcsr(); }
void set_control(unsigned value) noexcept { _mm_setcsr(value); }
#else
constexpr unsigned flush_denormals = 0;
unsigned control() noexcept { return 0; }
void set_control(unsigned) noexcept {}
#endif

/// On every thread of the pool, the caller's included.
void set_control_everywhere([[maybe_unused]] int threads, unsigned value) noexcept {
#ifdef _OPENMP
  if (threads > 1) {
#pragma omp parallel num_threads(threads)
    set_control(value);
    return;
  }
#endif
  set_control(value);
}

}  // namespace

int processors() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(CPU_COUNT(&set), 1);
}

ThreadScope::ThreadScope(int count) noexcept : count_(count), control_(control()) {
#ifdef _OPENMP
  before_ = omp_get_max_threads();
  omp_set_num_threads(count);
#endif
  set_control_everywhere(count_, control_ | flush_denormals);
}

ThreadScope::~ThreadScope() {
  set_control_everywhere(count_, control_);
#ifdef _OPENMP
  omp_set_num_threads(before_);
#endif
}

}  // namespace flambeau::plan
