#include <flambeau/error.h>
#include <flambeau/plan.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>

#include "plan/array.h"
#include "plan/kernels/kernels.h"
#include "plan/lower.h"
#include "plan/parallel.h"
#include "plan/passes.h"
#include "plan/prefault.h"
#include "tensor/memory.h"

namespace flambeau {
namespace {

using plan::Buffer;

/// What one run writes to; kept for the next.
struct Workspace {
  explicit Workspace(const plan::Steps& steps) : arena(steps.arena_bytes, false), bases(steps.buffers.size(), nullptr) {
    for (std::size_t i = 0; i < steps.buffers.size(); ++i) {
      const Buffer& buffer = steps.buffers[i];
      if (buffer.kind == Buffer::Kind::arena) bases[i] = arena.data() + buffer.offset;
      if (buffer.kind == Buffer::Kind::constant && buffer.tensor.numel() > 0)
        bases[i] = const_cast<std::byte*>(buffer.tensor.storage()->unchecked_bytes().data()) +
                   static_cast<std::size_t>(buffer.tensor.offset()) * itemsize(buffer.tensor.dtype());
    }
    for (const plan::Step& step : steps.steps) {
      states.push_back(step.kernel->prepare());
      operands.resize(std::max(operands.size(), step.inputs.size()));
    }
  }
  tensor::Memory arena;
  std::vector<std::byte*> bases;  // of each buffer
  std::vector<std::unique_ptr<plan::Kernel::State>> states{};
  std::vector<const std::byte*> operands{};
};

}  // namespace

namespace {

/// Refuses what this machine cannot hold before kernels make tables for it.
void check_memory(const plan::Program& program) {
  const std::uint64_t memory =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  for (const plan::Value& value : program.values) {
    const auto bytes = static_cast<std::uint64_t>(plan::product(value.shape)) * itemsize(value.dtype);
    if (bytes > memory)
      throw Error(ErrorCode::limit, fmt::format("a value of shape {} needs {} bytes, the machine has {}",
                                                to_string(value.shape), bytes, memory));
  }
}

}  // namespace

struct Plan::Impl {
  struct Signature {
    Shape shape;
    DType dtype;
  };
  PlanOptions options;
  plan::Steps steps;
  bool keeps_nan;
  graph::Graph graph{};  // unless keeps_nan
  std::shared_ptr<const plan::WeightPool> packed;
  std::vector<Signature> inputs, outputs;
  std::mutex mutex{};
  std::vector<std::unique_ptr<Workspace>> idle{};
  std::atomic<bool> met_nan = false;
  std::once_flag careful_made{};
  std::unique_ptr<Impl> careful{};

  std::unique_ptr<Workspace> take_workspace() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        auto workspace = std::move(idle.back());
        idle.pop_back();
        return workspace;
      }
    }
    return std::make_unique<Workspace>(steps);
  }

  void give_back(std::unique_ptr<Workspace> workspace) {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(workspace));
  }

  static std::unique_ptr<Impl> make(const graph::Graph& graph, const PlanOptions& options, std::vector<Tensor> earlier,
                                    bool keep_nan = false) {
    auto impl = std::make_unique<Impl>();
    impl->options = options;
    impl->options.packed = nullptr;
    if (options.threads == 0) impl->options.threads = plan::processors();
    const plan::ThreadScope threads(impl->options.threads, plan::ThreadScope::Pool::asleep);
    plan::Program program = plan::Program::from(graph);
    check_memory(program);
    // What updates statistics cannot be run once more.
    program.keeps_nan = keep_nan || std::ranges::any_of(program.operations, plan::is_impure);
    impl->keeps_nan = program.keeps_nan || options.kernels == Kernels::reference;
    if (!impl->keeps_nan) impl->graph = graph;
    program.packed = std::make_shared<plan::WeightPool>(std::move(earlier), impl->options.threads - 1);
    for (const plan::ValueId id : program.inputs) impl->inputs.push_back({program[id].shape, program[id].dtype});
    std::optional<plan::Prefault> prefault;
    if (options.kernels == Kernels::fast) {
      if (options.effort == Effort::oneshot) prefault.emplace(program, impl->options.threads);
      plan::optimize(program);
    }
    for (const plan::ValueId id : program.outputs) impl->outputs.push_back({program[id].shape, program[id].dtype});
    program.convs_in_float = plan::winograd_outdoes_bfloat16(program, impl->options);
    impl->steps = plan::lower(program, impl->options);
    program.packed->finish();
    impl->packed = program.packed;
    return impl;
  }

  std::string describe() const {
    std::string text;
    for (const plan::Step& step : steps.steps)
      text += fmt::format("{:<60} {:<36} {:>10} bytes\n", step.label, step.kernel->name(),
                          steps.buffers[static_cast<std::size_t>(step.output)].bytes);
    return text + fmt::format("arena {} bytes, packed weights {} bytes, {} threads, oneDNN {}\n", steps.arena_bytes,
                              steps.packed_bytes, options.threads, plan::library_version());
  }

  std::vector<Tensor> new_outputs() const {
    std::vector<Tensor> tensors;
    for (const Signature& signature : outputs)
      tensors.push_back(Tensor::uninitialized(signature.shape, signature.dtype));
    return tensors;
  }

  void check(std::span<const Tensor> tensors, const std::vector<Signature>& expected, std::string_view what) const {
    if (tensors.size() != expected.size())
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("{} {}s given, the plan has {}", tensors.size(), what, expected.size()));
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const Tensor& tensor = tensors[i];
      if (!tensor.defined() || tensor.is_meta() || tensor.dtype() != expected[i].dtype ||
          tensor.shape() != expected[i].shape || !tensor.is_contiguous() || tensor.is_neg() || tensor.is_conj())
        throw Error(ErrorCode::invalid_argument, fmt::format("{} {} is {}{} {}, the plan needs dense {} {}", what, i,
                                                             !tensor.defined()        ? "undefined "
                                                             : tensor.is_contiguous() ? ""
                                                                                      : "strided ",
                                                             name(tensor.dtype()), to_string(tensor.shape()),
                                                             name(expected[i].dtype), to_string(expected[i].shape)));
    }
  }

  /// The fastest kernels lose NaN. Where one was met the run is repeated with others, and so are all that follow: the
  /// weights may hold it.
  void run(std::span<const Tensor> given, std::span<Tensor> results) {
    if (!met_nan) {
      if (!execute(given, results) || keeps_nan) return;
      met_nan = true;
    }
    std::call_once(careful_made, [this] {
      PlanOptions same = options;
      if (same.precision == Precision::int8) same.precision = Precision::fp32;  // an integer is no NaN
      careful = make(graph, same, {}, true);
    });
    careful->execute(given, results);
  }

  /// `ranges`, if given, is widened by what the kernels observe. True if a NaN was met.
  bool execute(std::span<const Tensor> given, std::span<Tensor> results, Calibration* ranges = nullptr) {
    auto workspace = take_workspace();
    for (std::size_t i = 0; i < steps.buffers.size(); ++i) {
      const Buffer& buffer = steps.buffers[i];
      const auto index = static_cast<std::size_t>(buffer.index);
      if (buffer.kind == Buffer::Kind::input) {
        const Tensor& tensor = given[index];
        const std::size_t skip = static_cast<std::size_t>(tensor.offset()) * itemsize(tensor.dtype());
        workspace->bases[i] = const_cast<std::byte*>(tensor.storage()->bytes().data()) + skip;
      } else if (buffer.kind == Buffer::Kind::output || buffer.kind == Buffer::Kind::state) {
        const Tensor& tensor = buffer.kind == Buffer::Kind::output ? results[index] : buffer.tensor;
        const std::size_t skip = static_cast<std::size_t>(tensor.offset()) * itemsize(tensor.dtype());
        workspace->bases[i] = tensor.storage()->mutable_bytes().data() + skip;
      }
    }
    bool nan = false;
    {
      plan::ThreadScope threads(options.threads);
      for (std::size_t i = 0; i < steps.steps.size(); ++i) {
        const plan::Step& step = steps.steps[i];
        for (std::size_t k = 0; k < step.inputs.size(); ++k)
          workspace->operands[k] = workspace->bases[static_cast<std::size_t>(step.inputs[k])];
        step.kernel->run({std::span(workspace->operands.data(), step.inputs.size()),
                          workspace->bases[static_cast<std::size_t>(step.output)],
                          step.scratch < 0 ? nullptr : workspace->bases[static_cast<std::size_t>(step.scratch)],
                          workspace->states[i].get()});
        if (ranges && workspace->states[i])
          if (const auto seen = step.kernel->observed(*workspace->states[i])) {
            float& range = ranges->ranges[step.value];
            range = std::max(range, *seen);
          }
      }
      nan = threads.end();
    }
    give_back(std::move(workspace));
    return nan;
  }
};

Plan::Plan(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;
Plan::~Plan() = default;

Plan Plan::compile(const graph::Graph& graph, const PlanOptions& options) {
  if (graph.outputs().empty()) throw Error(ErrorCode::invalid_argument, "the graph has no outputs");
  if (options.threads < 0 || options.threads > 1024)
    throw Error(ErrorCode::invalid_argument, fmt::format("threads {} lies outside 0 to 1024", options.threads));
  if (options.packed) {
    auto impl = Impl::make(graph, options, options.packed->tensors);
    if (impl->packed->repeats() && impl->describe() == options.packed->steps) return Plan(std::move(impl));
  }
  return Plan(Impl::make(graph, options, {}));
}

std::vector<Tensor> Plan::run(std::span<const Tensor> inputs) const {
  impl_->check(inputs, impl_->inputs, "input");
  std::vector<Tensor> outputs = impl_->new_outputs();
  impl_->run(inputs, outputs);
  return outputs;
}

Tensor Plan::run(const Tensor& input) const {
  auto outputs = run(std::span(&input, 1));
  return std::move(outputs.front());
}

void Plan::run(std::span<const Tensor> inputs, std::span<Tensor> outputs) const {
  impl_->check(inputs, impl_->inputs, "input");
  impl_->check(outputs, impl_->outputs, "output");
  impl_->run(inputs, outputs);
}

void Plan::observe(std::span<const Tensor> inputs, Calibration& ranges) const {
  if (impl_->options.precision != Precision::int8 || impl_->options.calibration)
    throw Error(ErrorCode::invalid_argument, "an int8 plan without calibration is needed to observe ranges");
  impl_->check(inputs, impl_->inputs, "input");
  std::vector<Tensor> outputs = impl_->new_outputs();
  impl_->execute(inputs, outputs, &ranges);
}

std::string Plan::describe() const { return impl_->describe(); }

PackedWeights Plan::packed_weights() const { return {impl_->packed->made(), impl_->describe()}; }
bool Plan::took_packed_weights() const noexcept { return impl_->packed->repeats(); }
bool Plan::met_nan() const noexcept { return impl_->met_nan; }
std::uint64_t Plan::packed_bytes() const noexcept { return impl_->steps.packed_bytes; }
std::uint64_t Plan::arena_bytes() const noexcept { return impl_->steps.arena_bytes; }

}  // namespace flambeau
