#pragma once
// Work that several threads share.

#include <cstddef>
#include <functional>

namespace flambeau::base {

/// Runs job(0) … job(jobs - 1) in up to `threads` threads, of which the caller is one; fewer where the system gives no
/// more, which is no error. Returns when all have ended. A job that throws keeps the ones not yet begun from running;
/// what the first of those that threw, by number, has thrown is thrown then. One thread takes the jobs in order.
void in_threads(std::size_t threads, std::size_t jobs, const std::function<void(std::size_t)>& job);

}  // namespace flambeau::base
