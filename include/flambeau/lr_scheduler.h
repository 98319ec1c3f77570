#pragma once
/// torch.optim.lr_scheduler's state: what `scheduler.state_dict()` holds, as structs, in and out.
///
///     auto scheduler = flambeau::lr_scheduler::from_value<flambeau::lr_scheduler::StepLR>(checkpoint["scheduler"]);
///     scheduler.step_size = 10;
///     checkpoint.set("scheduler", flambeau::lr_scheduler::to_value(scheduler));
///
/// Members have Python's names, without the leading underscore of private ones, Python's order and its defaults.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <flambeau/number.h>
#include <flambeau/object.h>

namespace flambeau::lr_scheduler {

/// What most schedulers keep. The rates have one entry per parameter group.
struct LRScheduler {
  std::vector<Number> base_lrs{};
  std::int64_t last_epoch = 0;
  std::int64_t step_count = 1;
  bool is_initial = false, get_lr_called_within_step = false;
  std::vector<Number> last_lr{};
};

struct StepLR : LRScheduler {
  std::int64_t step_size = 1;
  Number gamma = 0.1;
};

struct MultiStepLR : LRScheduler {
  std::vector<std::int64_t> milestones{};  ///< one that is listed twice counts twice
  Number gamma = 0.1;
};

struct ExponentialLR : LRScheduler {
  Number gamma = 0.9;
};

struct ConstantLR : LRScheduler {
  Number factor = 1.0 / 3;
  std::int64_t total_iters = 5;
};

struct LinearLR : LRScheduler {
  Number start_factor = 1.0 / 3, end_factor = 1.0;
  std::int64_t total_iters = 5;
};

struct PolynomialLR : LRScheduler {
  std::int64_t total_iters = 5;
  Number power = 1.0;
};

struct CosineAnnealingLR : LRScheduler {
  std::int64_t T_max = 1;
  Number eta_min = 0.0;
};

struct CosineAnnealingWarmRestarts : LRScheduler {
  std::int64_t T_0 = 1, T_i = 1, T_mult = 1;
  Number eta_min = 0.0;
  Number T_cur = 0;
};

struct OneCycleLR : LRScheduler {
  /// Names of the group's entries between which a phase goes ("initial_lr", "max_lr", "base_momentum", …).
  struct Phase {
    Number end_step = 0;
    std::string start_lr{}, end_lr{}, start_momentum{}, end_momentum{};
  };
  std::int64_t total_steps = 1;
  std::vector<Phase> schedule_phases{};
  std::string anneal_func_type = "cos";  ///< or "linear"
  bool cycle_momentum = true, use_beta1 = false;
};

struct CyclicLR : LRScheduler {
  std::vector<Number> max_lrs{};
  Number total_size = 4000.0;       ///< steps of a cycle
  Number step_ratio = 0.5;          ///< of them that go up
  std::string mode = "triangular";  ///< or "triangular2", "exp_range"
  Number gamma = 1.0;
  std::string scale_mode = "cycle";  ///< or "iterations"
  bool cycle_momentum = true, use_beta1 = false;
  std::vector<Number> base_momentums{}, max_momentums{};  ///< with cycle_momentum
  Value scale_fn_custom{};  ///< attributes of a callable object; None for a function and without one
};

/// Lambdas are code, which no file holds: None stands for each; of a callable object its attributes are kept.
struct LambdaLR : LRScheduler {
  std::vector<Value> lr_lambdas{};
};
struct MultiplicativeLR : LRScheduler {
  std::vector<Value> lr_lambdas{};
};

struct ReduceLROnPlateau {
  Number factor = 0.1;
  std::optional<Number> default_min_lr = Number(0);
  std::vector<Number> min_lrs{};
  std::int64_t patience = 10, cooldown = 0;
  Number eps = 1e-8;
  std::int64_t last_epoch = 0;
  std::vector<Number> last_lr{};
  Number mode_worse = std::numeric_limits<double>::infinity();
  std::string mode = "min";
  Number threshold = 1e-4;
  std::string threshold_mode = "rel";
  Number best = std::numeric_limits<double>::infinity();
  std::int64_t cooldown_counter = 0, num_bad_epochs = 0;
};

/// Its schedulers' state_dicts one after the other.
struct SequentialLR {
  std::vector<std::int64_t> milestones{};
  std::int64_t last_epoch = 0;
  std::vector<Number> last_lr{};
  std::vector<Value> schedulers{};
};

/// Its schedulers' state_dicts, all at once.
struct ChainedScheduler {
  std::vector<Number> last_lr{};
  std::vector<Value> schedulers{};
};

/// `S` is one of the structs above. An entry that is absent leaves its default. Throws Error(type) naming the key if
/// an entry has another type or `state_dict` is no dict.
template <class S>
S from_value(const Value& state_dict);
/// The dict that torch 2.13's `state_dict()` gives, entry for entry.
template <class S>
Value to_value(const S& scheduler);
/// Sets what differs and leaves the rest, for states that hold more than `S` (older versions, subclasses).
template <class S>
void update(Value& state_dict, const S& scheduler);

}  // namespace flambeau::lr_scheduler
