#pragma once
// Bringing mapped weights into the page tables while the plan is being made.

#include <atomic>
#include <thread>

#include "plan/program.h"

namespace flambeau::plan {

/// Touches the large constants of linear layers, which a oneshot plan reads where they lie, from a second thread: their
/// page faults would otherwise stall the first run. Stops when destroyed. Never throws; without a spare processor it
/// does nothing.
class Prefault {
 public:
  Prefault(const Program& program, int threads);
  ~Prefault();
  Prefault(const Prefault&) = delete;
  Prefault& operator=(const Prefault&) = delete;

 private:
  std::atomic<bool> stop_ = false;
  std::thread worker_{};
};

}  // namespace flambeau::plan
