#pragma once
/// The plan: a graph made ready to run on this machine (fused, kernels chosen, weights packed, memory placed).

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <flambeau/graph.h>
#include <flambeau/tensor.h>

namespace flambeau {

enum class Kernels : std::uint8_t {
  fast,       ///< oneDNN and our own vector kernels, the reference where neither has one
  reference,  ///< plain loops: the oracle of the tests
};
enum class Effort : std::uint8_t {
  oneshot,  ///< least work before the first answer: weights used from the mapping where the layout allows
  steady,   ///< most speed for many inputs: Winograd, weights packed
};
/// In which numbers convolutions and products are computed; sums stay float32.
enum class Precision : std::uint8_t {
  fp32,
  bf16,  ///< where the machine multiplies bfloat16 (AVX512_BF16), between such layers too; elsewhere only weights that
         ///< one row of input meets. Convolutions that are faster by Winograd (VGG's, without AMX) stay float32.
  int8,  ///< weights by output channel, activations by tensor; from AVX2 on
};
/// What the inputs of int8 operations reached in sample runs (Plan::observe), by the operation's number in the graph.
/// With it they need not be measured in every run, and what lies beyond is clipped.
struct Calibration {
  std::map<int, float> ranges;
};

/// An operation as a kernel of one's own sees it: row-major float32 throughout. What stands behind it in the graph may
/// have changed its weights already (a batch norm folded into a convolution), never what the operation means.
struct OperationView {
  graph::Op op;
  const graph::Attributes& attributes;
  std::span<const Shape> inputs;
  const Shape& output;
};
/// Computes an operation in each run: first elements of its inputs, in the graph's order, and room for the output.
/// Several runs may call it at once.
using OwnKernel = std::function<void(std::span<const float* const> inputs, float* output)>;
/// Asked, when a plan is made, about every operation that is left once the graph is simplified: with Kernels::fast
/// batch norms are in the weights by then, and activations and residual sums mostly in the product that they follow;
/// with Kernels::reference each one is asked about, but for training batch norms. An empty OwnKernel leaves it to ours.
/// The view lives during the call only.
using OwnKernels = std::function<OwnKernel(const OperationView& operation)>;

/// What a plan made of its weights. A later plan of the same graph and options, on the same kind of machine, may take
/// it over and then touches none of the weights that were packed.
struct PackedWeights {
  std::vector<Tensor> tensors;
  std::string steps;  ///< describe(): what they were packed for
};

struct PlanOptions {
  Kernels kernels = Kernels::fast;
  Effort effort = Effort::steady;
  Precision precision = Precision::fp32;
  int threads = 0;                                   ///< 0: all processors
  std::shared_ptr<const Calibration> calibration{};  ///< of int8; without it each run measures its activations
  /// Of an earlier plan whose graph and weights were the same, which is the caller's to know. Where this plan turns out
  /// to have other steps, it is made anew from the weights themselves.
  std::shared_ptr<const PackedWeights> packed{};
  /// Kernels that go before ours. Plans are taken for the same only if they were made with the same object.
  std::shared_ptr<const OwnKernels> own{};
};

/// A compiled graph. Owns packed weights and keeps the constants' storages alive; immutable. Constants are read when
/// the plan is made, and in each run where a oneshot plan uses them in place: weights that change later need a new
/// plan. Only a graph recorded in training writes: its running statistics. Threads: several may call `run` at once
/// (each call uses its own workspace, kept for the next).
class Plan {
 public:
  /// Throws Error(unsupported) naming the operation that no kernel set has.
  static Plan compile(const graph::Graph& graph, const PlanOptions& options = {});
  /// Inputs in the graph's order, contiguous, with exactly the recorded shapes and dtypes; gives the outputs in order.
  /// Throws Error(invalid_argument) with expected and found shapes.
  std::vector<Tensor> run(std::span<const Tensor> inputs) const;
  Tensor run(const Tensor& input) const;
  /// Into tensors of the caller (dense, of the outputs' shapes and dtypes): nothing is allocated for them.
  void run(std::span<const Tensor> inputs, std::span<Tensor> outputs) const;

  /// Runs an uncalibrated int8 plan and widens `ranges` by what its operations met.
  void observe(std::span<const Tensor> inputs, Calibration& ranges) const;

  /// Steps with their kernels, shapes and bytes, one a line.
  std::string describe() const;
  PackedWeights packed_weights() const;  ///< shares the plan's memory
  bool took_packed_weights() const noexcept;
  /// True once a run has met a NaN or made one (infinity less infinity). Such a run is repeated, and all that follow
  /// are made, by kernels that keep NaN as torch does; they are somewhat slower, and weights are packed for them anew.
  bool met_nan() const noexcept;
  std::uint64_t packed_bytes() const noexcept;  ///< own copies of weights
  std::uint64_t arena_bytes() const noexcept;   ///< activations and what kernels need beside, per concurrent run

  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;
  ~Plan();

 private:
  struct Impl;
  explicit Plan(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flambeau
