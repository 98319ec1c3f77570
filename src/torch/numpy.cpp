// numpy's arrays and scalars, as they are once numpy has loaded them: in the machine's byte order, arrays in the form
// of protocol 2, scalars with numpy's own dtype objects. What is written then is what Python would write.

#include <algorithm>

#include "torch/numpy.h"
#include "torch/rebuild.h"

namespace flambeau::torch {
namespace {

using object::as;
using object::Ref;

const std::vector<Ref>* tuple_items(Ref ref) noexcept {
  return ref.kind() == Kind::tuple ? &as<object::Sequence>(ref)->items : nullptr;
}

std::string swapped(std::string bytes, std::size_t width) {
  for (std::size_t at = 0; at + width <= bytes.size(); at += width)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + width));
  return bytes;
}

}  // namespace

std::size_t PickledDtype::width() const noexcept {
  const std::size_t size = type.size() > 1 ? static_cast<std::size_t>(type[1] - '0') : 1;
  if (type[0] == 'U') return 4;
  return type == "c16" ? 8 : type[0] == 'c' ? size / 2 : size;
}

std::optional<PickledDtype> pickled_dtype(Ref ref) noexcept {
  constexpr std::pair<std::string_view, DType> numbers[] = {
      {"b1", DType::boolean},   {"i1", DType::int8},       {"i2", DType::int16},   {"i4", DType::int32},
      {"i8", DType::int64},     {"u1", DType::uint8},      {"u2", DType::uint16},  {"u4", DType::uint32},
      {"u8", DType::uint64},    {"f2", DType::float16},    {"f4", DType::float32}, {"f8", DType::float64},
      {"c8", DType::complex64}, {"c16", DType::complex128}};
  const auto* const dtype = as<object::Object>(ref);
  if (dtype == nullptr || object::global_name(dtype->callable) != "numpy.dtype") return std::nullopt;
  const auto *const args = tuple_items(dtype->args), *const state = tuple_items(dtype->state);
  if (args == nullptr || args->empty() || state == nullptr || state->size() < 8) return std::nullopt;
  PickledDtype made;
  made.type = object::text((*args)[0]).value_or("");
  made.swapped = object::text((*state)[1]) == ">";
  if (made.type.empty()) return std::nullopt;
  for (const auto& [type, number] : numbers)
    if (type == made.type) made.number = number;
  const bool known =
      made.number || made.type[0] == 'U' || made.type[0] == 'S' || made.type == "M8" || made.type == "m8";
  return known ? std::optional(made) : std::nullopt;
}

/// The dtype of the same type in little-endian order: of a number the one object, of others a new one.
Ref Rebuild::native_dtype(const object::Object& dtype) {
  const PickledDtype parsed = *pickled_dtype(Ref(const_cast<object::Object*>(&dtype)));
  Ref* known = parsed.number ? &reader.native_dtypes_[std::string(parsed.type)] : nullptr;
  if (known != nullptr && !known->is_none()) return *known;
  std::vector<Ref> state = *tuple_items(dtype.state);
  if (parsed.swapped) state[1] = heap.string("<");
  std::vector<Ref> args = *tuple_items(dtype.args);
  args[0] = heap.fresh_string(parsed.type);
  const Ref made = heap.object(dtype.construction, dtype.callable, heap.tuple(std::move(args)));
  as<object::Object>(made)->has_state = true;
  as<object::Object>(made)->state = heap.tuple(std::move(state));
  if (known != nullptr) *known = made;
  return made;
}

/// _reconstruct(type, (0,), b'b'): numpy writes its own b'b', whichever object the file had.
Rebuild::Result Rebuild::numpy_reconstruct(const Args& args) {
  if (args.size() != 3 || args.at(2).kind() != Kind::bytes) return std::nullopt;
  const std::string& code = as<object::Bytes>(args.at(2))->data;
  if (code.size() != 1) return std::nullopt;
  return heap.object(object::Construction::reduce, callable, heap.tuple({args.at(0), args.at(1), heap.bytes(code)}));
}

Rebuild::Result Rebuild::numpy_scalar(const Args& args) {
  const auto dtype = args.size() == 2 ? pickled_dtype(args.at(0)) : std::nullopt;
  if (!dtype || !dtype->number || args.at(1).kind() != Kind::bytes) return std::nullopt;
  const Ref native = native_dtype(*as<object::Object>(args.at(0)));
  Ref value = args.at(1);
  if (dtype->swapped) value = heap.bytes(swapped(as<object::Bytes>(value)->data, dtype->width()));
  return heap.object(object::Construction::reduce, callable, heap.tuple({native, value}));
}

/// _frombuffer(bytes, dtype, shape, 'C' or 'F'), of protocol 5.
Rebuild::Result Rebuild::numpy_frombuffer(const Args& args) {
  if (args.size() != 4 || args.at(0).kind() == Kind::tuple || as<object::Bytes>(args.at(0)) == nullptr)
    return std::nullopt;
  const std::string& module = as<object::Global>(callable)->module;
  const Ref reconstruct = heap.global(module.substr(0, module.rfind('.')) + ".multiarray", "_reconstruct");
  const Ref made =
      heap.object(object::Construction::reduce, reconstruct,
                  heap.tuple({heap.global("numpy", "ndarray"), heap.tuple({heap.integer(0)}), heap.bytes("b")}));
  auto& array = *as<object::Object>(made);
  array.has_state = true;
  array.state = heap.tuple({heap.integer(1), args.at(2), args.at(1), Ref::boolean(object::text(args.at(3)) == "F"),
                            heap.bytes(as<object::Bytes>(args.at(0))->data)});
  return made;
}

/// _rebuild_device_tensor_from_numpy(array, dtype, device, requires_grad), the tensor as it is in the machine's memory:
/// torch widened bfloat16 for numpy.
Rebuild::Result Rebuild::device_tensor_from_numpy(const Args& args) {
  args.expect(4, 4);
  const auto* const array = as<object::Object>(args.at(0));
  const auto* const state = array != nullptr ? tuple_items(array->state) : nullptr;
  const auto dtype = state != nullptr && state->size() == 5 ? pickled_dtype((*state)[2]) : std::nullopt;
  const auto* const bytes = dtype && dtype->number ? as<object::Bytes>((*state)[4]) : nullptr;
  if (bytes == nullptr) args.wrong(0, "a numpy array of numbers");
  const Args parts("numpy array", array->state);
  Shape shape = parts.shape(1, reader.options_.limits), strides = contiguous_strides(shape);
  if (parts.boolean(3)) {  // column by column
    strides = contiguous_strides({shape.rbegin(), shape.rend()});
    std::reverse(strides.begin(), strides.end());
  }
  auto storage = Storage::uninitialized(bytes->data.size(), *dtype->number);
  std::ranges::copy(std::as_bytes(std::span(bytes->data)), storage->mutable_bytes().begin());
  Tensor tensor = Tensor(std::move(storage), *dtype->number, std::move(shape), std::move(strides)).to(args.dtype(1));
  tensor.set_requires_grad(args.boolean(3));
  return heap.tensor(std::move(tensor));
}

/// (1, shape, dtype, Fortran order, bytes) of an array: numpy turns big-endian elements round when it loads them.
bool Rebuild::set_array_state(object::Object& array, Ref state) {
  const auto* const function = as<object::Global>(array.callable);
  if (function == nullptr || function->qualname != "_reconstruct" || !function->module.ends_with("core.multiarray"))
    return false;
  const auto* const items = tuple_items(state);
  if (items == nullptr || items->size() != 5 || (*items)[4].kind() != Kind::bytes) return false;
  const auto dtype = pickled_dtype((*items)[2]);
  if (!dtype || !dtype->swapped) return false;
  std::vector<Ref> made = *items;
  made[2] = native_dtype(*as<object::Object>(made[2]));
  made[4] = heap.bytes(swapped(as<object::Bytes>(made[4])->data, dtype->width()));
  array.has_state = true;
  array.state = heap.tuple(std::move(made));
  return true;
}

}  // namespace flambeau::torch
