#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/py_repr.h"
#include "inspect/parts.h"
#include "pickle/text.h"

namespace flambeau {
namespace inspect {
namespace {

using object::Ref;

constexpr std::int64_t exact_in_json = 1ll << 53;

/// The Python value of a numpy scalar as text; empty for kinds that have none as a plain number.
std::string numpy_scalar(const object::Object& object) {
  const std::string name = object::global_name(object.callable);
  const auto* const args = object::as<object::Sequence>(object.args);
  if ((name != "numpy.core.multiarray.scalar" && name != "numpy._core.multiarray.scalar") || args == nullptr ||
      args->items.size() != 2)
    return {};
  const auto* const dtype = object::as<object::Object>(args->items[0]);
  const auto* const dtype_args = dtype != nullptr ? object::as<object::Sequence>(dtype->args) : nullptr;
  const auto code =
      dtype_args != nullptr && !dtype_args->items.empty() ? object::text(dtype_args->items[0]) : std::nullopt;
  const auto* const data = object::as<object::Bytes>(args->items[1]);
  if (!code || data == nullptr || code->size() != 2) return {};
  const auto as = [data](auto value) {
    if (data->data.size() == sizeof(value)) std::memcpy(&value, data->data.data(), sizeof(value));
    return value;
  };
  if (*code == "i1") return fmt::format("{}", static_cast<int>(as(std::int8_t{})));
  if (*code == "i2") return fmt::format("{}", as(std::int16_t{}));
  if (*code == "i4") return fmt::format("{}", as(std::int32_t{}));
  if (*code == "i8") return fmt::format("{}", as(std::int64_t{}));
  if (*code == "u1") return fmt::format("{}", static_cast<int>(as(std::uint8_t{})));
  if (*code == "u2") return fmt::format("{}", as(std::uint16_t{}));
  if (*code == "u4") return fmt::format("{}", as(std::uint32_t{}));
  if (*code == "u8") return fmt::format("{}", as(std::uint64_t{}));
  if (*code == "b1") return as(std::uint8_t{}) != 0 ? "True" : "False";
  if (*code == "f8") return base::py_repr(as(double{}));
  if (*code == "f4") return base::py_repr(static_cast<double>(as(float{})));
  return {};
}

/// Text waiting to be written, or a value.
struct Task {
  Ref ref{};
  std::string text{};
  bool is_text = false;
  const object::Node* leave = nullptr;
};

class Writer {
 public:
  explicit Writer(std::size_t max_bytes) : max_(max_bytes) {}

  std::string run(Ref ref) {
    push(ref);
    while (!tasks_.empty() && out_.size() <= max_) {
      Task task = std::move(tasks_.back());
      tasks_.pop_back();
      if (task.leave != nullptr) std::erase(inside_, task.leave);
      if (task.is_text)
        out_ += task.text;
      else
        value(task.ref);
    }
    if (out_.size() > max_) {
      std::size_t end = max_;
      while (end > 0 && (static_cast<unsigned char>(out_[end]) & 0xC0) == 0x80) --end;
      out_.resize(end);
      out_ += "…";
    }
    return std::move(out_);
  }

 private:
  void push(Ref ref) { tasks_.push_back({ref}); }
  void push(std::string text, const object::Node* leave = nullptr) {
    tasks_.push_back({{}, std::move(text), true, leave});
  }

  /// Pushes open, items separated by ", ", close; the stack runs backwards.
  template <class Item>
  void sequence(const object::Node* node, std::string open, std::string close, std::size_t count, const char* cycle,
                Item&& item) {
    if (std::find(inside_.begin(), inside_.end(), node) != inside_.end()) {
      out_ += cycle;
      return;
    }
    inside_.push_back(node);
    out_ += open;
    push(std::move(close), node);
    const std::size_t shown = std::min(count, max_);  // each item takes a byte at least
    if (shown < count) push("…");
    for (std::size_t i = shown; i-- > 0;) {
      item(i);
      if (i > 0) push(", ");
    }
  }

  void value(Ref ref) {
    switch (ref.kind()) {
      case Kind::none:
        out_ += "None";
        return;
      case Kind::boolean:
        out_ += ref.boolean_value() ? "True" : "False";
        return;
      case Kind::integer:
        out_ += std::to_string(*object::int_value(ref));
        return;
      case Kind::floating:
        out_ += base::py_repr(object::as<object::Float>(ref)->value);
        return;
      case Kind::big_integer:
        out_ += pickle::to_decimal(object::as<object::BigInteger>(ref)->bytes);
        return;
      case Kind::string:
        out_ += base::py_repr(std::string_view(object::as<object::String>(ref)->text));
        return;
      case Kind::bytes:
        out_ += base::py_bytes_repr(object::as<object::Bytes>(ref)->data);
        return;
      case Kind::bytearray:
        out_ += base::py_bytearray_repr(object::as<object::Bytes>(ref)->data);
        return;
      case Kind::global:
        out_ += "<" + object::global_name(ref) + ">";
        return;
      case Kind::tensor: {
        const auto& tensor = object::as<object::TensorNode>(ref)->tensor;
        out_ += fmt::format("<{} {} {}>", object::as<object::TensorNode>(ref)->parameter ? "Parameter" : "Tensor",
                            name(tensor.dtype()), to_string(tensor.shape()));
        return;
      }
      case Kind::storage: {
        const auto* const node = object::as<object::StorageNode>(ref);
        out_ += fmt::format("<{} of {} bytes>", node->storage_class, node->storage->nbytes());
        return;
      }
      case Kind::object:
        return object(*object::as<object::Object>(ref));
      case Kind::dict:
        return dict(*object::as<object::Dict>(ref));
      default:
        return items(*object::as<object::Sequence>(ref));
    }
  }

  void items(const object::Sequence& node) {
    const auto& refs = node.items;
    std::string open = "[", close = "]";
    const char* cycle = "[...]";
    if (node.kind == Kind::tuple) open = "(", close = refs.size() == 1 ? ",)" : ")", cycle = "(...)";
    if (node.kind == Kind::set)
      open = refs.empty() ? "set(" : "{", close = refs.empty() ? ")" : "}", cycle = "set(...)";
    if (node.kind == Kind::frozenset)
      open = refs.empty() ? "frozenset(" : "frozenset({", close = refs.empty() ? ")" : "})", cycle = "frozenset(...)";
    sequence(&node, open, close, refs.size(), cycle, [&](std::size_t i) { push(refs[i]); });
  }

  void pair(const object::Pair& item) {
    push(item.second);
    push(": ");
    push(item.first);
  }

  void dict(const object::Dict& node) {
    const bool empty = node.items.empty();
    std::string open = "{", close = "}";
    if (node.ordered) open = empty ? "OrderedDict(" : "OrderedDict({", close = empty ? ")" : "})";
    sequence(&node, open, close, node.items.size(), "{...}", [&](std::size_t i) { pair(node.items[i]); });
  }

  void object(const object::Object& node) {
    if (std::string number = numpy_scalar(node); !number.empty()) {
      out_ += number;
      return;
    }
    // Arguments, list items, dict items and attributes in one pair of brackets.
    struct Part {
      Ref ref;
      std::string name{};
      std::optional<Ref> key{};
    };
    std::vector<Part> parts;
    if (const auto* const args = object::as<object::Sequence>(node.args))
      for (const Ref arg : args->items) parts.push_back({arg});
    for (const Ref item : node.list_items) parts.push_back({item});
    for (const auto& [key, item] : node.dict_items) parts.push_back({item, {}, key});
    if (const auto* const state = object::as<object::Dict>(node.state))
      for (const auto& [key, item] : state->items)
        parts.push_back({item, std::string(object::text(key).value_or("?")) + "="});
    else if (!node.state.is_none())
      parts.push_back({node.state});
    const std::string name = object::global_name(node.callable);
    sequence(&node, (name.empty() ? "<object>" : name) + "(", ")", parts.size(), "...", [&](std::size_t i) {
      if (parts[i].key) return pair({*parts[i].key, parts[i].ref});
      push(parts[i].ref);
      if (!parts[i].name.empty()) push(parts[i].name);
    });
  }

  std::size_t max_;
  std::string out_{};
  std::vector<Task> tasks_{};
  std::vector<const object::Node*> inside_{};
};

}  // namespace

std::string repr(Ref ref, std::size_t max_bytes) { return Writer(max_bytes).run(ref); }

PathElement key_element(Ref key) {
  constexpr std::size_t longest_key = 1u << 16;
  if (const auto text = object::text(key)) return std::string(*text);
  auto number = object::int_value(key);
  if (const auto* const scalar = object::as<object::Object>(key)) {  // a numpy integer counts as its Python value
    const std::string text = numpy_scalar(*scalar);
    if (!text.empty() && text.find_first_not_of("-0123456789") == std::string::npos && text.size() < 19)
      number = std::stoll(text);
  }
  if (number && *number<exact_in_json&& * number> - exact_in_json) return *number;
  return repr(key, longest_key);
}

}  // namespace inspect

std::string repr(const Value& value, std::size_t max_bytes) { return inspect::repr(value.ref(), max_bytes); }

}  // namespace flambeau
