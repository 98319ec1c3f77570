#include "plan/prefault.h"

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>
#include <vector>

namespace flambeau::plan {
namespace {

constexpr std::uint64_t least_bytes = 4U << 20;
// A fault maps so many bytes around it. One by one, because MADV_POPULATE_READ holds the lock that every mmap and
// mprotect waits for, which the making of kernels is full of; and it takes three times as long.
constexpr std::uintptr_t fault_around = 64U << 10;

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
      for (const auto& [begin, end] : ranges)
        for (std::uintptr_t at = begin; at < end && !stop_; at = (at / fault_around + 1) * fault_around)
          static_cast<void>(*reinterpret_cast<const volatile std::byte*>(at));
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
