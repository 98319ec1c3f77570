#include <fmt/format.h>

#include <algorithm>

#include "base/py_repr.h"
#include "inspect/parts.h"
#include "inspect/python_text.h"
#include "pickle/text.h"

namespace flambeau {
namespace inspect {
namespace {

using object::Ref;

constexpr std::int64_t exact_in_json = 1ll << 53;

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
        out_ += global_text(*object::as<object::Global>(ref));
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
        return object(ref);
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

  void object(Ref ref) {
    const auto& node = *object::as<object::Object>(ref);
    std::string text = known_text(ref);
    object::Heap scratch;
    if (const auto item = numpy_item(scratch, node)) {
      text = repr(*item, max_);
      if (!inside_.empty()) text = numpy_text(node, *item, std::move(text));
    }
    if (!text.empty()) {
      out_ += text;
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
  if (const auto number = object::int_value(key); number && *number<exact_in_json&& * number> - exact_in_json)
    return *number;
  if (const auto* const scalar = object::as<object::Object>(key)) {  // of numpy: counts as its Python value
    object::Heap scratch;
    if (const auto item = numpy_item(scratch, *scalar)) return key_element(*item);
  }
  return repr(key, longest_key);
}

}  // namespace inspect

std::string repr(const Value& value, std::size_t max_bytes) { return inspect::repr(value.ref(), max_bytes); }

}  // namespace flambeau
