#include "torch/rebuild.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <array>
#include <cmath>

namespace flambeau::torch {
namespace {

using Handler = Rebuild::Result (Rebuild::*)(const Args&);

struct Row {
  std::string_view module, name;
  Handler handler;
};

constexpr std::array rows = {
    Row{"torch._utils", "_rebuild_tensor", &Rebuild::tensor},
    Row{"torch._utils", "_rebuild_tensor_v2", &Rebuild::tensor_v2},
    Row{"torch._utils", "_rebuild_tensor_v3", &Rebuild::tensor_v3},
    Row{"torch._utils", "_rebuild_parameter", &Rebuild::parameter},
    Row{"torch._utils", "_rebuild_parameter_with_state", &Rebuild::parameter_with_state},
    Row{"torch._utils", "_rebuild_qtensor", &Rebuild::qtensor},
    Row{"torch._utils", "_rebuild_meta_tensor_no_storage", &Rebuild::meta},
    Row{"torch._utils", "_rebuild_sparse_tensor", &Rebuild::sparse},
    Row{"torch._utils", "_rebuild_sparse_csr_tensor", &Rebuild::sparse},
    Row{"torch._utils", "_rebuild_nested_tensor", &Rebuild::nested},
    Row{"torch._utils", "_rebuild_device_tensor_from_numpy", &Rebuild::device_tensor_from_numpy},
    Row{"torch._utils", "_rebuild_xla_tensor", &Rebuild::device_tensor_from_numpy},
    Row{"torch._tensor", "_rebuild_from_type", &Rebuild::from_type},
    Row{"torch._tensor", "_rebuild_from_type_v2", &Rebuild::from_type_v2},
    Row{"torch.tensor", "_rebuild_from_type", &Rebuild::from_type},
    Row{"torch.tensor", "_rebuild_from_type_v2", &Rebuild::from_type_v2},
    Row{"torch.storage", "_load_from_bytes", &Rebuild::load_from_bytes},
    Row{"numpy.core.multiarray", "_reconstruct", &Rebuild::numpy_reconstruct},
    Row{"numpy._core.multiarray", "_reconstruct", &Rebuild::numpy_reconstruct},
    Row{"numpy.core.multiarray", "scalar", &Rebuild::numpy_scalar},
    Row{"numpy._core.multiarray", "scalar", &Rebuild::numpy_scalar},
    Row{"numpy.core.numeric", "_frombuffer", &Rebuild::numpy_frombuffer},
    Row{"numpy._core.numeric", "_frombuffer", &Rebuild::numpy_frombuffer},
};

const Row* row_of(object::Ref callable) noexcept {
  const auto* const global = object::as<object::Global>(callable);
  if (global == nullptr) return nullptr;
  for (const Row& row : rows)
    if (row.name == global->qualname && row.module == global->module) return &row;
  return nullptr;
}

/// Of the elements that a storage of this class has; an empty one may have been opened under another class.
DType dtype_of(const object::StorageNode& node) noexcept {
  const DType opened = node.storage->dtype();
  if (info(opened).storage_class == node.storage_class) return opened;
  return dtype_of_storage_class(node.storage_class).value_or(DType::uint8);
}

/// dtype of "torch.FloatTensor", "torch.cuda.HalfTensor": the typed tensor classes of 0.1.
std::optional<DType> dtype_of_tensor_class(const object::Global& global) noexcept {
  constexpr std::string_view suffix = "Tensor";
  if ((global.module != "torch" && global.module != "torch.cuda") || !global.qualname.ends_with(suffix))
    return std::nullopt;
  const std::string_view stem = std::string_view(global.qualname).substr(0, global.qualname.size() - suffix.size());
  for (const DTypeInfo& info : dtypes)
    if (!stem.empty() && info.storage_class.starts_with(stem) && info.storage_class.substr(stem.size()) == "Storage")
      return info.dtype;
  return std::nullopt;
}

bool is_parameter_class(const object::Global& global) noexcept {
  return global.module == "torch.nn.parameter" && global.qualname == "Parameter";
}

}  // namespace

Rebuild::Result Rebuild::call(object::Ref args) {
  if (const Row* const row = row_of(callable)) return (this->*row->handler)(Args(row->name, args));
  return construct(callable, args);
}

Rebuild::Result Rebuild::construct(object::Ref cls, object::Ref args) {
  const auto* const global = object::as<object::Global>(cls);
  if (global == nullptr || args.kind() != Kind::tuple) return std::nullopt;
  const Args list(global->qualname, args);
  if (is_parameter_class(*global)) {
    list.expect(0, 2);
    if (list.size() == 0) {
      const object::Ref empty = heap.tensor(Tensor::zeros({0}), true);
      object::as<object::TensorNode>(empty)->tensor.set_requires_grad(true);
      return empty;
    }
    return make_parameter(list);
  }
  const auto dtype = dtype_of_tensor_class(*global);
  if (dtype && list.size() == 0) return heap.tensor(Tensor::zeros({0}, *dtype));
  return std::nullopt;
}

bool Rebuild::set_state(object::Ref target, object::Ref state) {
  if (auto* const object = object::as<object::Object>(target)) return set_array_state(*object, state);
  auto* const node = object::as<object::TensorNode>(target);
  if (node == nullptr) return false;
  if (state.kind() != Kind::tuple) {
    reader.note("a tensor with a state that is no tuple: torch refuses it");
    node->attributes = state;
    return true;
  }
  const Args args("state of a tensor", state);
  if (args.size() == 4) {  // set_(storage, offset, size, stride)
    Tensor tensor = view(args, node->tensor.dtype(), 0);
    tensor.set_requires_grad(node->tensor.requires_grad());
    node->tensor = std::move(tensor);
  } else if (args.size() == 5) {  // a Variable of 0.1 to 0.3: (data, …, hooks, requires_grad, volatile)
    hooks(args.at(2));
    node->tensor = args.tensor(0).tensor;
    node->tensor.set_requires_grad(args.boolean(3));
  } else if (args.size() == 3) {  // (requires_grad, volatile, hooks)
    node->tensor.set_requires_grad(args.boolean(0));
  } else {
    node->attributes = state;
  }
  return true;
}

/// A view from (storage, offset, size, stride) at `first`.
Tensor Rebuild::view(const Args& args, DType dtype, std::size_t first) {
  auto& node = args.storage(first);
  const Limits& limits = reader.options_.limits;
  try {
    Tensor tensor(node.storage, dtype, args.shape(first + 2, limits), args.shape(first + 3, limits),
                  args.integer(first + 1));
    if (node.storage->dtype() != dtype) reader.storages_.element_type(*node.storage, dtype);
    return tensor;
  } catch (const Error& error) {
    constexpr std::string_view opening = "storage holds";
    const std::string_view key = reader.key_of(*node.storage);
    std::string text = error.message();
    text = text.starts_with(opening) ? fmt::format("storage '{}'{}", key, text.substr(opening.size() - 6))
                                     : fmt::format("storage '{}': {}", key, text);
    throw Error(error.code(), std::move(text), error.place());
  }
}

/// Hooks are functions: torch does not save them (since 0.4), and we do not keep them.
void Rebuild::hooks(object::Ref dict) noexcept {
  const auto* const found = object::as<object::Dict>(dict);
  if (found != nullptr && !found->items.empty()) ++reader.hooked_;
}

void Rebuild::metadata(const Args& args, std::size_t index, Tensor& tensor) {
  if (args.size() <= index || args.at(index).is_none()) return;
  const auto* const dict = object::as<object::Dict>(args.at(index));
  if (dict == nullptr) args.wrong(index, "a dict");
  for (const auto& [key, value] : dict->items) {  // torch looks at the keys alone
    if (object::text(key) == "conj") {
      if (info(tensor.dtype()).kind != DTypeClass::complex)
        args.fail(fmt::format("{} tensors cannot have a conjugate bit", flambeau::name(tensor.dtype())));
      tensor.set_conj(true);
    }
    if (object::text(key) == "neg") tensor.set_neg(true);
  }
}

Rebuild::Result Rebuild::tensor(const Args& args) {
  args.expect(4, 4);
  return heap.tensor(view(args, dtype_of(args.storage(0)), 0));
}

/// What the second and third version have in common: (storage, offset, size, stride, requires_grad, hooks, …).
object::Ref Rebuild::plain(const Args& args, DType dtype, std::size_t metadata_at) {
  Tensor tensor = view(args, dtype, 0);
  const DTypeClass kind = info(dtype).kind;
  tensor.set_requires_grad(args.boolean(4));
  if (tensor.requires_grad() && kind != DTypeClass::floating && kind != DTypeClass::complex)
    reader.note(fmt::format("{} tensors that need gradients: torch refuses them", flambeau::name(dtype)));
  if (kind == DTypeClass::quantized)
    reader.note(fmt::format("{} tensors without a scale: torch refuses them", flambeau::name(dtype)));
  hooks(args.at(5));
  metadata(args, metadata_at, tensor);
  return heap.tensor(std::move(tensor));
}

Rebuild::Result Rebuild::tensor_v2(const Args& args) {
  args.expect(6, 7);
  return plain(args, dtype_of(args.storage(0)), 6);
}

Rebuild::Result Rebuild::tensor_v3(const Args& args) {
  args.expect(7, 8);
  if (const auto* const dtype = object::as<object::Global>(args.at(6));
      dtype != nullptr && dtype->module == "torch" && !dtype_named(dtype->qualname)) {
    // Of a newer torch: what it is made of stays together, and is written as it was read.
    reader.note(fmt::format("tensors of the unknown dtype torch.{} are kept, but not listed", dtype->qualname));
    return std::nullopt;
  }
  return plain(args, args.dtype(6), 7);
}

Rebuild::Result Rebuild::make_parameter(const Args& args) {
  const auto* const data = object::as<object::TensorNode>(args.at(0));
  if (data == nullptr && args.at(0).kind() != Kind::object) args.wrong(0, "a tensor");
  // Sparse and wrapper tensors, and subclasses, keep both layers.
  if (data == nullptr || !data->type.is_none() || !data->attributes.is_none() || data->quantizer) return std::nullopt;
  Tensor tensor = data->tensor;
  tensor.set_requires_grad(args.size() < 2 || args.boolean(1));
  return heap.tensor(std::move(tensor), true);
}

Rebuild::Result Rebuild::parameter(const Args& args) {
  args.expect(3, 3);
  hooks(args.at(2));
  return make_parameter(args);
}

Rebuild::Result Rebuild::parameter_with_state(const Args& args) {
  args.expect(4, 4);
  hooks(args.at(2));
  const Result made = make_parameter(args);
  if (made) object::as<object::TensorNode>(*made)->attributes = attributes(args.at(3));
  return made;
}

Rebuild::Result Rebuild::from_type_v2(const Args& args) {
  args.expect(4, 4);
  const Row* const row = row_of(args.at(0));
  const bool nests = row != nullptr && (row->handler == &Rebuild::from_type_v2 || row->handler == &Rebuild::from_type);
  if (row == nullptr || nests || args.at(1).kind() != Kind::global)
    // Made by what we do not know, such as a jagged tensor from ({keyword: value},): inert. attributes() interns
    // keywords.
    return heap.object(object::Construction::reduce, callable,
                       heap.tuple({args.at(0), args.at(1), attributes(args.at(2)), attributes(args.at(3))}));
  const Result made = (this->*row->handler)(Args(row->name, args.at(2)));
  auto* const node = made ? object::as<object::TensorNode>(*made) : nullptr;
  if (node == nullptr) return std::nullopt;
  node->type = args.at(1);
  node->attributes = attributes(args.at(3));
  return made;
}

/// torch sets attributes one by one, from a dict or a pair of dict and slots: their dict is the tensor's own, their
/// names are interned.
object::Ref Rebuild::attributes(object::Ref state) {
  if (const auto* const both = object::as<object::Sequence>(state); both != nullptr && state.kind() == Kind::tuple) {
    std::vector<object::Ref> parts = both->items;
    for (object::Ref& part : parts)
      if (part.kind() == Kind::dict) part = attributes(part);
    return heap.tuple(std::move(parts));
  }
  const auto* const dict = object::as<object::Dict>(state);
  if (dict == nullptr) return state;
  std::vector<object::Pair> items = dict->items;
  for (auto& [key, value] : items)
    if (const auto name = object::text(key)) key = heap.interned(*name);
  return heap.dict(std::move(items));
}

Rebuild::Result Rebuild::from_type(const Args& args) {
  const Result made = from_type_v2(args);
  if (made && object::global_name(args.at(1)) == "torch.Tensor") {
    auto& node = *object::as<object::TensorNode>(*made);
    node.type = node.attributes = object::Ref();
  }
  return made;
}

Rebuild::Result Rebuild::meta(const Args& args) {
  args.expect(4, 4);
  const Limits& limits = reader.options_.limits;
  Tensor tensor(nullptr, args.dtype(0), args.shape(1, limits), args.shape(2, limits));
  tensor.set_requires_grad(args.boolean(3));
  return heap.tensor(std::move(tensor));
}

Rebuild::Result Rebuild::qtensor(const Args& args) {
  args.expect(7, 7);
  Tensor tensor = view(args, dtype_of(args.storage(0)), 0);
  if (info(tensor.dtype()).kind != DTypeClass::quantized)
    args.fail(fmt::format("{} is no quantized dtype", flambeau::name(tensor.dtype())));
  auto how = quantizer(args, 4, tensor);
  tensor.set_requires_grad(args.boolean(5));
  hooks(args.at(6));
  const object::Ref ref = heap.tensor(std::move(tensor));
  object::as<object::TensorNode>(ref)->quantizer = std::move(how);
  return ref;
}

std::unique_ptr<object::Quantizer> Rebuild::quantizer(const Args& outer, std::size_t index, const Tensor& tensor) {
  const Args args("quantizer", outer.at(index));
  const auto* const scheme = args.size() > 0 ? object::as<object::Global>(args.at(0)) : nullptr;
  if (scheme == nullptr || scheme->module != "torch") args.fail("the first item is no torch.qscheme");
  auto made = std::make_unique<object::Quantizer>();
  made->scheme = scheme->qualname;
  if (made->scheme == "per_tensor_affine" || made->scheme == "per_tensor_symmetric") {
    if (made->scheme == "per_tensor_symmetric") reader.note("a per_tensor_symmetric quantizer: torch refuses it");
    args.expect(3, 3);
    made->scale = args.number(1);
    made->zero_point = args.integer(2);
    if (!std::isfinite(made->scale) || made->scale <= 0)
      args.fail(fmt::format("scale {} is not positive", made->scale));
    if (made->zero_point < INT32_MIN || made->zero_point > INT32_MAX)
      args.fail(fmt::format("zero point {} is out of range", made->zero_point));
    return made;
  }
  if (!made->scheme.starts_with("per_channel_")) args.fail(fmt::format("unknown scheme '{}'", made->scheme));
  args.expect(4, 4);
  made->axis = args.integer(3);
  const std::int64_t axis = made->axis < 0 ? made->axis + tensor.dim() : made->axis;
  if (made->axis < 0) reader.note("quantized along a negative axis: torch 2 refuses it");
  if (axis < 0 || axis >= tensor.dim())
    args.fail(fmt::format("axis {} of a tensor with {} dimensions", made->axis, tensor.dim()));
  made->scales = channel_values(args, 1, true);
  made->zero_points = channel_values(args, 2, false);
  for (const object::Ref values : {made->scales, made->zero_points})
    if (const auto count = object::as<object::TensorNode>(values)->tensor.numel(); count != tensor.size(axis))
      args.fail(fmt::format("{} values for {} channels", count, tensor.size(axis)));
  return made;
}

/// Scales or zero points: a tensor, or in old files a list.
object::Ref Rebuild::channel_values(const Args& args, std::size_t index, bool floating) {
  if (args.at(index).kind() != Kind::list) return args.tensor(index), args.at(index);
  const auto& items = object::as<object::Sequence>(args.at(index))->items;
  const Shape shape{static_cast<std::int64_t>(items.size())};
  Tensor tensor = Tensor::uninitialized(shape, floating ? DType::float64 : DType::int64);
  const object::Ref tuple = heap.tuple(items);
  const Args values("quantizer", tuple);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (floating)
      tensor.mutable_data<double>()[i] = values.number(i);
    else
      tensor.mutable_data<std::int64_t>()[i] = values.integer(i);
  }
  return heap.tensor(std::move(tensor));
}

Rebuild::Result Rebuild::sparse(const Args& args) {
  if (check_sparse_shapes(args, reader.options_.limits)) reader.sparse_.push_back(heap.tuple({args.at(0), args.at(1)}));
  return std::nullopt;
}

Rebuild::Result Rebuild::nested(const Args& args) {
  args.expect(4, 4);
  for (std::size_t i = 0; i < 4; ++i) args.tensor(i);
  return std::nullopt;
}

Rebuild::Result Rebuild::load_from_bytes(const Args& args) {
  args.expect(1, 1);
  if (args.at(0).kind() != Kind::bytes) args.wrong(0, "bytes");
  if (!reader.options_.nested) return std::nullopt;
  return reader.options_.nested(heap, object::as<object::Bytes>(args.at(0))->data);
}

}  // namespace flambeau::torch
