#include "base/threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace flambeau::base {

void in_threads(std::size_t threads, std::size_t jobs, const std::function<void(std::size_t)>& job) {
  std::atomic<std::size_t> next{0};
  std::mutex failing;
  std::exception_ptr failure;
  std::size_t failed = jobs;
  const auto work = [&] {
    for (std::size_t i = next++; i < jobs; i = next++) {
      try {
        job(i);
      } catch (...) {
        const std::lock_guard lock(failing);
        next = jobs;
        if (i < failed) failed = i, failure = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> others;
    try {
      for (std::size_t i = 1; i < std::min(threads, jobs); ++i) others.emplace_back(work);
    } catch (const std::exception&) {
      // No thread to be had, or no memory for one: those that there are do it all.
    }
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace flambeau::base
