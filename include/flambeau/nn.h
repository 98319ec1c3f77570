#pragma once
/// torch.nn: modules with PyTorch's names, defaults, state_dict keys, texts and initial values.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <flambeau/checkpoint.h>
#include <flambeau/graph.h>
#include <flambeau/tensor.h>

namespace flambeau {

/// Python's global seed: torch.manual_seed. Thread-local state of the calling thread's default generator.
void manual_seed(std::uint64_t seed);

namespace nn {

using graph::Var;

/// What load_state_dict found; prints as torch does ("<All keys matched successfully>").
struct IncompatibleKeys {
  std::vector<std::string> missing_keys, unexpected_keys;
  std::string to_string() const;
};

struct LoadStateDictOptions {
  bool strict = true;
  bool assign = false;  ///< take the checkpoint's tensors (dtype, strides, mapping and all) instead of copying into ours
};

/// Visits a module's Python attributes in `__dict__` order: one function serves writing, reading and printing (see fields()).
class Fields;

/// A module: named parameters, buffers and children in registration order. Not copyable: children are shared by pointer,
/// as in Python (a module registered twice is one object, its tensors tied).
class Module {
 public:
  virtual ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// The Python class: "torch.nn.modules.conv", "Conv2d".
  virtual std::string_view python_module() const = 0;
  virtual std::string_view class_name() const = 0;
  /// Records the forward pass; train or eval as the module stands. Throws Error(unsupported) where only weights are known.
  virtual Var forward(Var x) = 0;
  /// Own attributes for whole-model pickles, in Python's order (children, parameters and buffers are not listed).
  virtual void fields(Fields& fields);
  /// Python's extra_repr(); "" if none.
  virtual std::string extra_repr() const { return {}; }
  /// `_version` of the class (BatchNorm 2), recorded in `_metadata`.
  virtual std::int64_t version() const { return 1; }
  /// Called before keys are matched, to bring a state_dict of an older version up to date.
  virtual void upgrade(StateDict& state_dict, const std::string& prefix, std::optional<std::int64_t> version);

  /// print(model), without a final newline.
  virtual std::string repr() const;
  bool training() const noexcept { return training_; }
  void train(bool mode = true);
  void eval() { train(false); }

  struct Parameter { std::string name; Tensor tensor; };  // undefined tensor: None
  struct Buffer { std::string name; Tensor tensor; bool persistent = true; };
  struct Child { std::string name; std::shared_ptr<Module> module; };  // null: None
  const std::vector<Parameter>& parameters() const noexcept { return parameters_; }
  const std::vector<Buffer>& buffers() const noexcept { return buffers_; }
  const std::vector<Child>& children() const noexcept { return children_; }
  std::vector<Parameter>& parameters() noexcept { return parameters_; }
  std::vector<Buffer>& buffers() noexcept { return buffers_; }
  std::vector<Child>& children() noexcept { return children_; }
  std::shared_ptr<Module> child(std::string_view name) const;  // null if absent
  /// Depth first, the root included, with dotted paths; a shared module once, as Python's named_modules().
  std::vector<std::pair<std::string, Module*>> named_modules();
  std::uint64_t parameter_count() const;

  /// Keys, order and `_metadata` as torch's; tensors share the module's storages.
  StateDict state_dict() const;
  /// Copies (or assigns) by name. Throws Error(mismatch) with torch's text: missing and unexpected keys when strict, wrong shapes always.
  IncompatibleKeys load_state_dict(const StateDict& state_dict, const LoadStateDictOptions& options = {});

  /// Registration, for authors of modules. Names must be new and without dots.
  Tensor& register_parameter(std::string name, Tensor tensor);
  Tensor& register_buffer(std::string name, Tensor tensor, bool persistent = true);
  template <class M>
  std::shared_ptr<M> register_module(std::string name, std::shared_ptr<M> module) {
    add_child(std::move(name), module);
    return module;
  }

 protected:
  Module() = default;
  /// The parameter or buffer as a constant of the graph of `x`.
  static Var constant(Var x, const Tensor& tensor);

 private:
  void add_child(std::string name, std::shared_ptr<Module> module);
  std::vector<Parameter> parameters_{};
  std::vector<Buffer> buffers_{};
  std::vector<Child> children_{};
  bool training_ = true;
};

}  // namespace nn

/// An owning handle to a module tree: what builders and `load_model` give. Copies share the modules.
class Model {
 public:
  Model() = default;
  explicit Model(std::shared_ptr<nn::Module> module) : module_(std::move(module)) {}

  nn::Module& module() const { return *module_; }
  nn::Module* operator->() const noexcept { return module_.get(); }
  StateDict state_dict() const { return module_->state_dict(); }
  nn::IncompatibleKeys load_state_dict(const StateDict& state_dict, const nn::LoadStateDictOptions& options = {}) const {
    return module_->load_state_dict(state_dict, options);
  }
  Model& eval() { module_->eval(); return *this; }
  Model& train(bool mode = true) { module_->train(mode); return *this; }
  std::string repr() const { return module_->repr(); }

  /// Runs the module on a batch (NCHW float32): records, compiles and keeps the plan for the next call with the same shape and mode.
  Tensor operator()(const Tensor& x) const;

 private:
  std::shared_ptr<nn::Module> module_{};
};

}  // namespace flambeau
