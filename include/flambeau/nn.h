#pragma once
/// torch.nn's core: Module with PyTorch's names, defaults, state_dict keys and texts. The layers stand in
/// <flambeau/layers.h>.
///
/// Make modules with std::make_shared. Constructors draw initial values from the calling thread's default generator in
/// Python's order, so build children one statement after the other or in a braced list (arguments of a call have no
/// order).

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <flambeau/checkpoint.h>
#include <flambeau/graph.h>
#include <flambeau/nn_fields.h>
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
  bool assign =
      false;  ///< take the checkpoint's tensors (dtype, strides, mapping and all) instead of copying into ours
};

/// While one lives, modules made by this thread allocate no parameters: these are meta tensors until load_state_dict
/// gives them memory (with or without `assign`), nothing is drawn, and initialisers leave them alone. Buffers are made
/// as usual.
class SkipInit {
 public:
  SkipInit() noexcept;
  ~SkipInit();
  SkipInit(const SkipInit&) = delete;
  SkipInit& operator=(const SkipInit&) = delete;
  static bool active() noexcept;
};

/// Selects the constructor that makes a bare object, without attributes, tensors or children: Python's
/// `cls.__new__(cls)`.
struct Blank {};

/// A tensor for register_parameter: requires_grad, its memory to be filled by an initialiser; meta under SkipInit.
Tensor new_parameter(Shape shape, DType dtype = DType::float32);

/// A module: named parameters, buffers and children in registration order. Not copyable: children are shared by
/// pointer, as in Python (a module registered twice is one object, its tensors tied).
class Module {
 public:
  virtual ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// The Python class: "torch.nn.modules.conv", "Conv2d".
  virtual std::string_view python_module() const = 0;
  virtual std::string_view class_name() const = 0;
  /// Records the forward pass; train or eval as the module stands. Throws Error(unsupported) where only weights are
  /// known.
  virtual Var forward(Var x) = 0;
  /// Calls forward as Python does; refuses modules whose pickle held hooks (their code is not restored).
  Var operator()(Var x);
  /// One of the tensors that a forward pass gives.
  struct Output {
    std::string name;
    Var value;
  };
  /// All that the Python class's forward gives, the main tensor first: in train mode GoogLeNet's and Inception3's
  /// auxiliary heads too, under the names of torchvision's named tuples. Any other class: forward's one, without a
  /// name.
  std::vector<Output> outputs(Var x);
  /// Behind outputs(); for authors of modules that give several tensors.
  virtual std::vector<Output> forward_all(Var x) { return {{"", forward(x)}}; }
  /// Called on every module by whoever has run `graph`, recorded in train mode, once per run: what a forward pass
  /// changes beside the graph's constants (BatchNorm counts its batches).
  virtual void ran_in_train_mode(const graph::Graph& /*graph*/) {}
  /// Own attributes for whole-model pickles, in Python's order (children, parameters and buffers are not listed).
  virtual void fields(Fields& fields);
  /// Attributes that Python's constructor sets before nn.Module sets its own.
  virtual void early_fields(Fields& fields);
  /// Whether Python makes the child's name anew for each module ("denselayer%d" % i) rather than interning it; shapes
  /// the pickle only. Numbers are made anew.
  virtual bool fresh_child_name(std::string_view name) const;
  /// Python's extra_repr(); "" if none.
  virtual std::string extra_repr() const { return {}; }
  /// `_version` of the class (BatchNorm 2), recorded in `_metadata`.
  virtual std::int64_t version() const { return 1; }
  /// Called before keys are matched, to bring a state_dict of an older version up to date.
  virtual void upgrade(StateDict& state_dict, const std::string& prefix, std::optional<std::int64_t> version);
  /// get_extra_state: a value for the key `<prefix>_extra_state`; nullopt for classes without.
  virtual std::optional<Value> extra_state() const { return std::nullopt; }
  virtual void set_extra_state(const Value& value);

  /// print(model), without a final newline.
  virtual std::string repr() const;
  bool training() const noexcept { return training_; }
  void train(bool mode = true);
  /// Of this module alone.
  void set_training(bool mode) noexcept { training_ = mode; }
  void eval() { train(false); }

  struct Parameter {
    std::string name;
    Tensor tensor;  ///< undefined: None
    Value extra{};  ///< of a pickled module: the value where it is more than a plain Parameter (quantized, sparse)
  };
  struct Buffer {
    std::string name;
    Tensor tensor;
    bool persistent = true;
    Value extra{};  ///< the same, where it is more than a plain tensor
  };
  struct Child {
    std::string name;
    std::shared_ptr<Module> module;
  };  // null: None
  const std::vector<Parameter>& parameters() const noexcept { return parameters_; }
  const std::vector<Buffer>& buffers() const noexcept { return buffers_; }
  const std::vector<Child>& children() const noexcept { return children_; }
  std::vector<Parameter>& parameters() noexcept { return parameters_; }
  std::vector<Buffer>& buffers() noexcept { return buffers_; }
  std::vector<Child>& children() noexcept { return children_; }
  std::shared_ptr<Module> child(std::string_view name) const;  // null if absent or None
  /// By name; undefined for None. Throw Error(not_found) naming the class if there is none of that name.
  Tensor& parameter(std::string_view name);
  const Tensor& parameter(std::string_view name) const;
  Tensor& buffer(std::string_view name);
  const Tensor& buffer(std::string_view name) const;
  /// Attributes of a pickled module that its class does not know, non-empty hook tables among them; written back as
  /// they are.
  std::vector<std::pair<std::string, Value>>& attributes() noexcept { return attributes_; }
  const std::vector<std::pair<std::string, Value>>& attributes() const noexcept { return attributes_; }
  /// The pickled object that the module was read from: attributes may name it. None when nothing keeps its heap.
  Value origin() const;
  void set_origin(const Value& object);
  /// Attributes of a pickled module whose class holds them in another type; see Fields::AsRead.
  Fields::AsRead& as_read() noexcept { return as_read_; }
  /// Depth first, the root included, with dotted paths; a shared module once, as Python's named_modules().
  std::vector<std::pair<std::string, Module*>> named_modules();
  /// In the order of Python's parameters(), which numbers them in an optimizer's state; tied ones once.
  std::vector<std::pair<std::string, Tensor*>> named_parameters();
  std::uint64_t parameter_count() const;

  /// Keys, order and `_metadata` as torch's; tensors share the module's storages.
  StateDict state_dict() const;
  /// Copies (or assigns) by name. Throws Error(mismatch) with torch's text: missing and unexpected keys when strict,
  /// wrong shapes always.
  IncompatibleKeys load_state_dict(const StateDict& state_dict, const LoadStateDictOptions& options = {});

  /// Registration, for authors of modules. Names must be new and without dots. The reference is good until the next
  /// registration of its kind.
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
  /// The parameter or buffer `name` as a constant; an empty Var for None.
  Var constant(Var x, std::string_view name) const;
  /// Records child `name` on `x`; throws Error(not_found) without one.
  Var call(std::string_view name, Var x) const;

 private:
  void add_child(std::string name, std::shared_ptr<Module> module);
  std::vector<Parameter> parameters_{};
  std::vector<Buffer> buffers_{};
  std::vector<Child> children_{};
  std::vector<std::pair<std::string, Value>> attributes_{};
  std::weak_ptr<object::Heap> origin_heap_{};
  object::Ref origin_{};
  Fields::AsRead as_read_{};
  bool training_ = true;
};
using ModulePtr = std::shared_ptr<Module>;

/// A Python class and how to make a bare object of its C++ class (see Blank): what load_model makes modules by.
struct ClassRow {
  std::string_view module, name;
  ModulePtr (*blank)();
};
/// The row of a class of one's own, which needs a constructor from Blank. Children and parameters come under their
/// names (`call("conv1", x)`), further attributes through fields().
template <class M>
ClassRow class_row(std::string_view python_module, std::string_view class_name) {
  return {python_module, class_name, []() -> ModulePtr { return std::make_shared<M>(Blank{}); }};
}

}  // namespace nn

struct PlanOptions;  // plan.h
struct Calibration;

/// An owning handle to a module tree: what builders and `load_model` give. Copies share the modules and their plans.
class Model {
 public:
  Model() = default;
  explicit Model(std::shared_ptr<nn::Module> module) : module_(std::move(module)) {}

  /// This and all that follow throw Error(invalid_argument) for an empty Model.
  nn::Module& module() const;
  nn::Module* operator->() const { return &module(); }
  StateDict state_dict() const { return module().state_dict(); }
  nn::IncompatibleKeys load_state_dict(const StateDict& state_dict,
                                       const nn::LoadStateDictOptions& options = {}) const {
    return module().load_state_dict(state_dict, options);
  }
  Model& eval() {
    module().eval();
    return *this;
  }
  Model& train(bool mode = true) {
    module().train(mode);
    return *this;
  }
  std::string repr() const { return module().repr(); }

  /// Runs the module on a batch (NCHW float32): records, compiles and keeps the plan for the next call (see predict.h).
  Tensor operator()(const Tensor& x) const;
  Tensor operator()(const Tensor& x, const PlanOptions& options) const;
  struct Output {
    std::string name;
    Tensor tensor;
  };
  /// The same, but all that forward gives (nn::Module::outputs): in train mode auxiliary heads beside the main tensor.
  std::vector<Output> outputs(const Tensor& x) const;
  std::vector<Output> outputs(const Tensor& x, const PlanOptions& options) const;
  /// What the int8 operations of an eval-mode model meet in the samples (batches like those to come): give it as
  /// `PlanOptions::calibration`. Throws Error(invalid_argument) in train mode.
  std::shared_ptr<const Calibration> calibrate(std::span<const Tensor> samples, PlanOptions options) const;
  /// From now on plans are made with packed weights from this folder where it has them, and leave theirs there: the
  /// next process then starts with them mapped. Worth it for Effort::steady. Empty: no folder (so it begins). The
  /// folder is trusted as the program is: who can write there decides what is computed, and its checksums are not
  /// compared.
  void cache_plans(std::string folder) const;
  /// Drops the kept plans: frees their memory; needed after single weights were changed by hand.
  void forget_plans() const;

 private:
  /// The first `most` outputs.
  std::vector<Output> run(const Tensor& x, const PlanOptions& options, std::size_t most) const;

  /// The plans themselves are the run room's.
  struct Plans {
    std::mutex mutex;
    std::shared_ptr<void> kept;
    std::string cache{};
  };
  std::shared_ptr<nn::Module> module_{};
  std::shared_ptr<Plans> plans_ = std::make_shared<Plans>();
};

}  // namespace flambeau
