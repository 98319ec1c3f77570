#include "plan/prefault.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <system_error>
#include <utility>
#include <vector>

namespace flambeau::plan {
namespace {

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22  // Linux 5.14; older kernels answer EINVAL, which costs nothing
#endif

constexpr std::uint64_t least_bytes = 4U << 20, step = 4U << 20;

}  // namespace

Prefault::Prefault(const Program& program, int threads) {
  if (threads < 2) return;
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> ranges;
  for (const Operation& operation : program.operations) {
    if (operation.op != graph::Op::linear) continue;
    const Tensor& weight = program[operation.inputs[1]].constant;
    if (!weight.defined() || weight.nbytes() < least_bytes || !weight.is_contiguous()) continue;
    const auto begin = reinterpret_cast<std::uintptr_t>(weight.storage()->unchecked_bytes().data()) +
                       static_cast<std::uintptr_t>(weight.offset()) * itemsize(weight.dtype());
    ranges.emplace_back(begin, begin + weight.nbytes());
  }
  if (ranges.empty()) return;
  try {
    worker_ = std::thread([this, ranges = std::move(ranges)] {
      const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
      for (const auto& [begin, end] : ranges)
        for (std::uintptr_t at = begin / page * page; at < end && !stop_; at += step)
          madvise(reinterpret_cast<void*>(at), std::min<std::uint64_t>(step, end - at), MADV_POPULATE_READ);
    });
  } catch (const std::system_error&) {
    // No thread to be had: the first run faults the pages in itself.
  }
}

Prefault::~Prefault() {
  stop_ = true;
  if (worker_.joinable()) worker_.join();
}

}  // namespace flambeau::plan
