#pragma once
/// torch.nn containers: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict.

#include <initializer_list>

#include <flambeau/nn.h>

namespace flambeau::nn {

/// In order; a braced list makes its elements in that order, as Python's arguments are made.
using Modules = std::vector<ModulePtr>;
/// An OrderedDict (or dict) of modules.
using NamedModules = std::vector<std::pair<std::string, ModulePtr>>;

/// Runs its children one after the other. Children are named "0", "1", … or as given; null is None.
class Sequential : public Module {
 public:
  explicit Sequential(const Modules& modules = {});
  explicit Sequential(const NamedModules& modules);
  explicit Sequential(Blank) {}
  /// Appends under the next number.
  Sequential& append(ModulePtr module);
  /// Python's add_module.
  Sequential& add_module(std::string name, ModulePtr module);
  std::size_t size() const noexcept { return children().size(); }
  Module& operator[](std::size_t index) const;

  std::string_view python_module() const override { return "torch.nn.modules.container"; }
  std::string_view class_name() const override { return "Sequential"; }
  Var forward(Var x) override;
};

/// A list of modules; has no forward. Prints equal neighbours once: "(0-2): 3 x Linear(…)".
class ModuleList : public Module {
 public:
  explicit ModuleList(const Modules& modules = {});
  explicit ModuleList(Blank) {}
  ModuleList& append(ModulePtr module);
  std::size_t size() const noexcept { return children().size(); }
  Module& operator[](std::size_t index) const;

  std::string_view python_module() const override { return "torch.nn.modules.container"; }
  std::string_view class_name() const override { return "ModuleList"; }
  Var forward(Var x) override;
  std::string repr() const override;
};

/// Modules by name; has no forward.
class ModuleDict : public Module {
 public:
  explicit ModuleDict(const NamedModules& modules = {});
  explicit ModuleDict(Blank) {}
  Module& operator[](std::string_view name) const;

  std::string_view python_module() const override { return "torch.nn.modules.container"; }
  std::string_view class_name() const override { return "ModuleDict"; }
  Var forward(Var x) override;
};

/// Parameters "0", "1", …; has no forward.
class ParameterList : public Module {
 public:
  explicit ParameterList(const std::vector<Tensor>& values = {});
  explicit ParameterList(Blank) {}

  std::string_view python_module() const override { return "torch.nn.modules.container"; }
  std::string_view class_name() const override { return "ParameterList"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 private:
  std::int64_t size_ = 0;
};

/// Parameters by name; has no forward.
class ParameterDict : public Module {
 public:
  explicit ParameterDict(const std::vector<std::pair<std::string, Tensor>>& values = {});
  explicit ParameterDict(Blank) {}

  std::string_view python_module() const override { return "torch.nn.modules.container"; }
  std::string_view class_name() const override { return "ParameterDict"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 private:
  std::vector<std::string> keys_{};
};

}  // namespace flambeau::nn
