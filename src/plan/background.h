#pragma once
// Work that goes on beside the making of a plan.

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace flambeau::plan {

/// Jobs that need nothing of each other: helpers take them while the caller goes on, and the caller helps at the end.
/// Inside a job parallel regions have one thread, and denormals are flushed to zero.
class Background {
 public:
  /// Without helpers run() does the job at once, on all threads that the caller's regions have.
  explicit Background(int helpers) noexcept : most_(helpers) {}
  /// Waits for the jobs that run and drops the others.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void run(std::function<void()> job);
  /// Returns when all jobs are done. Throws what the first failing one threw; the others of the queue are dropped then.
  void finish();

 private:
  void work(bool stays);
  void join() noexcept;

  const int most_;
  std::vector<std::thread> helpers_{};
  std::mutex mutex_{};
  std::condition_variable changed_{};
  std::deque<std::function<void()>> queue_{};
  std::exception_ptr failure_{};
  bool closed_ = false;
};

}  // namespace flambeau::plan
