#pragma once
/// torch.optim's state: what `optimizer.state_dict()` holds, read and built with types. Nothing is trained here: the
/// state goes in and out, and PyTorch resumes from it.
///
///     flambeau::Checkpoint checkpoint = flambeau::load("checkpoint.pth");
///     flambeau::optim::Optimizer optimizer(checkpoint["optimizer_state_dict"]);
///     auto adam = optimizer.group<flambeau::optim::Adam>(0);
///     adam.lr = 1e-4;
///     optimizer.set_group(0, adam);
///     checkpoint.set("optimizer_state_dict", optimizer.value());
///     flambeau::save(checkpoint, "resumed.pth");

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <flambeau/number.h>
#include <flambeau/object.h>
#include <flambeau/tensor.h>

namespace flambeau::optim {

// One struct per optimizer: the hyperparameters of a parameter group with Python's names, order and defaults, and
// `State`, what is kept per parameter. `std::nullopt` is None. A number remembers whether it is an int or a float
// (`momentum = 0` is the int). An undefined tensor in a State is one that the optimizer does not keep.

struct SGD {
  Number lr = 1e-3, momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false, maximize = false;
  std::optional<bool> foreach{};
  bool differentiable = false;
  std::optional<bool> fused{};

  /// Without momentum PyTorch keeps no state at all.
  struct State {
    Tensor momentum_buffer{};
  };
};

struct Adam {
  Number lr = 1e-3;
  std::array<Number, 2> betas{0.9, 0.999};
  Number eps = 1e-8, weight_decay = 0;
  bool amsgrad = false, maximize = false;
  std::optional<bool> foreach{};
  bool capturable = false, differentiable = false;
  std::optional<bool> fused{};
  bool decoupled_weight_decay = false;

  struct State {
    double step = 0;  ///< a float32 scalar in the file (an int before 1.12)
    Tensor exp_avg{}, exp_avg_sq{};
    Tensor max_exp_avg_sq{};  ///< with amsgrad
  };
};

struct AdamW : Adam {
  AdamW() {
    weight_decay = 1e-2;
    decoupled_weight_decay = true;
  }
};

struct RMSprop {
  Number lr = 1e-2, momentum = 0, alpha = 0.99, eps = 1e-8;
  bool centered = false;
  Number weight_decay = 0;
  bool capturable = false;
  std::optional<bool> foreach{};
  bool maximize = false, differentiable = false;

  struct State {
    double step = 0;
    Tensor square_avg{};
    Tensor momentum_buffer{};  ///< with momentum
    Tensor grad_avg{};         ///< with centered
  };
};

struct Adagrad {
  Number lr = 1e-2, lr_decay = 0, eps = 1e-10, weight_decay = 0, initial_accumulator_value = 0;
  std::optional<bool> foreach{};
  bool maximize = false, differentiable = false;
  std::optional<bool> fused{};

  struct State {
    double step = 0;
    Tensor sum{};
  };
};

/// An optimizer's state_dict: `{"state": {parameter: …}, "param_groups": [{…, "params": [0, 1, …]}]}`. Parameters are
/// numbered through all groups, in the order of `model.parameters()`. A handle on the tree: copies see the same one,
/// and whatever is not set here, other optimizers' entries included, stays as it was.
///
/// `O` is one of the structs above. Functions throw Error(type) naming the key where the tree holds something else,
/// Error(not_found) for a group or parameter that is not there.
class Optimizer {
 public:
  /// Without groups, to build on.
  Optimizer();
  /// Throws Error(type) if this is no optimizer's state_dict.
  explicit Optimizer(Value state_dict);

  /// "SGD", "Adam", "AdamW", "RMSprop" or "Adagrad", by the names in the first group; empty for any other. (AdamW of
  /// torch before 2.6 cannot be told from Adam.)
  std::string_view algorithm() const;

  std::size_t groups() const;
  /// Hyperparameters that the file lacks (it is older) have their defaults.
  template <class O>
  O group(std::size_t index) const;
  template <class O>
  void set_group(std::size_t index, const O& hyperparameters);
  /// A new group for the next `parameters` parameters. Gives its index.
  template <class O>
  std::size_t add_group(const O& hyperparameters, std::size_t parameters);
  /// The same, with names, as `SGD(model.named_parameters())` keeps them.
  template <class O>
  std::size_t add_group(const O& hyperparameters, std::span<const std::string> names);
  /// Any other entry of a group: "initial_lr" and what else schedulers leave there.
  std::optional<Value> find(std::size_t group, std::string_view key) const;
  void set(std::size_t group, std::string_view key, const Value& value);

  /// Numbers of the group's parameters.
  std::vector<std::int64_t> params(std::size_t group) const;
  /// Their names; empty if the optimizer was made without.
  std::vector<std::string> param_names(std::size_t group) const;
  /// Number of the parameter of that name. Throws Error(not_found) with the nearest, or if there are no names.
  std::int64_t index(std::string_view name) const;

  /// Whether something is kept for the parameter: nothing is before its first step.
  bool has_state(std::int64_t parameter) const;
  template <class O>
  typename O::State state(std::int64_t parameter) const;
  template <class O>
  void set_state(std::int64_t parameter, const typename O::State& state);

  const Value& value() const noexcept { return value_; }

 private:
  Value value_;
};

}  // namespace flambeau::optim
