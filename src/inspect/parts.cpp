#include "inspect/parts.h"

#include <array>

#include "torch/rebuild.h"

namespace flambeau::inspect {
namespace {

using object::Dict;
using object::Object;
using object::Ref;
using object::Sequence;

using Parts = std::vector<Part>;

const std::vector<Ref>* sequence(Ref ref) noexcept {
  const auto* const found = object::as<Sequence>(ref);
  return found != nullptr ? &found->items : nullptr;
}

void by_index(Parts& out, const std::vector<Ref>& items) {
  for (std::size_t i = 0; i < items.size(); ++i) out.push_back({PathElement(static_cast<std::int64_t>(i)), items[i]});
}

void by_key(Parts& out, const std::vector<object::Pair>& items) {
  for (const auto& [key, value] : items) {
    if (key.node() != nullptr && key.kind() >= Kind::tuple && key.kind() != Kind::global)
      out.push_back({PathElement("<key>"), key});
    out.push_back({key_element(key), value});
  }
}

/// State as attributes by name: a dict, or (dict or None, dict of slots); anything else is walked in place.
void by_name(Parts& out, Ref state) {
  if (state.is_none()) return;
  if (const auto* const dict = object::as<Dict>(state)) {
    for (const auto& [key, value] : dict->items) out.push_back({key_element(key), value});
    return;
  }
  const auto* const pair = state.kind() == Kind::tuple ? sequence(state) : nullptr;
  const auto* const slots = pair != nullptr && pair->size() == 2 ? object::as<Dict>((*pair)[1]) : nullptr;
  if (slots == nullptr) {
    out.push_back({std::nullopt, state});
    return;
  }
  if (const auto* const dict = object::as<Dict>((*pair)[0]))
    for (const auto& [key, value] : dict->items) out.push_back({key_element(key), value});
  for (const auto& [key, value] : slots->items) out.push_back({key_element(key), value});
}

void named(Parts& out, std::initializer_list<std::string_view> names, const std::vector<Ref>& values,
           std::size_t first = 0) {
  for (const std::string_view name : names)
    if (first < values.size()) out.push_back({PathElement(std::string(name)), values[first++]});
}

bool sparse(Parts& out, const std::vector<Ref>& args) {
  constexpr std::size_t torchscript_args = 6;  // (layout, size, requires_grad, indices, values, hooks)
  if (args.size() == torchscript_args) return named(out, {"indices", "values"}, args, 3), true;
  const auto* const data = args.size() == 2 ? sequence(args[1]) : nullptr;
  if (data == nullptr) return false;
  const std::string_view layout = torch::layout_name(args[0]);
  if (layout == "torch.sparse_coo")
    named(out, {"indices", "values"}, *data);
  else if (layout == "torch.sparse_csr" || layout == "torch.sparse_bsr")
    named(out, {"crow_indices", "col_indices", "values"}, *data);
  else if (layout == "torch.sparse_csc" || layout == "torch.sparse_bsc")
    named(out, {"ccol_indices", "row_indices", "values"}, *data);
  else
    return false;
  return true;
}

bool nested(Parts& out, const std::vector<Ref>& args) {
  named(out, {"values", "sizes", "strides", "offsets"}, args);
  return true;
}

bool jagged(Parts& out, const std::vector<Ref>& args) {
  const auto* const state = args.empty() ? nullptr : object::as<Dict>(args[0]);
  if (state == nullptr) return false;
  const auto add = [&out](std::string name, Ref value) {
    if (!value.is_none()) out.push_back({PathElement(std::move(name)), value, As{false, false, false}});
  };
  for (const char* const name : {"values", "offsets", "lengths"})
    if (const auto value = object::get(*state, name)) add(name, *value);
  const auto cache = object::get(*state, "_metadata_cache");
  if (const auto* const cached = cache ? object::as<Dict>(*cache) : nullptr)
    for (const auto& [key, value] : cached->items) add(std::string(object::text(key).value_or("?")), value);
  return true;
}

/// A tensor inside a call that changes its class: the row is the tensor's own.
bool wrapped(Parts& out, const std::vector<Ref>& args, bool parameter) {
  if (args.size() < 2) return false;
  const Ref flag = parameter ? args[1] : args.back();
  out.push_back({std::nullopt, args[0], As{parameter, flag.kind() == Kind::boolean && flag.boolean_value(), true}});
  return true;
}
bool parameter(Parts& out, const std::vector<Ref>& args) {
  if (!wrapped(out, args, true)) return false;
  if (args.size() == 4 && args[0].kind() == Kind::tensor) by_name(out, args[3]);
  return true;
}
bool device_tensor(Parts& out, const std::vector<Ref>& args) { return wrapped(out, args, false); }
/// A tensor without data of its own, such as a MaskedTensor: its attributes hold what it is made of.
bool shell(Parts&, const std::vector<Ref>&) { return true; }

/// Calls whose arguments have names of their own.
struct Call {
  std::string_view name;
  bool (*parts)(Parts&, const std::vector<Ref>& args);
  bool dense = false;  ///< has attributes, as other layouts have not
};
constexpr std::array calls = {
    Call{"torch._utils._rebuild_sparse_tensor", sparse},
    Call{"torch._utils._rebuild_sparse_csr_tensor", sparse},
    Call{"torch._utils._rebuild_nested_tensor", nested},
    Call{"torch.nested._internal.nested_tensor._rebuild_njt", jagged},
    Call{"torch._utils._rebuild_parameter", parameter, true},
    Call{"torch._utils._rebuild_parameter_with_state", parameter, true},
    Call{"torch._utils._rebuild_device_tensor_from_cpu_tensor", device_tensor, true},
    Call{"torch._utils._rebuild_wrapper_subclass", shell, true},
};

bool call(Parts& out, const std::string& name, Ref args) {
  const auto* const items = sequence(args);
  if (items == nullptr) return false;
  for (const Call& row : calls)
    if (row.name == name) return row.parts(out, *items);
  // func(*args) with a class and attributes: the parts are those of the call.
  const auto wraps = [&](std::string_view module) {
    return name.starts_with(module) && name.substr(module.size()).starts_with("_rebuild_from_type");
  };
  if ((wraps("torch._tensor.") || wraps("torch.tensor.")) && items->size() == 4) {
    const std::string inner = object::global_name((*items)[0]);
    const auto* const inner_args = sequence((*items)[2]);
    if (inner_args == nullptr) return false;
    for (const Call& row : calls)
      if (row.name == inner && row.parts(out, *inner_args)) {
        if (row.dense) by_name(out, (*items)[3]);
        return true;
      }
  }
  return false;
}

/// The values of a compressed or nested tensor are a view of it; those of a COO tensor stand for themselves.
void pass_gradient(Parts& out) {
  if (!out.empty() && out[0].element == PathElement("indices")) return;
  for (Part& part : out)
    if (part.element == PathElement("values") && !part.as) part.as = As{false, true, true};
}

/// nn.Module: an instance whose attributes hold the three tables.
bool module(Parts& out, const Object& object) {
  const auto* const state =
      object.construction == object::Construction::newobj ? object::as<Dict>(object.state) : nullptr;
  if (state == nullptr) return false;
  constexpr std::array<std::string_view, 3> tables = {"_parameters", "_buffers", "_modules"};
  std::array<const Dict*, 3> found{};
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const auto table = object::get(*state, tables[i]);
    found[i] = table ? object::as<Dict>(*table) : nullptr;
    if (found[i] == nullptr) return false;
  }
  for (const Dict* const table : found)
    for (const auto& [key, value] : table->items)
      if (!value.is_none()) out.push_back({key_element(key), value});
  for (const auto& [key, value] : state->items) {
    const auto name = object::text(key).value_or(std::string_view{});
    if (name == tables[0] || name == tables[1] || name == tables[2] || name == "_flat_weights")
      continue;  // the last repeats an RNN's parameters
    out.push_back({key_element(key), value});
  }
  return true;
}

/// numpy's values and torch's generator: little of what they store is a part.
bool special(Parts& out, const Object& object, const std::string& name) {
  if (name == "numpy.core.multiarray._reconstruct" || name == "numpy._core.multiarray._reconstruct") {
    const auto* const args = sequence(object.args);
    if (args == nullptr || args->empty() || object::global_name((*args)[0]) != "numpy.ndarray") return false;
    const auto* const state = sequence(object.state);
    if (state != nullptr && state->size() == 5 && (*state)[4].kind() == Kind::list)
      by_index(out, *sequence((*state)[4]));
    return true;
  }
  if (name == "torch._C.Generator") {
    const auto* const state = sequence(object.state);
    if (state != nullptr && state->size() == 3) out.push_back({PathElement("state"), (*state)[2]});
    return true;
  }
  return false;
}

void instance(Parts& out, const Object& object) {
  if (const auto* const args = sequence(object.args)) {
    const auto* const inner =
        object.construction == object::Construction::newobj_ex && args->size() == 2 ? sequence((*args)[0]) : nullptr;
    by_index(out, inner != nullptr ? *inner : *args);
    if (inner != nullptr)
      if (const auto* const named_args = object::as<Dict>((*args)[1])) by_key(out, named_args->items);
  }
  by_index(out, object.list_items);
  by_key(out, object.dict_items);
  if (object.has_state) by_name(out, object.state);
}

}  // namespace

std::vector<Part> parts(object::Node* node, const std::optional<As>& as) {
  Parts out;
  switch (node->kind) {
    case Kind::tuple:
    case Kind::list:
      by_index(out, static_cast<Sequence*>(node)->items);
      break;
    case Kind::set:
    case Kind::frozenset:
      for (const Ref item : static_cast<Sequence*>(node)->items) out.push_back({PathElement("<item>"), item});
      break;
    case Kind::dict: {
      const auto* const dict = static_cast<Dict*>(node);
      by_key(out, dict->items);
      if (const auto* const state = object::as<Dict>(dict->state)) by_key(out, state->items);
      break;
    }
    case Kind::tensor: {
      const auto* const tensor = static_cast<object::TensorNode*>(node);
      if (tensor->quantizer && !tensor->quantizer->scales.is_none()) {
        out.push_back({PathElement("scales"), tensor->quantizer->scales});
        out.push_back({PathElement("zero_points"), tensor->quantizer->zero_points});
      }
      if (!as || as->attributes) by_name(out, tensor->attributes);
      break;
    }
    case Kind::object: {
      const auto& object = *static_cast<Object*>(node);
      const std::string name = object::global_name(object.callable);
      if (object.construction == object::Construction::reduce &&
          (call(out, name, object.args) || special(out, object, name))) {
        if (as && as->requires_grad) pass_gradient(out);
        break;
      }
      if (!module(out, object)) instance(out, object);
      break;
    }
    default:
      break;
  }
  return out;
}

}  // namespace flambeau::inspect
