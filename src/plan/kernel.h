#pragma once
// The seam between the plan and its kernels: for each operation a list of implementations, fast ones first, the
// reference last. The plan knows layouts and buffers, a kernel knows how to compute; neither knows the other's inside.

#include <flambeau/plan.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "plan/layout.h"
#include "plan/program.h"

namespace flambeau::plan {

/// A prepared computation. Immutable: several runs may use it at once, each with its own State.
class Kernel {
 public:
  /// What one workspace keeps for the kernel between runs.
  class State {
   public:
    virtual ~State() = default;
  };
  struct Run {
    std::span<const std::byte* const>
        inputs;  ///< buffers of Choice::uses, in that order (a layout's offset is not added)
    std::byte* output;
    std::byte* scratch;  ///< Choice::scratch_bytes, 64-byte aligned, of this step alone; undefined content
    State* state;
  };

  virtual ~Kernel() = default;
  virtual void run(const Run& run) const = 0;
  virtual std::unique_ptr<State> prepare() const { return nullptr; }
  /// For describe(): "onednn conv jit:avx2".
  virtual std::string name() const = 0;
  /// The largest magnitude that entered in the last run, of kernels that narrow their input.
  virtual std::optional<float> observed(const State&) const { return std::nullopt; }
  /// Own copies of weights.
  virtual std::uint64_t packed_bytes() const { return 0; }
};

/// Everything an implementation may look at.
struct Request {
  const Program& program;
  const Operation& operation;
  const PlanOptions& options;          ///< threads is a number by now
  const std::vector<Layout>& layouts;  ///< of all values so far (plain for constants and inputs), for floats
  const std::vector<bool>& narrow;     ///< of all values so far: they lie there as bfloat16
  const Layout* wanted = nullptr;      ///< the output layout that makes the next step cheapest, if there is one

  const Value& value(ValueId id) const { return program[id]; }
  const Value& input(std::size_t index) const { return program[operation.inputs[index]]; }
  const Value& output() const { return program[operation.output]; }
  const Layout& layout(ValueId id) const { return layouts[static_cast<std::size_t>(id)]; }
  bool is_bfloat16(ValueId id) const { return narrow[static_cast<std::size_t>(id)]; }
  const Layout& input_layout(std::size_t index) const { return layout(operation.inputs[index]); }
  /// Of the numbers that the operation multiplies.
  Precision precision() const {
    const bool in_float = operation.op == graph::Op::conv && program.convs_in_float;
    return in_float ? Precision::fp32 : options.precision;
  }
  /// What calibration saw entering this operation.
  std::optional<float> calibrated() const {
    if (!options.calibration) return std::nullopt;
    const auto found = options.calibration->ranges.find(operation.output);
    const bool seen = found != options.calibration->ranges.end() && found->second > 0;
    return seen ? std::optional(found->second) : std::nullopt;
  }
  std::size_t input_count() const { return operation.inputs.size(); }
};

/// What an implementation offers.
struct Choice {
  struct Use {
    ValueId value;
    Layout layout;  ///< the kernel's demand: the plan reorders where the value has another
  };
  std::unique_ptr<Kernel> kernel;
  std::vector<Use> uses{};  ///< run-time operands; constants that the kernel took over are not among them
  Layout output{};
  std::size_t scratch_bytes = 0;
  ValueId onto = -1;  ///< the result is added to this value's elements, which must lie in the output's buffer
  std::optional<std::size_t> overwrites{};  ///< index of a use whose buffer may also be the output
};

/// nullopt: another implementation shall do it.
using Implementation = std::optional<Choice> (*)(const Request&);

/// The implementations of an operation, best first; the last one takes everything.
std::span<const Implementation> implementations(graph::Op op, Kernels kernels);

/// True if that activation is faster in a pass of its own than at the end of the operation's kernels here.
bool is_better_apart(graph::Op op, graph::Activation activation);

/// Moves a value of `shape` from one layout to another; takes any pair of layouts.
std::unique_ptr<Kernel> make_reorder(const Shape& shape, DType dtype, const Layout& from, const Layout& to);

}  // namespace flambeau::plan
