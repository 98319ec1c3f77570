#include "object/names.h"

#include <algorithm>

#include "object/numpy_scalar.h"

namespace flambeau::object {
namespace {

constexpr std::string_view builtins = "builtins.";

// Of an object that a function made, where the class is an argument: copyreg._reconstructor(cls, …), numpy's
// _reconstruct(ndarray, …), getattr(cls, 'MEMBER') for enumerations, functools.partial(cls.__new__, cls, …)() for
// classes with keyword arguments. Python's own classes have no module before their names.
std::string class_of(const Object& object) {
  std::string callable = global_name(object.callable);
  const auto* args = as<Sequence>(object.args);
  if (args && !args->items.empty() &&
      (callable == "copyreg._reconstructor" || callable == "builtins.getattr" ||
       callable.ends_with("multiarray._reconstruct"))) {
    std::string name = global_name(args->items[0]);
    if (!name.empty()) return name;
  }
  if (callable.starts_with("torch._utils._rebuild_parameter")) return "torch.nn.parameter.Parameter";
  if (callable.starts_with("torch._utils._rebuild_")) return "torch.Tensor";
  if (callable.starts_with(builtins)) callable.erase(0, builtins.size());
  if (!callable.empty()) return callable;
  if (const auto* partial = as<Object>(object.callable)) {
    const auto* state = as<Sequence>(partial->state);
    const auto* bound = state && state->items.size() > 1 ? as<Sequence>(state->items[1]) : nullptr;
    if (bound && !bound->items.empty()) return global_name(bound->items[0]);
  }
  return {};
}

}  // namespace

std::string type_name(Ref ref) {
  switch (ref.kind()) {
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
    case Kind::big_integer:
      return "int";
    case Kind::floating:
      return "float";
    case Kind::string:
      return "str";
    case Kind::dict:
      return as<Dict>(ref)->ordered ? "collections.OrderedDict" : "dict";
    case Kind::tensor: {
      const auto& tensor = *as<TensorNode>(ref);
      std::string type = global_name(tensor.type);
      if (!type.empty()) return type;
      return tensor.parameter ? "torch.nn.parameter.Parameter" : "torch.Tensor";
    }
    case Kind::storage: {
      const std::string& type = as<StorageNode>(ref)->storage_class;
      return (type == "UntypedStorage" || type == "TypedStorage" ? "torch.storage." : "torch.") + type;
    }
    case Kind::global: {
      const auto& global = *as<Global>(ref);
      return global.module == "torch" && dtype_named(global.qualname) ? "torch.dtype" : "global";
    }
    case Kind::object: {
      if (const auto scalar = numpy_scalar(ref)) return "numpy." + std::string(scalar->type);
      const std::string name = class_of(*as<Object>(ref));
      return name.empty() ? "object" : name;
    }
    default:
      return std::string(name(ref.kind()));
  }
}

Ref name_string(Heap& heap, std::string_view text) {
  const auto identifier = [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  return std::all_of(text.begin(), text.end(), identifier) ? heap.interned(text) : heap.string(text);
}

std::string without_parts(std::string_view name, std::span<const std::string_view> parts,
                          std::set<std::string, std::less<>>& removed) {
  std::string result;
  while (!name.empty()) {
    const std::string_view part = name.substr(0, std::min(name.find('.'), name.size() - 1) + 1);  // with its dot
    if (std::ranges::find(parts, part) == parts.end())
      result += part;
    else
      removed.emplace(part);
    name.remove_prefix(part.size());
  }
  return result;
}

}  // namespace flambeau::object
