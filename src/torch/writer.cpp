#include "torch/writer.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include "torch/reader.h"

namespace flambeau::torch {
namespace {

using object::Heap;
using object::Ref;

constexpr std::string_view untyped = "torch.storage.UntypedStorage";

Ref tuple_of(Heap& scratch, const Shape& shape) {
  std::vector<Ref> items;
  items.reserve(shape.size());
  for (const std::int64_t size : shape) items.push_back(scratch.integer(size));
  return scratch.tuple(std::move(items));
}

Ref rebuild(Heap& scratch, std::string_view function) { return scratch.global("torch._utils", function); }

/// None, or a dict without items: torch then writes no state.
bool is_empty_state(Ref state) noexcept {
  const auto* const dict = object::as<object::Dict>(state);
  return state.is_none() || (dict != nullptr && dict->items.empty());
}

/// A storage node of our own making: its class is the one of the dtype, or untyped with its module.
Ref storage_node(Heap& scratch, const Tensor& tensor) {
  const std::string_view typed = info(tensor.dtype()).storage_class;
  return scratch.storage(tensor.storage(), std::string(typed.empty() ? untyped : typed));
}

}  // namespace

pickle::Reducer::Reduction Writer::tensor(Heap& scratch, object::TensorNode& node) {
  if (!node.tensor.defined()) throw Error(ErrorCode::invalid_argument, "an undefined tensor cannot be saved");
  Reduction inner;
  if (node.parameter) {
    // A Parameter wraps its data, a plain tensor made anew at each save.
    Tensor data = node.tensor;
    data.set_requires_grad(false);
    const bool with_state = !is_empty_state(node.attributes) && node.type.is_none();
    std::vector<Ref> args{scratch.tensor(std::move(data)), Ref::boolean(node.tensor.requires_grad()),
                          scratch.ordered_dict()};
    if (with_state) args.push_back(node.attributes);
    inner = {rebuild(scratch, with_state ? "_rebuild_parameter_with_state" : "_rebuild_parameter"),
             scratch.tuple(std::move(args))};
    if (with_state) return inner;
  } else {
    inner = node.quantizer ? quantized(scratch, node.tensor, *node.quantizer) : plain(scratch, node.tensor);
  }
  const bool plain_type = node.type.is_none() || object::global_name(node.type) == "torch.Tensor";
  if (plain_type && is_empty_state(node.attributes)) return inner;
  const Ref type = node.type.is_none() ? scratch.global("torch", "Tensor") : node.type;
  return {scratch.global("torch._tensor", "_rebuild_from_type_v2"),
          scratch.tuple({inner.callable, type, inner.args, node.attributes})};
}

pickle::Reducer::Reduction Writer::plain(Heap& scratch, const Tensor& tensor) {
  const Ref requires_grad = Ref::boolean(tensor.requires_grad());
  const Ref dtype = scratch.global("torch", name(tensor.dtype()));
  if (tensor.is_meta())
    return {
        rebuild(scratch, "_rebuild_meta_tensor_no_storage"),
        scratch.tuple({dtype, tuple_of(scratch, tensor.shape()), tuple_of(scratch, tensor.strides()), requires_grad})};
  if (info(tensor.dtype()).kind == DTypeClass::shell)
    throw Error(ErrorCode::unsupported, fmt::format("tensors of {} cannot be saved", name(tensor.dtype())));
  const bool typed = !info(tensor.dtype()).storage_class.empty();
  if (!typed && ids_ == Ids::legacy)
    throw Error(ErrorCode::unsupported,
                fmt::format("torch cannot load tensors of {} from a legacy file; save a zip", name(tensor.dtype())));
  std::vector<Ref> args{storage_node(scratch, tensor),
                        scratch.integer(tensor.offset()),
                        tuple_of(scratch, tensor.shape()),
                        tuple_of(scratch, tensor.strides()),
                        requires_grad,
                        scratch.ordered_dict()};
  if (!typed) args.push_back(dtype);
  if (tensor.is_conj() || tensor.is_neg()) {
    std::vector<object::Pair> bits;
    if (tensor.is_neg()) bits.emplace_back(scratch.string("neg"), Ref::boolean(true));
    if (tensor.is_conj()) bits.emplace_back(scratch.string("conj"), Ref::boolean(true));
    args.push_back(scratch.dict(std::move(bits)));
  }
  return {rebuild(scratch, typed ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3"), scratch.tuple(std::move(args))};
}

pickle::Reducer::Reduction Writer::quantized(Heap& scratch, const Tensor& tensor, const object::Quantizer& quantizer) {
  std::vector<Ref> how;
  if (quantizer.scheme.starts_with(
          "per_channel"))  // torch writes the variant with float parameters under this name too
    how = {scratch.global("torch", "per_channel_affine"), quantizer.scales, quantizer.zero_points,
           scratch.integer(quantizer.axis)};
  else
    how = {scratch.global("torch", quantizer.scheme), scratch.floating(quantizer.scale),
           scratch.integer(quantizer.zero_point)};
  return {rebuild(scratch, "_rebuild_qtensor"),
          scratch.tuple({storage_node(scratch, tensor), scratch.integer(tensor.offset()),
                         tuple_of(scratch, tensor.shape()), tuple_of(scratch, tensor.strides()),
                         scratch.tuple(std::move(how)), Ref::boolean(tensor.requires_grad()), scratch.ordered_dict()})};
}

Ref Writer::storage(Heap& scratch, object::StorageNode& node) {
  if (!node.storage) throw Error(ErrorCode::invalid_argument, "a storage without memory cannot be saved");
  // torch gives loaded untyped storages the class of bytes, and so writes that; libtorch's classes it does not know.
  DType dtype = dtype_of_storage_class(node.storage_class).value_or(DType::uint8);
  if (info(dtype).storage_class.empty()) dtype = DType::uint8;
  const bool is_untyped = node.storage_class == untyped;
  const std::string_view storage_class = info(dtype).storage_class;
  const std::uint64_t nbytes = node.storage->nbytes(), numel = nbytes / itemsize(dtype);

  auto found = numbers_.find(node.storage.get());
  if (found == numbers_.end()) {
    std::string key = std::to_string(storages_.size());
    found = numbers_.emplace(node.storage.get(), Numbered{storages_.size(), scratch.fresh_string(key)}).first;
    storages_.push_back({std::move(key), node.storage, dtype});
  } else if (const Written& first = storages_[found->second.index]; nbytes > 0 && first.dtype != dtype) {
    throw Error(ErrorCode::unsupported,
                fmt::format("storage '{}' is viewed as {} and as {}; such tensors cannot be saved together", first.key,
                            name(first.dtype), name(dtype)));
  }
  const std::string& location = node.storage->location();
  std::vector<Ref> id{
      scratch.interned("storage"),
      is_untyped ? scratch.global("torch.storage", "UntypedStorage") : scratch.global("torch", storage_class),
      found->second.key, location == "cpu" ? scratch.interned("cpu") : scratch.string(location),
      scratch.integer(static_cast<std::int64_t>(numel))};
  if (ids_ == Ids::legacy) id.emplace_back();
  return scratch.tuple(std::move(id));
}

}  // namespace flambeau::torch
