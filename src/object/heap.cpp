#include <array>
#include <map>
#include <unordered_map>
#include <utility>

#include <flambeau/object.h>

#include "object/arena.h"

namespace flambeau {
namespace {

constexpr std::array<std::string_view, 16> kind_names = {
    "none",  "boolean", "integer", "floating",  "big_integer", "string", "bytes",  "bytearray",
    "tuple", "list",    "set",     "frozenset", "dict",        "global", "tensor", "storage",
};
static_assert(kind_names.size() == static_cast<std::size_t>(Kind::object));

}  // namespace

std::string_view name(Kind kind) noexcept {
  return kind == Kind::object ? "object" : kind_names[static_cast<std::size_t>(kind)];
}

namespace object {
namespace {

// Place of a string in the table of those that CPython keeps once: 256 for the empty one, else its Latin-1 character.
std::optional<std::size_t> latin1_slot(std::string_view text) noexcept {
  if (text.empty()) return 256;
  const auto first = static_cast<unsigned char>(text[0]);
  if (text.size() == 1 && first < 0x80) return first;
  if (text.size() == 2 && (first == 0xC2 || first == 0xC3)) {
    const auto second = static_cast<unsigned char>(text[1]);
    if ((second & 0xC0) == 0x80) return static_cast<std::size_t>((first & 3) << 6 | (second & 0x3F));
  }
  return std::nullopt;
}

// CPython 3.11 keeps these letters twice: as the one-character string that decoding gives, and as an interned name of
// its frozen modules, which is what an attribute name becomes. (Found by asking sys.intern(c) is not chr(ord(c)).)
bool is_kept_twice(std::string_view text) noexcept {
  constexpr std::string_view letters = "BCLST_abcdefhijklmnopqrstvwxy";
  return text.size() == 1 && letters.find(text[0]) != letters.npos;
}

// Heap memory behind a string: short ones lie inside the object.
std::uint64_t outside(const std::string& text) noexcept { return text.size() < 16 ? 0 : text.capacity() + 16; }

template <class T>
std::uint64_t outside(const std::vector<T>& items) noexcept {
  return items.capacity() == 0 ? 0 : items.capacity() * sizeof(T) + 16;
}

constexpr std::uint64_t tensor_overhead = 256;  // shape and strides, the shared storage object

}  // namespace

struct Heap::Impl {
  Arena<Integer> integers;
  Arena<Float> floats;
  Arena<BigInteger> big_integers;
  Arena<String> strings;
  Arena<Bytes> bytes;
  Arena<Sequence> sequences;
  Arena<Dict> dicts;
  Arena<Global> globals;
  Arena<TensorNode> tensors;
  Arena<StorageNode> storages;
  Arena<Object> objects;
  std::uint64_t size = 0, memory = 0;

  std::array<String*, 257> latin1{};
  std::array<Bytes*, 257> short_bytes{};
  Sequence* empty_tuple = nullptr;
  std::unordered_map<std::string_view, String*> interned{};
  std::map<std::pair<std::string_view, std::string_view>, Global*> global_index{};

  template <class T>
  T& make(Arena<T>& arena, Kind kind, std::uint64_t extra = 0) {
    T& node = arena.make();
    node.kind = kind;
    ++size;
    memory += sizeof(T) + extra;
    return node;
  }
  String& make_string(std::string_view text) {
    String& node = make(strings, Kind::string);
    node.text.assign(text);
    memory += outside(node.text);
    return node;
  }
  Bytes& make_bytes(Kind kind, std::string_view data) {
    Bytes& node = make(bytes, kind);
    node.data = std::string(data);  // g++ 12 warns falsely of assign()
    memory += outside(node.data);
    return node;
  }
  Sequence& make_sequence(Kind kind, std::vector<Ref>&& items) {
    Sequence& node = make(sequences, kind, outside(items));
    node.items = std::move(items);
    return node;
  }
};

Heap::Heap() : impl_(std::make_unique<Impl>()) {}
Heap::~Heap() = default;

Ref Heap::integer(std::int64_t value) {
  if (Ref::fits(value)) return Ref::integer(value);
  Integer& node = impl_->make(impl_->integers, Kind::integer);
  node.value = value;
  return Ref(&node);
}

Ref Heap::floating(double value) {
  Float& node = impl_->make(impl_->floats, Kind::floating);
  node.value = value;
  return Ref(&node);
}

Ref Heap::big_integer(std::string twos_complement) {
  BigInteger& node = impl_->make(impl_->big_integers, Kind::big_integer);
  node.bytes = std::move(twos_complement);
  impl_->memory += outside(node.bytes);
  return Ref(&node);
}

Ref Heap::string(std::string_view text) {
  const auto slot = latin1_slot(text);
  if (!slot) return Ref(&impl_->make_string(text));
  String*& single = impl_->latin1[*slot];
  if (!single) {
    single = &impl_->make_string(text);
    single->interned = true;
  }
  return Ref(single);
}

Ref Heap::fresh_string(std::string_view text) { return Ref(&impl_->make_string(text)); }

Ref Heap::interned(std::string_view text) {
  if (latin1_slot(text) && !is_kept_twice(text)) return string(text);
  const auto found = impl_->interned.find(text);
  if (found != impl_->interned.end()) return Ref(found->second);
  String& node = impl_->make_string(text);
  node.interned = node.is_name = true;
  impl_->interned.emplace(node.text, &node);
  impl_->memory += 64;
  return Ref(&node);
}

Ref Heap::bytes(std::string_view data) {
  if (data.size() > 1) return Ref(&impl_->make_bytes(Kind::bytes, data));
  Bytes*& single = impl_->short_bytes[data.empty() ? 256 : static_cast<unsigned char>(data[0])];
  if (!single) single = &impl_->make_bytes(Kind::bytes, data);
  return Ref(single);
}

Ref Heap::fresh_bytes(std::string_view data) { return Ref(&impl_->make_bytes(Kind::bytes, data)); }

Ref Heap::bytearray(std::string_view data) { return Ref(&impl_->make_bytes(Kind::bytearray, data)); }

Ref Heap::tuple(std::vector<Ref> items) {
  if (!items.empty()) return Ref(&impl_->make_sequence(Kind::tuple, std::move(items)));
  if (!impl_->empty_tuple) impl_->empty_tuple = &impl_->make_sequence(Kind::tuple, {});
  return Ref(impl_->empty_tuple);
}

Ref Heap::list(std::vector<Ref> items) { return Ref(&impl_->make_sequence(Kind::list, std::move(items))); }

Ref Heap::set(std::vector<Ref> items, bool frozen) {
  return Ref(&impl_->make_sequence(frozen ? Kind::frozenset : Kind::set, std::move(items)));
}

Ref Heap::dict(std::vector<Pair> items) {
  Dict& node = impl_->make(impl_->dicts, Kind::dict, outside(items));
  node.items = std::move(items);
  return Ref(&node);
}

Ref Heap::ordered_dict(std::vector<Pair> items) {
  const Ref made = dict(std::move(items));
  as<Dict>(made)->ordered = true;
  return made;
}

Ref Heap::global(std::string_view module, std::string_view qualname) {
  const auto found = impl_->global_index.find({module, qualname});
  if (found != impl_->global_index.end()) return Ref(found->second);
  Global& node = impl_->make(impl_->globals, Kind::global, 80);
  node.module = module;
  node.qualname = qualname;
  impl_->memory += outside(node.module) + outside(node.qualname);
  impl_->global_index.emplace(std::pair<std::string_view, std::string_view>(node.module, node.qualname), &node);
  return Ref(&node);
}

Ref Heap::tensor(Tensor tensor, bool parameter) {
  TensorNode& node = impl_->make(impl_->tensors, Kind::tensor, tensor_overhead);
  node.tensor = std::move(tensor);
  node.parameter = parameter;
  return Ref(&node);
}

Ref Heap::storage(std::shared_ptr<Storage> storage, std::string storage_class) {
  StorageNode& node = impl_->make(impl_->storages, Kind::storage, tensor_overhead);
  node.storage = std::move(storage);
  node.storage_class = std::move(storage_class);
  return Ref(&node);
}

Ref Heap::object(Construction construction, Ref callable, Ref args) {
  Object& node = impl_->make(impl_->objects, Kind::object);
  node.construction = construction;
  node.callable = callable;
  node.args = args;
  return Ref(&node);
}

std::uint64_t Heap::size() const noexcept { return impl_->size; }
std::uint64_t Heap::memory() const noexcept { return impl_->memory; }

}  // namespace object
}  // namespace flambeau
