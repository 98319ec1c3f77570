#include <algorithm>
#include <limits>
#include <utility>

#include <flambeau/error.h>
#include <flambeau/near.h>
#include <flambeau/object.h>

#include "object/names.h"

namespace flambeau {

using object::as;
using object::Heap;
using object::Ref;

namespace {

[[noreturn]] void wrong_type(std::string_view expected, const Value& found) {
  throw Error(ErrorCode::type, "expected " + std::string(expected) + ", found " + found.type_name());
}

const std::vector<Ref>* items_of(Ref ref) noexcept {
  if (const auto* sequence = as<object::Sequence>(ref)) return &sequence->items;
  if (const auto* object = as<object::Object>(ref)) return &object->list_items;
  return nullptr;
}

const std::vector<object::Pair>* pairs_of(Ref ref) noexcept {
  if (const auto* dict = as<object::Dict>(ref)) return &dict->items;
  if (const auto* object = as<object::Object>(ref)) return &object->dict_items;
  return nullptr;
}

[[noreturn]] void no_such_item(std::size_t index, std::size_t size) {
  throw Error(ErrorCode::invalid_argument, "no item " + std::to_string(index) + ", there are " + std::to_string(size));
}

// A value as a Ref of `heap`.
Ref bring(Heap& heap, const Value& value) {
  if (!value.ref().node() || value.heap().get() == &heap) return value.ref();
  return object::copy(heap, value.ref());
}

template <class Make>
Value made(Make make) {
  auto heap = std::make_shared<Heap>();
  const Ref ref = make(*heap);
  return Value(std::move(heap), ref);
}

}  // namespace

Value::Value() = default;
Value::Value(bool value) : ref_(Ref::boolean(value)) {}
Value::Value(std::int64_t value) : ref_(Ref::integer(value)) {
  if (!Ref::fits(value)) *this = made([&](Heap& heap) { return heap.integer(value); });
}
Value::Value(double value) : Value(made([&](Heap& heap) { return heap.floating(value); })) {}
Value::Value(std::string_view text) : Value(made([&](Heap& heap) { return heap.string(text); })) {}
Value::Value(Tensor tensor) : Value(made([&](Heap& heap) { return heap.tensor(std::move(tensor)); })) {}

Value Value::dict() {
  return made([](Heap& heap) { return heap.dict(); });
}
Value Value::ordered_dict() {
  return made([](Heap& heap) { return heap.ordered_dict(); });
}
Value Value::list() {
  return made([](Heap& heap) { return heap.list(); });
}
Value Value::tuple(std::span<const Value> items) {
  return made([&](Heap& heap) {
    std::vector<Ref> refs;
    refs.reserve(items.size());
    for (const Value& item : items) refs.push_back(bring(heap, item));
    return heap.tuple(std::move(refs));
  });
}

bool Value::as_bool() const {
  if (kind() != Kind::boolean) wrong_type("bool", *this);
  return ref_.boolean_value();
}

std::int64_t Value::as_int() const {
  if (const auto value = object::int_value(ref_)) return *value;
  wrong_type(kind() == Kind::big_integer ? "an int of 64 bits" : "int", *this);
}

double Value::as_double() const {
  if (const auto* node = as<object::Float>(ref_)) return node->value;
  if (const auto value = object::int_value(ref_)) return static_cast<double>(*value);
  wrong_type("float", *this);
}

std::string_view Value::as_string() const {
  if (const auto text = object::text(ref_)) return *text;
  wrong_type("str", *this);
}

const Tensor& Value::as_tensor() const {
  if (const auto* node = as<object::TensorNode>(ref_)) return node->tensor;
  wrong_type("a tensor", *this);
}

std::size_t Value::size() const noexcept {
  const auto* items = items_of(ref_);
  const auto* pairs = pairs_of(ref_);
  return (items ? items->size() : 0) + (pairs ? pairs->size() : 0);
}

Value Value::at(std::size_t index) const {
  const auto* items = items_of(ref_);
  if (!items) wrong_type("a sequence", *this);
  if (index >= items->size()) no_such_item(index, items->size());
  return Value(heap_, (*items)[index]);
}

std::pair<Value, Value> Value::item(std::size_t index) const {
  const auto* pairs = pairs_of(ref_);
  if (!pairs) wrong_type("dict", *this);
  if (index >= pairs->size()) no_such_item(index, pairs->size());
  const auto& [key, value] = (*pairs)[index];
  return {Value(heap_, key), Value(heap_, value)};
}

std::optional<Value> Value::find(std::string_view key) const {
  if (const auto* object = as<object::Object>(ref_))
    if (const auto found = object::attribute(*object, key)) return Value(heap_, *found);
  if (const auto* pairs = pairs_of(ref_))
    for (const auto& [name, value] : *pairs)
      if (object::text(name) == key) return Value(heap_, value);
  return std::nullopt;
}

Value Value::operator[](std::string_view key) const {
  if (auto found = find(key)) return *std::move(found);
  if (!pairs_of(ref_)) wrong_type("dict", *this);
  std::vector<std::string_view> names;
  const auto collect = [&](const std::vector<object::Pair>& pairs) {
    for (const auto& pair : pairs)
      if (const auto name = object::text(pair.first)) names.push_back(*name);
  };
  collect(*pairs_of(ref_));
  if (const auto* object = as<object::Object>(ref_))
    if (const auto* state = as<object::Dict>(object->state)) collect(state->items);
  throw Error(ErrorCode::not_found, "no key '" + std::string(key) + "'" + did_you_mean(key, names));
}

Value& Value::set(std::string_view key, const Value& value) {
  auto* dict = as<object::Dict>(ref_);
  if (!dict) wrong_type("dict", *this);
  const Ref brought = bring(*heap_, value);
  for (auto& [name, old] : dict->items) {
    if (object::text(name) != key) continue;
    old = brought;
    return *this;
  }
  dict->items.emplace_back(object::name_string(*heap_, key), brought);
  return *this;
}

Value& Value::append(const Value& value) {
  auto* list = as<object::Sequence>(ref_);
  if (!list || list->kind != Kind::list) wrong_type("list", *this);
  list->items.push_back(bring(*heap_, value));
  return *this;
}

std::string Value::type_name() const { return object::type_name(ref_); }

}  // namespace flambeau
