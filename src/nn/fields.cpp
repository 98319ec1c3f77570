#include <flambeau/nn_fields.h>

#include <atomic>

#include <flambeau/error.h>

#include "base/py_repr.h"
#include "object/copy.h"
#include "object/numpy_scalar.h"

namespace flambeau::nn {

using object::as;
using object::Ref;

std::uint64_t Size::fresh_identity() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::int64_t Size::operator[](std::size_t i) const {
  if (is_int()) return values_[0];
  if (i >= values_.size())
    throw Error(ErrorCode::invalid_argument, "size " + python_repr(*this) + " has " + std::to_string(values_.size()) +
                                                 " dimensions, dimension " + std::to_string(i) + " is needed");
  return values_[i];
}

Shape Size::expand(std::size_t dims) const {
  if (is_int()) return Shape(dims, values_[0]);
  if (values_.size() != dims)
    throw Error(ErrorCode::invalid_argument, "size " + python_repr(*this) + " has " + std::to_string(values_.size()) +
                                                 " dimensions, " + std::to_string(dims) + " are needed");
  return values_;
}

Size Size::tuple(std::size_t dims) const {
  if (is_int()) return Size(Shape(dims, values_[0]));
  return kind_ == Kind::tuple ? *this : Size(values_);
}

std::string python_repr(bool value) { return value ? "True" : "False"; }
std::string python_repr(std::int64_t value) { return value == none ? "None" : std::to_string(value); }
std::string python_repr(double value) { return base::py_repr(value); }
std::string python_repr(Number value) {
  return value.integer ? std::to_string(static_cast<std::int64_t>(value.value)) : base::py_repr(value.value);
}
std::string python_repr(std::string_view text) { return base::py_repr(text); }

namespace {

/// Between brackets, with commas.
std::string joined(std::string text, const Size& value, const char* end) {
  const Shape& values = value.values();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += ", ";
    const std::string_view type = value.numpy_type(i);
    text += type.empty() ? python_repr(values[i]) : "np." + std::string(type) + "(" + python_repr(values[i]) + ")";
  }
  return text += end;
}

}  // namespace

std::string python_repr(const Shape& tuple) { return python_repr(Size(tuple)); }

std::string python_repr(const Size& value) {
  switch (value.kind()) {
    case Size::Kind::integer:
      return python_repr(value[0]);
    case Size::Kind::tuple:
      return joined("(", value, value.values().size() == 1 ? ",)" : ")");
    case Size::Kind::list:
      return joined("[", value, "]");
    case Size::Kind::torch_size:
      return joined("torch.Size([", value, "])");
  }
  return {};
}

std::string python_repr(const Floats& value) {
  std::string text;
  for (const double item : value.values) {
    if (!text.empty()) text += ", ";
    text += python_repr(item);
  }
  return value.is_tuple ? "(" + text + (value.values.size() == 1 ? ",)" : ")") : text;
}

Fields::Fields(std::shared_ptr<object::Heap> heap, const object::Dict& dict)
    : heap_(heap.get()), shared_heap_(std::move(heap)), dict_(&dict), taken_(dict.items.size(), false) {
  for (std::size_t i = 0; i < dict.items.size(); ++i)
    if (const auto key = object::text(dict.items[i].first)) index_.emplace(*key, i);
}

void Fields::callable(std::string_view name, Global& global, Value& other) {
  const auto ref = writing() ? std::nullopt : find(name);
  if (ref ? ref->kind() != Kind::global : !other.is_none())
    (*this)(name, other);
  else
    (*this)(name, global);
}

std::optional<Ref> Fields::find(std::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) return std::nullopt;
  return dict_->items[found->second].second;
}

std::optional<Ref> Fields::take(std::string_view name) {
  const auto found = index_.find(name);
  if (found == index_.end()) return std::nullopt;
  taken_[found->second] = true;
  return dict_->items[found->second].second;
}

std::vector<object::Pair> Fields::rest() const {
  std::vector<object::Pair> rest;
  for (std::size_t i = 0; i < taken_.size(); ++i)
    if (!taken_[i]) rest.push_back(dict_->items[i]);
  return rest;
}

Ref Fields::encode(Number value) {
  return value.integer ? heap_->integer(static_cast<std::int64_t>(value.value)) : heap_->floating(value.value);
}

Ref Fields::encode(const Size& value) {
  if (value.is_int()) return value[0] == none ? Ref() : heap_->integer(value[0]);
  const auto known = identities_->written.find(value.identity());
  if (known != identities_->written.end()) return known->second;
  std::vector<Ref> items;
  for (const std::int64_t item : value.values()) items.push_back(item == none ? Ref() : heap_->integer(item));
  Ref ref;
  if (value.kind() == Size::Kind::list) {
    ref = heap_->list(std::move(items));
  } else {
    ref = heap_->tuple(std::move(items));
    if (value.kind() == Size::Kind::torch_size)
      ref = heap_->object(object::Construction::reduce, heap_->global("torch", "Size"), heap_->tuple({ref}));
  }
  identities_->written.emplace(value.identity(), ref);
  identities_->read.emplace(ref.bits(), value.identity());
  return ref;
}

Ref Fields::encode(const Padding& value) {
  return value.mode().empty() ? encode(static_cast<const Size&>(value)) : encode(value.mode());
}

Ref Fields::encode(const Floats& value) {
  std::vector<Ref> items;
  for (const double item : value.values) items.push_back(heap_->floating(item));
  return value.is_tuple ? heap_->tuple(std::move(items)) : items.at(0);
}

Ref Fields::encode(const std::vector<std::int64_t>& list) {
  std::vector<Ref> items;
  for (const std::int64_t item : list) items.push_back(heap_->integer(item));
  return heap_->list(std::move(items));
}

Ref Fields::encode(const std::vector<std::string>& list) {
  std::vector<Ref> items;
  items.reserve(list.size());
  for (const std::string& item : list) items.push_back(heap_->interned(item));
  return heap_->list(std::move(items));
}

Ref Fields::encode(const Value& value) {
  return value.heap().get() == heap_ ? value.ref() : object::copy(*heap_, value.ref(), identities_->copied);
}

Ref Fields::encode_formatted(const std::string& name) {
  return identities_->formatted.insert(name).second ? heap_->interned(name) : heap_->string(name);
}

Ref Fields::parameter(std::string_view name) const {
  const auto* dict = as<object::Dict>(parameters_);
  return dict ? object::get(*dict, name).value_or(Ref()) : Ref();
}

void Fields::wrong_type(Ref ref, std::string_view expected) const {
  throw Error(ErrorCode::type, "attribute '" + std::string(name_) + "' is a value of kind " +
                                   std::string(flambeau::name(ref.kind())) + ", " + std::string(expected) +
                                   " is expected");
}

const Value* Fields::as_read(std::string_view name) const noexcept {
  if (as_read_)
    for (const auto& [known, value] : *as_read_)
      if (known == name) return &value;
  return nullptr;
}

Fields::AnyNumber Fields::number(Ref ref) {
  if (ref.kind() == Kind::boolean) return ref.boolean_value();
  if (const auto number = object::int_value(ref)) return *number;
  if (const auto* number = as<object::Float>(ref)) return number->value;
  const auto numpy = object::numpy_scalar(ref);
  if (!numpy) return {};
  converted_ = true;
  return std::visit(
      [](auto number) -> AnyNumber {
        if constexpr (std::is_same_v<decltype(number), std::uint64_t>)
          return std::in_range<std::int64_t>(number) ? AnyNumber(static_cast<std::int64_t>(number)) : AnyNumber();
        else
          return number;
      },
      numpy->value);
}

void Fields::decode(Ref ref, bool& value) {
  const AnyNumber any = number(ref);
  if (const auto* boolean = std::get_if<bool>(&any)) {
    value = *boolean;
  } else if (const auto* integer = std::get_if<std::int64_t>(&any)) {
    value = *integer != 0;
    converted_ = true;
  } else {
    wrong_type(ref, "a boolean");
  }
}

void Fields::decode(Ref ref, std::int64_t& value) { value = decode_item(ref); }

void Fields::decode(Ref ref, double& value) {
  const AnyNumber any = number(ref);
  if (const auto* floating = std::get_if<double>(&any)) {
    value = *floating;
  } else {
    value = static_cast<double>(decode_item(ref));
    converted_ = true;
  }
}

void Fields::decode(Ref ref, Number& value) {
  const AnyNumber any = number(ref);
  if (const auto* floating = std::get_if<double>(&any))
    value = *floating;
  else
    value = Number(decode_item(ref));
}

std::int64_t Fields::decode_item(Ref ref) {
  const AnyNumber any = number(ref);
  if (const auto* boolean = std::get_if<bool>(&any)) {
    converted_ = true;
    return *boolean;
  }
  const auto* integer = std::get_if<std::int64_t>(&any);
  if (!integer || *integer == none) wrong_type(ref, "a number");
  return *integer;
}

void Fields::decode(Ref ref, Size& value) {
  if (!std::holds_alternative<std::monostate>(number(ref))) {
    value = Size(decode_item(ref));
    return;
  }
  auto kind = ref.kind() == Kind::list ? Size::Kind::list : Size::Kind::tuple;
  Ref items = ref;
  if (const auto* made = as<object::Object>(ref)) {
    const auto* args = as<object::Sequence>(made->args);
    if (object::global_name(made->callable) == "torch.Size" && args && args->items.size() == 1) {
      items = args->items[0];
      kind = Size::Kind::torch_size;
    }
  }
  const auto* sequence = as<object::Sequence>(items);
  if (!sequence || (items.kind() != Kind::tuple && items.kind() != Kind::list))
    wrong_type(ref, "an int or a tuple of ints");
  Shape values;
  std::vector<std::string_view> numpy;
  for (const Ref item : sequence->items) {
    values.push_back(item.is_none() ? none : decode_item(item));
    const auto scalar = object::numpy_scalar(item);
    numpy.push_back(scalar ? scalar->type : "");
  }
  const auto identity = identities_->read.try_emplace(ref.bits(), 0);
  if (identity.second) identity.first->second = Size::fresh_identity();
  value = Size(std::move(values), kind, identity.first->second, std::move(numpy));
}

void Fields::decode(Ref ref, Padding& value) {
  if (const auto mode = object::text(ref)) {
    value = Padding(std::string(*mode));
    return;
  }
  Size size = 0;
  decode(ref, size);
  value = Padding(size);
}

void Fields::decode(Ref ref, Floats& value) {
  value.values.clear();
  const auto* tuple = as<object::Sequence>(ref);
  value.is_tuple = tuple != nullptr;
  const std::vector<Ref> items = tuple ? tuple->items : std::vector<Ref>{ref};
  for (const Ref item : items) decode(item, value.values.emplace_back());
}

void Fields::decode(Ref ref, std::string& value) {
  const auto text = object::text(ref);
  if (!text) wrong_type(ref, "a string");
  value = *text;
}

void Fields::decode(Ref ref, Global& value) {
  const auto* global = as<object::Global>(ref);
  if (!global) wrong_type(ref, "a class or function");
  value = {global->module, global->qualname};
}

void Fields::decode(Ref ref, std::vector<std::int64_t>& list) {
  const auto* sequence = as<object::Sequence>(ref);
  if (!sequence) wrong_type(ref, "a list of ints");
  list.clear();
  for (const Ref item : sequence->items) list.push_back(decode_item(item));
}

void Fields::decode(Ref ref, std::vector<std::string>& list) {
  const auto* sequence = as<object::Sequence>(ref);
  if (!sequence) wrong_type(ref, "a list of strings");
  list.clear();
  for (const Ref item : sequence->items) {
    const auto text = object::text(item);
    if (!text) wrong_type(item, "a string");
    list.emplace_back(*text);
  }
}

void Fields::decode(Ref ref, Value& value) { value = Value(shared_heap_, ref); }

}  // namespace flambeau::nn
