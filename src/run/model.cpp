#include <algorithm>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <span>
#include <tuple>
#include <utility>

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
    const auto& [a, b, c, d, e] = v;  // fails to compile when an option is added
    return std::tie(a, b, c, d, e);
  };
  return tie(x) == tie(y);
}

std::shared_ptr<const Plan> compile(const run::Recording& recording, const PlanOptions& options) {
  return std::make_shared<const Plan>(Plan::compile(recording.graph(), options));
}

std::shared_ptr<const Plan> find_or_compile(KeptPlans& kept, run::Recording recording, const PlanOptions& options) {
  for (auto it = kept.begin(); it != kept.end(); ++it) {
    if (!same(it->options, options) || !it->recording.same_as(recording)) continue;
    if (it != kept.begin()) std::rotate(kept.begin(), it, it + 1);
    return kept.front().plan;
  }
  // A plan of weights that have changed will not be asked for again: same places, other content.
  while (kept.size() >= most_plans) kept.pop_back();
  auto plan = compile(recording, options);
  kept.push_front({options, std::move(recording), plan});
  return plan;
}

}  // namespace

Tensor Model::operator()(const Tensor& x) const { return (*this)(x, PlanOptions{}); }

Tensor Model::operator()(const Tensor& x, const PlanOptions& options) const {
  return std::move(run(x, options, 1).front().tensor);
}

std::vector<Model::Output> Model::outputs(const Tensor& x) const { return outputs(x, PlanOptions{}); }

std::vector<Model::Output> Model::outputs(const Tensor& x, const PlanOptions& options) const {
  return run(x, options, std::numeric_limits<std::size_t>::max());
}

std::vector<Model::Output> Model::run(const Tensor& x, const PlanOptions& options, std::size_t most) const {
  if (!module_) throw Error(ErrorCode::invalid_argument, "an empty model cannot be run");
  if (!x.defined() || x.is_meta()) throw Error(ErrorCode::invalid_argument, "the input holds no elements");
  const Tensor input = x.contiguous();
  graph::Graph graph;
  const std::uint64_t drawn = default_generator().drawn();
  const std::vector<nn::Module::Output> recorded = module_->outputs(graph.input(input.shape(), input.dtype()));
  const bool random = default_generator().drawn() != drawn;  // masks of dropout are constants of this run
  std::vector<graph::Var> values;
  std::vector<Output> results;
  for (const auto& [name, value] : recorded) {
    if (values.size() == most) break;
    values.push_back(value);
    results.push_back({name, Tensor()});
  }
  graph.set_outputs(values);
  run::Recording recording(std::move(graph));
  const bool keep = recording.repeatable() && !random;
  std::shared_ptr<const Plan> plan;
  if (keep) {
    const std::lock_guard lock(plans_->mutex);
    if (!plans_->kept) plans_->kept = std::make_shared<KeptPlans>();
    plan = find_or_compile(*std::static_pointer_cast<KeptPlans>(plans_->kept), std::move(recording), options);
  } else {
    plan = compile(recording, options);
  }
  std::vector<Tensor> tensors = plan->run(std::span(&input, 1));
  if (!keep)
    for (const auto& [path, module] : module_->named_modules()) module->ran_in_train_mode();
  for (std::size_t i = 0; i < results.size(); ++i) results[i].tensor = std::move(tensors[i]);
  return results;
}

void Model::forget_plans() const {
  if (!plans_) return;
  const std::lock_guard lock(plans_->mutex);
  plans_->kept.reset();
}

}  // namespace flambeau
