#include <flambeau/nn_container.h>

#include <algorithm>

#include "nn/forward.h"
#include "nn/indent.h"

namespace flambeau::nn {
namespace {

void append_all(Module& module, const Modules& modules) {
  for (const ModulePtr& child : modules) module.register_module(std::to_string(module.children().size()), child);
}

Module& at_index(const Module& module, std::size_t index) {
  if (index >= module.children().size() || !module.children()[index].module)
    throw Error(ErrorCode::not_found, "index " + std::to_string(index) + " of a " + std::string(module.class_name()) +
                                          " with " + std::to_string(module.children().size()) + " modules");
  return *module.children()[index].module;
}

std::string legacy_type(DType dtype) {
  switch (dtype) {
    case DType::uint8:
      return "torch.ByteTensor";
    case DType::int8:
      return "torch.CharTensor";
    case DType::int16:
      return "torch.ShortTensor";
    case DType::int32:
      return "torch.IntTensor";
    case DType::int64:
      return "torch.LongTensor";
    case DType::float16:
      return "torch.HalfTensor";
    case DType::float64:
      return "torch.DoubleTensor";
    case DType::bfloat16:
      return "torch.BFloat16Tensor";
    case DType::boolean:
      return "torch.BoolTensor";
    default:
      return "torch.FloatTensor";
  }
}

std::string by_x(const Shape& shape) {
  std::string text;
  for (const std::int64_t size : shape) {
    if (!text.empty()) text += 'x';
    text += std::to_string(size);
  }
  return text;
}

/// A line for each key: its parameter, or the type of the child or other attribute of that name.
std::string entries(const Module& module, const std::vector<std::string>& keys, std::string (*type)(DType)) {
  std::string text;
  for (const std::string& key : keys) {
    const auto named = [&](const auto& entry) { return entry.name == key; };
    const auto parameter = std::ranges::find_if(module.parameters(), named);
    const auto other = std::ranges::find(module.attributes(), key, &std::pair<std::string, Value>::first);
    std::string line;
    if (parameter != module.parameters().end() && parameter->tensor.defined())
      line = "Parameter containing: [" + type(parameter->tensor.dtype()) + " of size " +
             by_x(parameter->tensor.shape()) + "]";
    else if (const auto child = module.child(key))
      line = "Object of type: " + std::string(child->class_name());
    else if (other != module.attributes().end())
      line = "Object of type: " + other->second.type_name();
    if (!line.empty()) text.append(text.empty() ? "  (" : "\n  (").append(key).append("): ").append(line);
  }
  return text;
}

}  // namespace

Sequential::Sequential(const Modules& modules) { append_all(*this, modules); }
Sequential::Sequential(const NamedModules& modules) {
  for (const auto& [name, module] : modules) register_module(name, module);
}
Sequential& Sequential::append(ModulePtr module) {
  register_module(std::to_string(size()), std::move(module));
  return *this;
}
Sequential& Sequential::add_module(std::string name, ModulePtr module) {
  register_module(std::move(name), std::move(module));
  return *this;
}
Module& Sequential::operator[](std::size_t index) const { return at_index(*this, index); }
Var Sequential::forward(Var x) {
  for (const Child& child : children()) {
    if (!child.module) unsupported(*this, "child '" + child.name + "' is None");
    x = (*child.module)(x);
  }
  return x;
}

ModuleList::ModuleList(const Modules& modules) { append_all(*this, modules); }
ModuleList& ModuleList::append(ModulePtr module) {
  register_module(std::to_string(size()), std::move(module));
  return *this;
}
Module& ModuleList::operator[](std::size_t index) const { return at_index(*this, index); }
Var ModuleList::forward(Var) { unsupported(*this, "it has no forward"); }

std::string ModuleList::repr() const {
  if (children().empty()) return std::string(class_name()) + "()";
  std::string text = std::string(class_name()) + "(";
  for (std::size_t begin = 0; begin < children().size();) {
    const auto text_of = [&](std::size_t i) { return children()[i].module ? children()[i].module->repr() : "None"; };
    const std::string block = text_of(begin);
    std::size_t end = begin + 1;
    while (end < children().size() && text_of(end) == block) ++end;
    std::string line = "(";
    line += std::to_string(begin);
    if (end - begin > 1) line.append("-").append(std::to_string(end - 1));
    line += "): ";
    if (end - begin > 1) line.append(std::to_string(end - begin)).append(" x ");
    line += block;
    text.append("\n  ").append(indented(line));
    begin = end;
  }
  return text + "\n)";
}

ModuleDict::ModuleDict(const NamedModules& modules) {
  for (const auto& [name, module] : modules) register_module(name, module);
}
Module& ModuleDict::operator[](std::string_view name) const {
  if (const auto found = child(name)) return *found;
  throw Error(ErrorCode::not_found, "no module '" + std::string(name) + "' in this " + std::string(class_name()));
}
Var ModuleDict::forward(Var) { unsupported(*this, "it has no forward"); }

ParameterList::ParameterList(const std::vector<Tensor>& values) : size_(static_cast<std::int64_t>(values.size())) {
  for (std::size_t i = 0; i < values.size(); ++i) register_parameter(std::to_string(i), values[i]);
}
Var ParameterList::forward(Var) { unsupported(*this, "it has no forward"); }
void ParameterList::fields(Fields& f) {
  if (!f.writing()) size_ = static_cast<std::int64_t>(parameters().size());  // before 1.12 there was no _size
  f("_size", size_);
}

std::string ParameterList::extra_repr() const {
  std::vector<std::string> keys;
  const std::size_t most = parameters().size() + children().size() + attributes().size();  // whatever a file says
  for (std::size_t i = 0; i < most && static_cast<std::int64_t>(i) < size_; ++i) keys.push_back(std::to_string(i));
  return entries(*this, keys, [](DType dtype) { return "torch." + std::string(name(dtype)); });
}

ParameterDict::ParameterDict(const std::vector<std::pair<std::string, Tensor>>& values) {
  for (const auto& [name, tensor] : values) {
    keys_.push_back(name);
    register_parameter(name, tensor);
  }
}
Var ParameterDict::forward(Var) { unsupported(*this, "it has no forward"); }

void ParameterDict::fields(Fields& f) {
  if (f.writing()) {
    std::vector<object::Pair> items;
    for (const std::string& key : keys_) items.emplace_back(f.encode(key), object::Ref());
    f.write("_keys", f.heap().dict(std::move(items)));
    return;
  }
  keys_.clear();
  if (!f.find("_keys"))  // before 1.12
    for (const Parameter& p : parameters()) keys_.push_back(p.name);
  if (const auto ref = f.take("_keys"))
    if (const auto* dict = object::as<object::Dict>(*ref))
      for (const auto& [key, value] : dict->items)
        if (const auto text = object::text(key)) keys_.emplace_back(*text);
}

std::string ParameterDict::extra_repr() const { return entries(*this, keys_, legacy_type); }

}  // namespace flambeau::nn
