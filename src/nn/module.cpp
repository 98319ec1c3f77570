#include <flambeau/nn.h>

#include <algorithm>
#include <set>
#include <tuple>

#include <flambeau/error.h>
#include <flambeau/near.h>

#include "nn/base_keys.h"
#include "nn/indent.h"

namespace flambeau::nn {
namespace {

thread_local int skip_init_depth = 0;

template <class List>
auto* find_named(List& list, std::string_view name) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.name == name; });
  return found == list.end() ? nullptr : &*found;
}

template <class List>
auto& at_name(List& list, std::string_view name, std::string_view class_name, std::string_view what) {
  if (auto* found = find_named(list, name)) return *found;
  std::vector<std::string_view> names;
  for (const auto& entry : list) names.push_back(entry.name);
  throw Error(ErrorCode::not_found, std::string(class_name) + " has no " + std::string(what) + " '" +
                                        std::string(name) + "'" + did_you_mean(name, names));
}

}  // namespace

SkipInit::SkipInit() noexcept { ++skip_init_depth; }
SkipInit::~SkipInit() { --skip_init_depth; }
bool SkipInit::active() noexcept { return skip_init_depth > 0; }

Tensor new_parameter(Shape shape, DType dtype) {
  Tensor tensor =
      SkipInit::active() ? Tensor::meta(std::move(shape), dtype) : Tensor::uninitialized(std::move(shape), dtype);
  return tensor.set_requires_grad(true);
}

Module::~Module() = default;

void Module::fields(Fields&) {}
void Module::early_fields(Fields&) {}

void Module::upgrade(StateDict&, const std::string&, std::optional<std::int64_t>) {}

void Module::set_extra_state(const Value&) {
  throw Error(ErrorCode::unsupported, std::string(class_name()) + " takes no extra state");
}

bool Module::fresh_child_name(std::string_view name) const {
  return !name.empty() && name.find_first_not_of("0123456789") == name.npos;
}

namespace {

void refuse_hooks(Module& module) {
  for (const auto& [name, value] : module.attributes())
    if (const BaseKey* key = base_key(name); key && key->kind == BaseKind::hooks)
      throw Error(ErrorCode::unsupported, std::string(module.class_name()) + " has entries in " + name +
                                              ": the code of hooks is not restored, so it cannot be run");
}

}  // namespace

Var Module::operator()(Var x) {
  refuse_hooks(*this);
  return forward(x);
}

std::vector<Module::Output> Module::outputs(Var x) {
  refuse_hooks(*this);
  return forward_all(x);
}

void Module::train(bool mode) {
  training_ = mode;
  for (const Child& child : children_)
    if (child.module) child.module->train(mode);
}

std::string Module::repr() const {
  const std::string extra = extra_repr();
  std::string lines;
  if (!extra.empty() && children_.empty()) {
    if (extra.find('\n') == extra.npos) return std::string(class_name()) + "(" + extra + ")";
  }
  const auto add_line = [&](const std::string& line) { lines += "  " + line + "\n"; };
  if (!extra.empty()) add_line(indented(extra));
  for (const Child& child : children_)
    add_line("(" + child.name + "): " + (child.module ? indented(child.module->repr()) : "None"));
  if (lines.empty()) return std::string(class_name()) + "()";
  return std::string(class_name()) + "(\n" + lines + ")";
}

std::shared_ptr<Module> Module::child(std::string_view name) const {
  const Child* found = find_named(children_, name);
  return found ? found->module : nullptr;
}

Tensor& Module::parameter(std::string_view name) {
  return at_name(parameters_, name, class_name(), "parameter").tensor;
}
const Tensor& Module::parameter(std::string_view name) const {
  return at_name(parameters_, name, class_name(), "parameter").tensor;
}
Tensor& Module::buffer(std::string_view name) { return at_name(buffers_, name, class_name(), "buffer").tensor; }
const Tensor& Module::buffer(std::string_view name) const {
  return at_name(buffers_, name, class_name(), "buffer").tensor;
}

std::vector<std::pair<std::string, Module*>> Module::named_modules() {
  std::vector<std::pair<std::string, Module*>> all;
  std::set<const Module*> seen;
  const auto visit = [&](const auto& self, Module& module, const std::string& path) -> void {
    if (!seen.insert(&module).second) return;
    all.emplace_back(path, &module);
    for (const Child& child : module.children())
      if (child.module) self(self, *child.module, path.empty() ? child.name : path + "." + child.name);
  };
  visit(visit, *this, "");
  return all;
}

std::vector<std::pair<std::string, Tensor*>> Module::named_parameters() {
  std::vector<std::pair<std::string, Tensor*>> all;
  std::set<std::tuple<const Storage*, std::int64_t, Shape>> seen;
  for (const auto& [path, module] : named_modules())
    for (Parameter& parameter : module->parameters()) {
      const Tensor& tensor = parameter.tensor;
      if (!tensor.defined()) continue;
      if (tensor.is_meta() || seen.emplace(tensor.storage().get(), tensor.offset(), tensor.shape()).second)
        all.emplace_back(path.empty() ? parameter.name : path + "." + parameter.name, &parameter.tensor);
    }
  return all;
}

std::uint64_t Module::parameter_count() const {
  std::uint64_t count = 0;
  std::set<const Module*> seen;
  std::set<std::tuple<const Storage*, std::int64_t, Shape>> tensors;  // tied parameters count once
  const auto visit = [&](const auto& self, const Module& module) -> void {
    if (!seen.insert(&module).second) return;
    for (const Parameter& parameter : module.parameters()) {
      const Tensor& tensor = parameter.tensor;
      if (!tensor.defined()) continue;
      if (tensor.is_meta() || tensors.emplace(tensor.storage().get(), tensor.offset(), tensor.shape()).second)
        count += static_cast<std::uint64_t>(tensor.numel());
    }
    for (const Child& child : module.children())
      if (child.module) self(self, *child.module);
  };
  visit(visit, *this);
  return count;
}

namespace {

void check_new(const Module& module, std::string_view name) {
  if (name.empty() || name.find('.') != name.npos)
    throw Error(ErrorCode::invalid_argument,
                "name '" + std::string(name) + "' in " + std::string(module.class_name()) + " is empty or has a dot");
  if (find_named(module.parameters(), name) || find_named(module.buffers(), name) ||
      find_named(module.children(), name))
    throw Error(ErrorCode::invalid_argument, "attribute '" + std::string(name) + "' already exists");
}

}  // namespace

Value Module::origin() const {
  auto heap = origin_heap_.lock();
  return heap ? Value(std::move(heap), origin_) : Value();
}

void Module::set_origin(const Value& object) {
  origin_heap_ = object.heap();
  origin_ = object.ref();
}

Tensor& Module::register_parameter(std::string name, Tensor tensor) {
  check_new(*this, name);
  if (tensor.defined()) tensor.set_requires_grad(true);
  parameters_.push_back({std::move(name), std::move(tensor)});
  return parameters_.back().tensor;
}

Tensor& Module::register_buffer(std::string name, Tensor tensor, bool persistent) {
  check_new(*this, name);
  buffers_.push_back({std::move(name), std::move(tensor), persistent});
  return buffers_.back().tensor;
}

void Module::add_child(std::string name, std::shared_ptr<Module> module) {
  check_new(*this, name);
  children_.push_back({std::move(name), std::move(module)});
}

Var Module::constant(Var x, const Tensor& tensor) {
  if (tensor.is_meta())
    throw Error(ErrorCode::invalid_argument, "a parameter of shape " + python_repr(tensor.shape()) +
                                                 " has no values: load weights before the module runs");
  return x.graph().constant(tensor);
}

Var Module::constant(Var x, std::string_view name) const {
  const auto recorded = [&](const auto& named) {
    if (named.tensor.defined()) return constant(x, named.tensor);
    if (named.extra.is_none()) return Var{};
    throw Error(ErrorCode::unsupported,
                std::string(class_name()) + " cannot be run: its '" + named.name + "' is a " + named.extra.type_name());
  };
  const Parameter* parameter = find_named(parameters_, name);
  return parameter ? recorded(*parameter) : recorded(at_name(buffers_, name, class_name(), "parameter or buffer"));
}

Var Module::call(std::string_view name, Var x) const {
  const Child& found = at_name(children_, name, class_name(), "child");
  if (!found.module)
    throw Error(ErrorCode::not_found, "child '" + std::string(name) + "' of " + std::string(class_name()) + " is None");
  return (*found.module)(x);
}

}  // namespace flambeau::nn
