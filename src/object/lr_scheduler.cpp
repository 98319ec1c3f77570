#include <flambeau/lr_scheduler.h>

#include <algorithm>
#include <concepts>

#include <flambeau/error.h>

#include "object/typed_dict.h"

namespace flambeau::lr_scheduler {

using object::as;
using object::Dict;
using object::Ref;
using object::Sequence;

template <class S, class T>
concept Like = std::same_as<std::remove_const_t<S>, T>;

// What LRScheduler's constructor sets, which runs after the subclass has set its own.
static void common(auto& v, auto& s) {
  v("base_lrs", s.base_lrs);
  v("last_epoch", s.last_epoch);
  v("_step_count", s.step_count);
  v("_is_initial", s.is_initial);
  v("_get_lr_called_within_step", s.get_lr_called_within_step);
  v("_last_lr", s.last_lr);
}

static void visit(auto& v, Like<StepLR> auto& s) {
  v("step_size", s.step_size);
  v("gamma", s.gamma);
  common(v, s);
}

static void visit(auto& v, Like<MultiStepLR> auto& s) {
  v.counter("milestones", s.milestones);
  v("gamma", s.gamma);
  common(v, s);
}

static void visit(auto& v, Like<ExponentialLR> auto& s) {
  v("gamma", s.gamma);
  common(v, s);
}

static void visit(auto& v, Like<ConstantLR> auto& s) {
  v("factor", s.factor);
  v("total_iters", s.total_iters);
  common(v, s);
}

static void visit(auto& v, Like<LinearLR> auto& s) {
  v("start_factor", s.start_factor);
  v("end_factor", s.end_factor);
  v("total_iters", s.total_iters);
  common(v, s);
}

static void visit(auto& v, Like<PolynomialLR> auto& s) {
  v("total_iters", s.total_iters);
  v("power", s.power);
  common(v, s);
}

static void visit(auto& v, Like<CosineAnnealingLR> auto& s) {
  v("T_max", s.T_max);
  v("eta_min", s.eta_min);
  common(v, s);
}

static void visit(auto& v, Like<CosineAnnealingWarmRestarts> auto& s) {
  v("T_0", s.T_0);
  v("T_i", s.T_i);
  v("T_mult", s.T_mult);
  v("eta_min", s.eta_min);
  v("T_cur", s.T_cur);
  common(v, s);
}

static void visit(auto& v, Like<OneCycleLR::Phase> auto& s) {
  v("end_step", s.end_step);
  v("start_lr", s.start_lr);
  v("end_lr", s.end_lr);
  v("start_momentum", s.start_momentum);
  v("end_momentum", s.end_momentum);
}

static void visit(auto& v, Like<OneCycleLR> auto& s) {
  v("total_steps", s.total_steps);
  v.records("_schedule_phases", s.schedule_phases);
  v("_anneal_func_type", s.anneal_func_type);
  v("cycle_momentum", s.cycle_momentum);
  if (s.cycle_momentum) v("use_beta1", s.use_beta1);
  common(v, s);
}

static void visit(auto& v, Like<CyclicLR> auto& s) {
  v("max_lrs", s.max_lrs);
  v("total_size", s.total_size);
  v("step_ratio", s.step_ratio);
  v("mode", s.mode);
  v("gamma", s.gamma);
  v("scale_mode", s.scale_mode);
  v("cycle_momentum", s.cycle_momentum);
  if (s.cycle_momentum) {
    v("use_beta1", s.use_beta1);
    v("base_momentums", s.base_momentums);
    v("max_momentums", s.max_momentums);
  }
  common(v, s);
  v("_scale_fn_custom", s.scale_fn_custom);
}

template <class S>
requires Like<S, LambdaLR> || Like<S, MultiplicativeLR>
static void visit(auto& v, S& s) {
  common(v, s);
  v("lr_lambdas", s.lr_lambdas);
}

static void visit(auto& v, Like<ReduceLROnPlateau> auto& s) {
  v("factor", s.factor);
  v("default_min_lr", s.default_min_lr);
  v("min_lrs", s.min_lrs);
  v("patience", s.patience);
  v("cooldown", s.cooldown);
  v("eps", s.eps);
  v("last_epoch", s.last_epoch);
  v("_last_lr", s.last_lr);
  v("mode_worse", s.mode_worse);
  v("mode", s.mode);
  v("threshold", s.threshold);
  v("threshold_mode", s.threshold_mode);
  v("best", s.best);
  v("cooldown_counter", s.cooldown_counter);
  v("num_bad_epochs", s.num_bad_epochs);
}

static void visit(auto& v, Like<SequentialLR> auto& s) {
  v("_milestones", s.milestones);
  v("last_epoch", s.last_epoch);
  v("_last_lr", s.last_lr);
  v("_schedulers", s.schedulers);
}

static void visit(auto& v, Like<ChainedScheduler> auto& s) {
  v("_last_lr", s.last_lr);
  v("_schedulers", s.schedulers);
}

namespace {

Dict& dict_of(const Value& state_dict) {
  auto* dict = as<Dict>(state_dict.ref());
  if (!dict) throw Error(ErrorCode::type, "expected a scheduler's state_dict, found " + state_dict.type_name());
  return *dict;
}

// In Python the rates of a SequentialLR are the list of the scheduler at work.
void share_rates(const Value& state_dict, const SequentialLR& scheduler) {
  const auto passed = std::count_if(scheduler.milestones.begin(), scheduler.milestones.end(),
                                    [&](std::int64_t milestone) { return milestone <= scheduler.last_epoch; });
  const auto* schedulers = as<Sequence>(object::get(dict_of(state_dict), "_schedulers").value_or(Ref()));
  if (!schedulers || static_cast<std::size_t>(passed) >= schedulers->items.size()) return;
  auto* active = as<Dict>(schedulers->items[static_cast<std::size_t>(passed)]);
  const auto rates = object::get(dict_of(state_dict), "_last_lr");
  if (!active || !rates) return;
  std::vector<Number> own;
  object::DictReader(state_dict.heap(), *active)("_last_lr", own);
  const auto same = [](const Number& a, const Number& b) { return a.value == b.value && a.integer == b.integer; };
  if (!std::equal(own.begin(), own.end(), scheduler.last_lr.begin(), scheduler.last_lr.end(), same)) return;
  for (auto& [key, value] : active->items)
    if (object::text(key) == "_last_lr") value = *rates;
}

}  // namespace

template <class S>
S from_value(const Value& state_dict) {
  S scheduler;
  object::DictReader reader(state_dict.heap(), dict_of(state_dict));
  visit(reader, scheduler);
  return scheduler;
}

template <class S>
void update(Value& state_dict, const S& scheduler) {
  object::DictWriter writer(state_dict.heap(), dict_of(state_dict));
  visit(writer, scheduler);
  if constexpr (std::same_as<S, SequentialLR>) share_rates(state_dict, scheduler);
}

template <class S>
Value to_value(const S& scheduler) {
  Value state_dict = Value::dict();
  update(state_dict, scheduler);
  return state_dict;
}

#define FLAMBEAU_SCHEDULER(S)             \
  template S from_value<S>(const Value&); \
  template Value to_value<S>(const S&);   \
  template void update<S>(Value&, const S&);
FLAMBEAU_SCHEDULER(StepLR)
FLAMBEAU_SCHEDULER(MultiStepLR)
FLAMBEAU_SCHEDULER(ExponentialLR)
FLAMBEAU_SCHEDULER(ConstantLR)
FLAMBEAU_SCHEDULER(LinearLR)
FLAMBEAU_SCHEDULER(PolynomialLR)
FLAMBEAU_SCHEDULER(CosineAnnealingLR)
FLAMBEAU_SCHEDULER(CosineAnnealingWarmRestarts)
FLAMBEAU_SCHEDULER(OneCycleLR)
FLAMBEAU_SCHEDULER(CyclicLR)
FLAMBEAU_SCHEDULER(LambdaLR)
FLAMBEAU_SCHEDULER(MultiplicativeLR)
FLAMBEAU_SCHEDULER(ReduceLROnPlateau)
FLAMBEAU_SCHEDULER(SequentialLR)
FLAMBEAU_SCHEDULER(ChainedScheduler)
#undef FLAMBEAU_SCHEDULER

}  // namespace flambeau::lr_scheduler
