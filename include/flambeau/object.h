#pragma once
/// The object graph of a checkpoint: Python values with their order, identity, sharing and cycles; nothing is ever
/// executed.
///
/// Nodes live in a `Heap` (an arena: no recursion over file-controlled depth, destructors included). `Ref` is an 8-byte
/// edge inside one heap; `Value` is the handle for users: a Ref that keeps its heap alive.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <flambeau/tensor.h>

namespace flambeau {

enum class Kind : std::uint8_t {
  none,
  boolean,
  integer,
  floating,  // integer: fits int64; larger ones are big_integer
  big_integer,
  string,
  bytes,
  bytearray,
  tuple,
  list,
  set,
  frozenset,
  dict,
  global,  // a class, function, dtype or qscheme used as a value
  tensor,
  storage,
  object,  // an instance of any other class: inert, whole
};
/// "none", "boolean", …
std::string_view name(Kind kind) noexcept;

namespace object {

struct Node {
  Kind kind;
};

/// An edge: none, a boolean, an integer of 61 bits, or a pointer to a node. Two Refs are the same Python object when
/// they are equal.
class Ref {
 public:
  constexpr Ref() noexcept = default;  // None
  explicit Ref(Node* node) noexcept : bits_(reinterpret_cast<std::uintptr_t>(node)) {}
  static constexpr Ref boolean(bool value) noexcept { return Ref(std::uint64_t{2} | (std::uint64_t{value} << 3)); }
  /// Empty when the value needs a node (see Heap::integer).
  static constexpr bool fits(std::int64_t value) noexcept { return value >= -(1ll << 60) && value < (1ll << 60); }
  static constexpr Ref integer(std::int64_t value) noexcept {
    return Ref((static_cast<std::uint64_t>(value) << 3) | 1);
  }
  Kind kind() const noexcept {
    switch (bits_ & 7) {
      case 0:
        return reinterpret_cast<const Node*>(bits_)->kind;
      case 1:
        return Kind::integer;
      case 2:
        return Kind::boolean;
      default:
        return Kind::none;
    }
  }
  constexpr bool is_none() const noexcept { return bits_ == 3; }
  /// Null for None, booleans and small integers.
  Node* node() const noexcept { return (bits_ & 7) == 0 ? reinterpret_cast<Node*>(bits_) : nullptr; }
  constexpr bool boolean_value() const noexcept { return (bits_ >> 3) != 0; }
  constexpr std::int64_t small_integer() const noexcept { return static_cast<std::int64_t>(bits_) >> 3; }
  constexpr std::uint64_t bits() const noexcept { return bits_; }
  friend constexpr bool operator==(Ref, Ref) noexcept = default;

 private:
  constexpr explicit Ref(std::uint64_t bits) noexcept : bits_(bits) {}
  std::uint64_t bits_ = 3;
};
using Pair = std::pair<Ref, Ref>;

struct Integer : Node {  // Kind::integer that needs more than 61 bits
  std::int64_t value;
};
struct Float : Node {
  double value;
};
struct BigInteger : Node {
  std::string bytes;  // two's complement, little-endian, shortest
};
struct String : Node {
  bool interned = false, is_name = false;  // one object per content, also across heaps when written; by Heap::interned
  std::string text;                        // UTF-8; lone surrogates as their three bytes (CPython's surrogatepass)
};
struct Bytes : Node {
  std::string data;
};  // bytes, bytearray
struct Sequence : Node {
  std::vector<Ref> items;
};  // tuple, list, set, frozenset

/// dict or collections.OrderedDict, items in order.
struct Dict : Node {
  std::vector<Pair> items;
  bool ordered = false;  // OrderedDict
  Ref state{};           // attributes of an OrderedDict (a dict such as {'_metadata': …}); None without
};

/// A global by Python 3's names ("builtins", "set"), dotted qualified names kept ("Outer.Inner").
struct Global : Node {
  std::string module, qualname;
};

/// Quantisation of a tensor.
struct Quantizer {
  std::string scheme;           // "per_tensor_affine", "per_channel_affine"
  double scale = 0;             // per tensor
  std::int64_t zero_point = 0;  // per tensor
  Ref scales{}, zero_points{};  // per channel: tensors (lists in old files)
  std::int64_t axis = 0;
};

/// torch.Tensor, nn.Parameter, subclasses and tensors with attributes.
struct TensorNode : Node {
  Tensor tensor;
  bool parameter = false;  // torch.nn.parameter.Parameter
  Ref type{};        // Global of a subclass (or torch.Tensor with attributes); None for plain tensors and Parameters
  Ref attributes{};  // state of the subclass or attributes: a dict, or (dict, slots); None without
  std::unique_ptr<Quantizer> quantizer;
};

/// A storage used as a value (not through a tensor).
struct StorageNode : Node {
  std::shared_ptr<Storage> storage;
  std::string storage_class;  // "FloatStorage", "UntypedStorage"
};

/// How an object came into being; it is written back in the same way.
enum class Construction : std::uint8_t {
  reduce,     // callable(*args)                    REDUCE
  newobj,     // cls.__new__(cls, *args)            NEWOBJ
  newobj_ex,  // cls.__new__(cls, *args, **kwargs)  NEWOBJ_EX: args is a (args, kwargs) tuple
};

/// Any other instance: what pickle stored of it.
struct Object : Node {
  Construction construction = Construction::reduce;
  bool has_state = false;  // BUILD was seen (its state may be None)
  Ref callable{};          // usually a Global
  Ref args{};              // a tuple
  Ref state{};
  std::vector<Ref> list_items;
  std::vector<Pair> dict_items;
};

/// The arena. Pointers stay valid until the heap is destroyed. Not thread-safe while it grows; reading is.
class Heap {
 public:
  Heap();
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  Ref integer(std::int64_t value);
  Ref floating(double value);
  Ref big_integer(std::string twos_complement);
  /// Latin-1 strings of at most one character are one object each, as in CPython; others are new.
  Ref string(std::string_view text);
  /// A new object even of one character: what Python's str() of a digit makes (storage keys, names in a Sequential).
  Ref fresh_string(std::string_view text);
  /// One object per content, for names that Python interns. Most one-letter names are not the character's object.
  Ref interned(std::string_view text);
  /// Of at most one byte: one object each, as in CPython. What unpickling makes is a new one.
  Ref bytes(std::string_view data);
  Ref fresh_bytes(std::string_view data);
  Ref bytearray(std::string_view data);
  /// The empty tuple is one object.
  Ref tuple(std::vector<Ref> items);
  Ref list(std::vector<Ref> items = {});
  Ref set(std::vector<Ref> items, bool frozen = false);
  Ref dict(std::vector<Pair> items = {});
  Ref ordered_dict(std::vector<Pair> items = {});
  /// One object per (module, qualname).
  Ref global(std::string_view module, std::string_view qualname);
  Ref tensor(Tensor tensor, bool parameter = false);
  Ref storage(std::shared_ptr<Storage> storage, std::string storage_class);
  Ref object(Construction construction, Ref callable, Ref args);

  std::uint64_t size() const noexcept;  ///< nodes made so far
  /// Bytes of the nodes made so far with what they held when they were made (tensors' storages not counted).
  std::uint64_t memory() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether nodes of `kind` are T.
template <class T>
constexpr bool holds(Kind kind) noexcept {
  if constexpr (std::is_same_v<T, Integer>) return kind == Kind::integer;
  if constexpr (std::is_same_v<T, Float>) return kind == Kind::floating;
  if constexpr (std::is_same_v<T, BigInteger>) return kind == Kind::big_integer;
  if constexpr (std::is_same_v<T, String>) return kind == Kind::string;
  if constexpr (std::is_same_v<T, Bytes>) return kind == Kind::bytes || kind == Kind::bytearray;
  if constexpr (std::is_same_v<T, Sequence>) return kind >= Kind::tuple && kind <= Kind::frozenset;
  if constexpr (std::is_same_v<T, Dict>) return kind == Kind::dict;
  if constexpr (std::is_same_v<T, Global>) return kind == Kind::global;
  if constexpr (std::is_same_v<T, TensorNode>) return kind == Kind::tensor;
  if constexpr (std::is_same_v<T, StorageNode>) return kind == Kind::storage;
  if constexpr (std::is_same_v<T, Object>) return kind == Kind::object;
}
/// Typed access; null if the node is of another kind (and for integers that need no node).
template <class T>
T* as(Ref ref) noexcept {
  Node* node = ref.node();
  return node && holds<T>(node->kind) ? static_cast<T*>(node) : nullptr;
}
/// The value of an integer of at most 64 bits (booleans are none); nullopt for anything else.
inline std::optional<std::int64_t> int_value(Ref ref) noexcept {
  if (ref.kind() != Kind::integer) return std::nullopt;
  return ref.node() ? static_cast<Integer*>(ref.node())->value : ref.small_integer();
}
inline std::optional<std::string_view> text(Ref ref) noexcept {
  return ref.kind() == Kind::string ? std::optional<std::string_view>(static_cast<String*>(ref.node())->text)
                                    : std::nullopt;
}
/// "module.qualname" of a Global, else empty.
std::string global_name(Ref ref);
/// The value stored under a string key, in a dict's items or an object's dict state; nullopt without.
std::optional<Ref> get(const Dict& dict, std::string_view key) noexcept;
/// The instance attribute of an object (dict state, or the (dict, slots) pair); nullopt without.
std::optional<Ref> attribute(const Object& object, std::string_view name) noexcept;
/// Copies the graph below `root` into `into`, keeping sharing and cycles; tensors share their storages. Iterative.
Ref copy(Heap& into, Ref root);

}  // namespace object

/// A Python value with its heap. A small handle: copies see the same value. Threads: reading is safe from several
/// threads.
class Value {
 public:
  Value();  // None
  Value(std::shared_ptr<object::Heap> heap, object::Ref ref) : heap_(std::move(heap)), ref_(ref) {}
  Value(bool value);
  Value(std::int64_t value);
  Value(int value) : Value(static_cast<std::int64_t>(value)) {}
  Value(double value);
  Value(std::string_view text);
  Value(const std::string& text) : Value(std::string_view(text)) {}
  Value(const char* text) : Value(std::string_view(text)) {}
  Value(Tensor tensor);
  static Value dict();
  static Value ordered_dict();
  static Value list();
  static Value tuple(std::span<const Value> items);

  Kind kind() const noexcept { return ref_.kind(); }
  bool is_none() const noexcept { return ref_.is_none(); }

  /// Throw Error(type) naming the expected and the found kind.
  bool as_bool() const;
  std::int64_t as_int() const;
  double as_double() const;  // integers convert
  std::string_view as_string() const;
  const Tensor& as_tensor() const;

  /// Items of a sequence or dict; list and dict items of an object; 0 for anything else.
  std::size_t size() const noexcept;
  /// Item of a sequence.
  Value at(std::size_t index) const;
  /// Key and value of a dict, in order.
  std::pair<Value, Value> item(std::size_t index) const;
  /// By string key of a dict, or attribute of an object. `find` gives nullopt, `operator[]` throws Error(not_found)
  /// with near names.
  std::optional<Value> find(std::string_view key) const;
  Value operator[](std::string_view key) const;
  bool contains(std::string_view key) const { return find(key).has_value(); }
  /// Adds or replaces a string key of a dict (a value from another heap is copied in; tensors share storages).
  Value& set(std::string_view key, const Value& value);
  Value& append(const Value& value);  // of a list

  /// "argparse.Namespace" of an object, "collections.OrderedDict", "dict", "int", …: the Python type's name.
  std::string type_name() const;

  const std::shared_ptr<object::Heap>& heap() const noexcept { return heap_; }
  object::Ref ref() const noexcept { return ref_; }

 private:
  std::shared_ptr<object::Heap> heap_;  // null for immediates
  object::Ref ref_;
};

}  // namespace flambeau
