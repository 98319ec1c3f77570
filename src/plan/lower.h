#pragma once
// From a program to steps over buffers: kernels chosen, layouts settled, reorders inserted where layouts meet, memory
// placed.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plan/kernel.h"
#include "plan/program.h"

namespace flambeau::plan {

struct Buffer {
  enum class Kind : std::uint8_t {
    arena,     ///< lives from step `first` to step `last` at `offset` of a workspace's arena
    input,     ///< the caller's tensor number `index`
    output,    ///< the result number `index`
    constant,  ///< `tensor`, read only
    state,     ///< `tensor`, written by training kernels: looked up anew in every run
  } kind = Kind::arena;
  std::uint64_t bytes = 0;
  int index = 0;
  Tensor tensor{};
  int first = -1, last = -1;
  std::uint64_t offset = 0;
};

struct Step {
  std::unique_ptr<Kernel> kernel;
  std::vector<int> inputs{};  ///< buffers
  int output = -1;            ///< buffer
  int scratch = -1;           ///< buffer; -1: none
  ValueId value = -1;         ///< of the operation; -1 for reorders
  std::string label{};        ///< operation, shapes and layouts, for describe()
};

struct Steps {
  std::vector<Buffer> buffers{};
  std::vector<Step> steps{};
  std::uint64_t arena_bytes = 0, packed_bytes = 0;
};

/// Throws Error(unsupported) for what no kernel set has.
Steps lower(const Program& program, const PlanOptions& options);

/// Gives every arena buffer its offset (multiples of 64) so that buffers alive at the same step do not overlap; returns
/// the arena's size.
std::uint64_t place(std::vector<Buffer>& buffers);

}  // namespace flambeau::plan
