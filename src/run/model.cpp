#include <algorithm>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <span>
#include <tuple>
#include <utility>

#include "run/plan_cache.h"
#include "run/recording.h"

#include <flambeau/error.h>
#include <flambeau/init.h>
#include <flambeau/predict.h>

namespace flambeau {
namespace {

// Each one may hold a packed copy of all weights.
constexpr std::size_t most_plans = 4;

struct Kept {
  PlanOptions options;
  run::Recording recording;
  std::shared_ptr<const Plan> plan;
};
/// Latest used first.
using KeptPlans = std::deque<Kept>;

bool same(const PlanOptions& x, const PlanOptions& y) {
  const auto tie = [](const PlanOptions& v) {
    const auto& [a, b, c, d, e, f, g] = v;  // fails to compile when an option is added
    return std::tie(a, b, c, d, e, f, g);
  };
  return tie(x) == tie(y);
}

std::shared_ptr<const Plan> compile(const run::Recording& recording, const PlanOptions& options,
                                    const std::string& cache) {
  if (!cache.empty()) return std::make_shared<const Plan>(run::compile_cached(recording, options, cache));
  return std::make_shared<const Plan>(Plan::compile(recording.graph(), options));
}

std::shared_ptr<const Plan> find_or_compile(KeptPlans& kept, run::Recording recording, const PlanOptions& options,
                                            const std::string& cache) {
  for (auto it = kept.begin(); it != kept.end(); ++it) {
    if (!same(it->options, options) || !it->recording.same_as(recording)) continue;
    if (it != kept.begin()) std::rotate(kept.begin(), it, it + 1);
    return kept.front().plan;
  }
  // A plan of weights that have changed will not be asked for again: same places, other content.
  while (kept.size() >= most_plans) kept.pop_back();
  auto plan = compile(recording, options, cache);
  kept.push_front({options, std::move(recording), plan});
  return plan;
}

struct Recorded {
  run::Recording recording;
  std::vector<Model::Output> outputs;  // their names
  bool keep;                           // the same again in the next call
};

/// The forward pass of `module`, cut to the first `most` outputs.
Recorded record(nn::Module& module, const Tensor& input, std::size_t most) {
  graph::Graph graph;
  const std::uint64_t drawn = default_generator().drawn();
  const std::vector<nn::Module::Output> recorded = module.outputs(graph.input(input.shape(), input.dtype()));
  const bool random = default_generator().drawn() != drawn;  // masks of dropout are constants of this run
  std::vector<graph::Var> values;
  std::vector<Model::Output> outputs;
  for (const auto& [name, value] : recorded) {
    if (values.size() == most) break;
    values.push_back(value);
    outputs.push_back({name, Tensor()});
  }
  graph.set_outputs(values);
  run::Recording recording(std::move(graph));
  const bool keep = recording.repeatable() && !random;
  return {std::move(recording), std::move(outputs), keep};
}

Tensor checked(const Tensor& x) {
  if (!x.defined() || x.is_meta()) throw Error(ErrorCode::invalid_argument, "the input holds no elements");
  return x.contiguous();
}

}  // namespace

nn::Module& Model::module() const {
  if (!module_) throw Error(ErrorCode::invalid_argument, "an empty model");
  return *module_;
}

Tensor Model::operator()(const Tensor& x) const { return (*this)(x, PlanOptions{}); }

Tensor Model::operator()(const Tensor& x, const PlanOptions& options) const {
  return std::move(run(x, options, 1).front().tensor);
}

std::vector<Model::Output> Model::outputs(const Tensor& x) const { return outputs(x, PlanOptions{}); }

std::vector<Model::Output> Model::outputs(const Tensor& x, const PlanOptions& options) const {
  return run(x, options, std::numeric_limits<std::size_t>::max());
}

std::vector<Model::Output> Model::run(const Tensor& x, const PlanOptions& options, std::size_t most) const {
  const Tensor input = checked(x);
  Recorded recorded = record(module(), input, most);
  std::shared_ptr<const Plan> plan;
  if (recorded.keep) {
    const std::lock_guard lock(plans_->mutex);
    if (!plans_->kept) plans_->kept = std::make_shared<KeptPlans>();
    plan = find_or_compile(*std::static_pointer_cast<KeptPlans>(plans_->kept), std::move(recorded.recording), options,
                           plans_->cache);
  } else {
    plan = compile(recorded.recording, options, {});
  }
  std::vector<Tensor> tensors = plan->run(std::span(&input, 1));
  if (!recorded.keep)
    for (const auto& [path, module] : module().named_modules()) module->ran_in_train_mode(recorded.recording.graph());
  for (std::size_t i = 0; i < recorded.outputs.size(); ++i) recorded.outputs[i].tensor = std::move(tensors[i]);
  return std::move(recorded.outputs);
}

std::shared_ptr<const Calibration> Model::calibrate(std::span<const Tensor> samples, PlanOptions options) const {
  options.precision = Precision::int8;
  options.calibration = nullptr;
  auto calibration = std::make_shared<Calibration>();
  KeptPlans kept;
  for (const Tensor& sample : samples) {
    const Tensor input = checked(sample);
    Recorded recorded = record(module(), input, 1);
    if (!recorded.keep) throw Error(ErrorCode::invalid_argument, "a model in train mode cannot be calibrated");
    find_or_compile(kept, std::move(recorded.recording), options, {})->observe(std::span(&input, 1), *calibration);
  }
  return calibration;
}

void Model::cache_plans(std::string folder) const {
  const std::lock_guard lock(plans_->mutex);
  plans_->cache = std::move(folder);
}

void Model::forget_plans() const {
  const std::lock_guard lock(plans_->mutex);
  plans_->kept.reset();
}

}  // namespace flambeau
