#pragma once
/// Python attributes of modules: their types (an int or a tuple, an int or a float, as the user gave them), their text
/// as Python prints it, and the visitor that lists them for whole-model pickles.

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <flambeau/number.h>
#include <flambeau/object.h>

namespace flambeau::nn {

/// Python's None inside a Size: `AdaptiveAvgPool2d(Size{1, none})`.
inline constexpr std::int64_t none = std::numeric_limits<std::int64_t>::min();

/// An int, or a tuple (list, torch.Size) of ints, as Python holds it. `Size s = 3` is the int 3; `Size s = {3, 3}` a
/// tuple. Copies of a tuple are the same Python object, as where Python passes one on: pickles then write it once.
class Size {
 public:
  enum class Kind : std::uint8_t { integer, tuple, list, torch_size };

  template <std::integral I>
  Size(I value) : values_{static_cast<std::int64_t>(value)} {}
  Size(std::initializer_list<std::int64_t> values) : Size(Shape(values), Kind::tuple) {}
  explicit Size(Shape values, Kind kind = Kind::tuple) : Size(std::move(values), kind, fresh_identity()) {}
  Size(Shape values, Kind kind, std::uint64_t identity, std::vector<std::string_view> numpy = {})
      : values_(std::move(values)), kind_(kind), identity_(identity), numpy_(std::move(numpy)) {}

  bool is_int() const noexcept { return kind_ == Kind::integer; }
  Kind kind() const noexcept { return kind_; }
  /// The one int, or the tuple's items.
  const Shape& values() const noexcept { return values_; }
  /// Of dimension `i`: an int counts for every dimension. Throws Error(invalid_argument) beyond the tuple.
  std::int64_t operator[](std::size_t i) const;
  /// One value per dimension; throws Error(invalid_argument) if it is a tuple of another length.
  Shape expand(std::size_t dims) const;
  /// Python's _ntuple: an int becomes a new tuple of `dims` times it, a tuple stays itself.
  Size tuple(std::size_t dims) const;
  /// Which Python object a tuple is.
  std::uint64_t identity() const noexcept { return identity_; }
  /// "int64" where item `i` of a file's tuple is a scalar of numpy, which prints as np.int64(3); else empty.
  std::string_view numpy_type(std::size_t i) const noexcept { return i < numpy_.size() ? numpy_[i] : ""; }
  /// Number for a tuple that Python would make anew.
  static std::uint64_t fresh_identity() noexcept;
  friend bool operator==(const Size& a, const Size& b) { return a.kind_ == b.kind_ && a.values_ == b.values_; }

 private:
  Shape values_;
  Kind kind_ = Kind::integer;
  std::uint64_t identity_ = 0;
  std::vector<std::string_view> numpy_{};
};
using Size1 = Size;
using Size2 = Size;
using Size3 = Size;

/// A convolution's padding: numbers, or "same" or "valid".
class Padding : public Size {
 public:
  using Size::Size;
  Padding(const Size& size) : Size(size) {}
  Padding(const char* mode) : Size(0), mode_(mode) {}
  Padding(std::string mode) : Size(0), mode_(std::move(mode)) {}
  /// Empty where numbers were given.
  const std::string& mode() const noexcept { return mode_; }
  friend bool operator==(const Padding&, const Padding&) = default;

 private:
  std::string mode_{};
};

/// An int or a float: `Softplus(beta=1)` prints 1, `Softplus(beta=1.0)` prints 1.0.
using flambeau::Number;

/// A float, or a tuple of floats: Upsample's scale_factor.
struct Floats {
  Floats(double value) : values{value} {}
  Floats(std::initializer_list<double> tuple) : values(tuple), is_tuple(true) {}
  std::vector<double> values;
  bool is_tuple = false;
  friend bool operator==(const Floats&, const Floats&) = default;
};

/// A class or function used as a value: {"torch.nn.functional", "relu"}.
struct Global {
  std::string module, qualname;
  bool empty() const noexcept { return qualname.empty(); }
};

/// Text as Python's repr() gives it: `1e-05`, `True`, `(3, 3)`, `(3,)`, `'mean'`, `None`.
std::string python_repr(bool value);
std::string python_repr(std::int64_t value);
std::string python_repr(double value);
std::string python_repr(Number value);
std::string python_repr(const Size& value);
std::string python_repr(const Floats& value);
std::string python_repr(std::string_view text);
inline std::string python_repr(const char* text) { return python_repr(std::string_view(text)); }
inline std::string python_repr(const std::string& text) { return python_repr(std::string_view(text)); }
template <class T>
std::string python_repr(const std::optional<T>& value) {
  return value ? python_repr(*value) : "None";
}
/// The shape as Python prints a torch.Size used as a tuple: "(3, 4)".
std::string python_repr(const Shape& tuple);

/// Lists a module's attributes in the order of its `__dict__`; writes them into a dict or reads them from one.
/// Reading: an absent attribute leaves the member as it is; one of another type throws Error(type) with its name.
/// Attributes that no member takes are kept (see Module::attributes), and so is what members hold in another type:
/// numpy's scalars, True for 1.
class Fields {
 public:
  /// Appends to `items`; equal identities of Size become one object.
  Fields(object::Heap& heap, std::vector<object::Pair>& items) : heap_(&heap), items_(&items) {}
  /// Reads `dict`; `heap` keeps values that are held as Value.
  Fields(std::shared_ptr<object::Heap> heap, const object::Dict& dict);

  bool writing() const noexcept { return items_ != nullptr; }

  template <class T>
  void operator()(std::string_view name, T& value) {
    if (writing()) {
      items_->emplace_back(heap_->interned(name), written(name, value));
    } else if (const auto ref = take(name)) {
      name_ = name;
      converted_ = false;
      decode(*ref, value);
      if (converted_ && as_read_) as_read_->emplace_back(name, Value(shared_heap_, *ref));
    }
  }
  /// Written only while `present`; reading sets `present`.
  template <class T>
  void operator()(std::string_view name, T& value, bool& present) {
    if (!writing()) present = find(name).has_value();
    if (present) (*this)(name, value);
  }
  /// An attribute with a fixed or derived value: written, skipped when read.
  template <class T>
  void derived(std::string_view name, const T& value) {
    if (writing()) {
      items_->emplace_back(heap_->interned(name), encode(value));
    } else {
      take(name);
    }
  }
  /// A class or function, or what was made of one (functools.partial), which goes to `other`.
  void callable(std::string_view name, Global& global, Value& other);
  /// For values that no member can hold: the heap to make them in, and the object under a name when reading.
  object::Heap& heap() noexcept { return *heap_; }
  void write(std::string_view name, object::Ref ref) { items_->emplace_back(heap_->interned(name), ref); }
  /// Marks the attribute as taken.
  std::optional<object::Ref> take(std::string_view name);
  std::optional<object::Ref> find(std::string_view name) const;
  /// Attributes that nothing has taken, in order (reading).
  std::vector<object::Pair> rest() const;
  /// Which tuple, and which node of another heap, is which Python object: shared by the Fields of all modules of one
  /// tree.
  struct Identities {
    std::unordered_map<const object::Node*, object::Ref> copied{};
    std::map<std::uint64_t, object::Ref> written{};
    std::map<std::uint64_t, std::uint64_t> read{};
    std::set<std::string, std::less<>> formatted{};
  };
  void share(Identities& identities) noexcept { identities_ = &identities; }
  /// Values whose type is not the member's, as the file has them: written again while the member still has the value.
  using AsRead = std::vector<std::pair<std::string, Value>>;
  void remember(AsRead& as_read) noexcept { as_read_ = &as_read; }
  /// A name that Python formats anew and then sets as an attribute: the first of its text becomes the interned one.
  object::Ref encode_formatted(const std::string& name);
  /// The object written for the module's own parameter, for attributes that name it once more; None without.
  object::Ref parameter(std::string_view name) const;
  /// The written `_parameters`.
  void set_parameters(object::Ref dict) noexcept { parameters_ = dict; }

  object::Ref encode(bool value) { return object::Ref::boolean(value); }
  object::Ref encode(std::int64_t value) { return heap_->integer(value); }
  object::Ref encode(double value) { return heap_->floating(value); }
  object::Ref encode(Number value);
  object::Ref encode(const Size& value);
  object::Ref encode(const Padding& value);
  object::Ref encode(const Floats& value);
  object::Ref encode(const std::string& value) { return heap_->interned(value); }
  object::Ref encode(const Global& value) { return heap_->global(value.module, value.qualname); }
  object::Ref encode(const std::vector<std::int64_t>& list);
  object::Ref encode(const std::vector<std::string>& list);
  object::Ref encode(const Value& value);
  template <class T>
  object::Ref encode(const std::optional<T>& value) {
    return value ? encode(*value) : object::Ref();
  }

  void decode(object::Ref ref, bool& value);
  void decode(object::Ref ref, std::int64_t& value);
  void decode(object::Ref ref, double& value);
  void decode(object::Ref ref, Number& value);
  void decode(object::Ref ref, Size& value);
  void decode(object::Ref ref, Padding& value);
  void decode(object::Ref ref, Floats& value);
  void decode(object::Ref ref, std::string& value);
  void decode(object::Ref ref, Global& value);
  void decode(object::Ref ref, std::vector<std::int64_t>& list);
  void decode(object::Ref ref, std::vector<std::string>& list);
  void decode(object::Ref ref, Value& value);
  template <class T>
  void decode(object::Ref ref, std::optional<T>& value) {
    if (ref.is_none()) {
      value.reset();
    } else {
      if (!value) value.emplace(T(initial<T>()));
      decode(ref, *value);
    }
  }

 private:
  template <class T>
  static T initial() {
    if constexpr (std::constructible_from<T, int>)
      return T(0);
    else
      return T{};
  }
  [[noreturn]] void wrong_type(object::Ref ref, std::string_view expected) const;
  /// Of Python or numpy; monostate for anything else.
  using AnyNumber = std::variant<std::monostate, bool, std::int64_t, double>;
  AnyNumber number(object::Ref ref);
  std::int64_t decode_item(object::Ref ref);
  template <class T>
  object::Ref written(std::string_view name, const T& value) {
    if constexpr (std::equality_comparable<T>)
      if (const Value* known = as_read(name)) {
        T before = value;
        decode(known->ref(), before);
        if (before == value) return encode(*known);
      }
    return encode(value);
  }
  const Value* as_read(std::string_view name) const noexcept;

  object::Heap* heap_ = nullptr;
  std::vector<object::Pair>* items_ = nullptr;
  std::shared_ptr<object::Heap> shared_heap_{};
  const object::Dict* dict_ = nullptr;
  std::map<std::string_view, std::size_t, std::less<>> index_{};
  std::vector<bool> taken_{};
  std::string_view name_{};
  object::Ref parameters_{};
  AsRead* as_read_ = nullptr;
  bool converted_ = false;  // the last value was of another type than the member
  Identities own_{};
  Identities* identities_ = &own_;
};

}  // namespace flambeau::nn
