#include <flambeau/error.h>
#include <fmt/format.h>

#include "torch/rebuild.h"

namespace flambeau::torch {
Args::Args(std::string_view function, object::Ref tuple) : function_(function) {
  static const std::vector<object::Ref> none;
  if (tuple.kind() != Kind::tuple)
    throw Error(ErrorCode::corrupt,
                fmt::format("{}: the arguments are a {}, expected a tuple", function, name(tuple.kind())));
  const auto* const items = object::as<object::Sequence>(tuple);
  items_ = items != nullptr ? &items->items : &none;
}

void Args::expect(std::size_t least, std::size_t most) const {
  if (size() < least || size() > most)
    fail(least == most ? fmt::format("{} arguments, expected {}", size(), least)
                       : fmt::format("{} arguments, expected {} to {}", size(), least, most));
}

void Args::fail(const std::string& text) const {
  throw Error(ErrorCode::corrupt, fmt::format("{}: {}", function_, text));
}

void Args::wrong(std::size_t index, std::string_view expected) const {
  fail(fmt::format("argument {} is a {}, expected {}", index, name(at(index).kind()), expected));
}

std::int64_t Args::integer(std::size_t index) const {
  const auto value = object::int_value(at(index));
  if (!value) wrong(index, "an integer");
  return *value;
}

bool Args::boolean(std::size_t index) const {
  if (at(index).kind() != Kind::boolean) wrong(index, "a boolean");
  return at(index).boolean_value();
}

double Args::number(std::size_t index) const {
  if (const auto* const value = object::as<object::Float>(at(index))) return value->value;
  const auto value = object::int_value(at(index));
  if (!value) wrong(index, "a number");
  return static_cast<double>(*value);
}

Shape Args::shape(std::size_t index, const Limits& limits) const {
  auto shape = dimensions(at(index), limits);
  if (!shape) wrong(index, "a tuple of integers");
  return std::move(*shape);
}

DType Args::dtype(std::size_t index) const {
  const auto* const global = object::as<object::Global>(at(index));
  const auto dtype = global != nullptr && global->module == "torch" ? dtype_named(global->qualname) : std::nullopt;
  if (!dtype)
    wrong(index,
          global != nullptr ? fmt::format("a dtype, found '{}.{}'", global->module, global->qualname) : "a dtype");
  return *dtype;
}

object::TensorNode& Args::tensor(std::size_t index) const {
  auto* const node = object::as<object::TensorNode>(at(index));
  if (node == nullptr) wrong(index, "a tensor");
  return *node;
}

object::StorageNode& Args::storage(std::size_t index) const {
  auto* const node = object::as<object::StorageNode>(at(index));
  if (node == nullptr) wrong(index, "a storage");
  return *node;
}

std::optional<Shape> dimensions(object::Ref ref, const Limits& limits) {
  if (const auto* const size = object::as<object::Object>(ref);
      size != nullptr && object::global_name(size->callable) == "torch.Size" && size->args.kind() == Kind::tuple &&
      object::as<object::Sequence>(size->args)->items.size() == 1)
    ref = object::as<object::Sequence>(size->args)->items[0];
  if (ref.kind() != Kind::tuple && ref.kind() != Kind::list) return std::nullopt;
  const auto& items = object::as<object::Sequence>(ref)->items;
  if (items.size() > limits.max_tensor_rank)
    throw Error(ErrorCode::limit,
                fmt::format("a tensor of {} dimensions, max_tensor_rank is {}", items.size(), limits.max_tensor_rank));
  Shape shape;
  shape.reserve(items.size());
  for (const object::Ref item : items) {
    const auto value = object::int_value(item);
    if (!value) return std::nullopt;
    shape.push_back(*value);
  }
  return shape;
}

std::string_view layout_name(object::Ref ref) noexcept {
  const auto* const layout = object::as<object::Object>(ref);
  if (layout == nullptr || layout->args.kind() != Kind::tuple) return {};
  const auto* const global = object::as<object::Global>(layout->callable);
  const auto& items = object::as<object::Sequence>(layout->args)->items;
  if (global == nullptr || global->qualname != "_get_layout" || items.size() != 1) return {};
  return object::text(items[0]).value_or(std::string_view{});
}

}  // namespace flambeau::torch
