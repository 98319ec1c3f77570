#include "plan/background.h"

#include <system_error>
#include <utility>

#include "plan/parallel.h"

namespace flambeau::plan {

Background::~Background() {
  {
    const std::lock_guard lock(mutex_);
    queue_.clear();
  }
  join();
}

void Background::run(std::function<void()> job) {
  if (most_ == 0) return job();
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return;
    queue_.push_back(std::move(job));
  }
  changed_.notify_one();
  if (helpers_.size() == static_cast<std::size_t>(most_)) return;
  try {
    helpers_.emplace_back([this] { work(true); });
  } catch (const std::system_error&) {
    // No thread to be had: finish() does what nobody took.
  }
}

void Background::finish() {
  work(false);
  join();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

/// Takes jobs until there are none; one that stays waits for more until the end.
void Background::work(bool stays) {
  const ThreadScope alone(1);
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stays) changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const std::function<void()> job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    std::exception_ptr failed;
    try {
      job();
    } catch (...) {
      failed = std::current_exception();
    }
    lock.lock();
    if (!failed) continue;
    if (!failure_) failure_ = failed;
    queue_.clear();
  }
}

void Background::join() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
  helpers_.clear();
}

}  // namespace flambeau::plan
