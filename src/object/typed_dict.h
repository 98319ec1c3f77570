#pragma once
// Structs as dicts: a struct lists its members with their keys once, and that list reads them, writes them and tells
// what has changed.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <flambeau/number.h>
#include <flambeau/object.h>
#include <flambeau/tensor.h>

namespace flambeau::object {

/// Reads members: an absent key leaves the member as it is, a value of another type throws Error(type) with the key.
class DictReader {
 public:
  DictReader(std::shared_ptr<Heap> heap, const Dict& dict) : heap_(std::move(heap)), dict_(dict) {}

  template <class T>
  void operator()(std::string_view key, T& member) {
    key_ = key;
    if (const auto ref = get(dict_, key)) decode(*ref, member);
  }
  /// A count that optimizers keep as a tensor (or an int).
  void step(std::string_view key, double& member);
  /// A collections.Counter as its elements.
  void counter(std::string_view key, std::vector<std::int64_t>& member);
  /// A list of dicts.
  template <class T>
  void records(std::string_view key, std::vector<T>& members) {
    key_ = key;
    const auto ref = get(dict_, key);
    if (!ref) return;
    members.clear();
    for (const Ref item : items(*ref)) {
      DictReader reader(heap_, dict(item));
      visit(reader, members.emplace_back());
    }
  }

 private:
  [[noreturn]] void wrong_type(Ref ref, std::string_view expected) const;
  const std::vector<Ref>& items(Ref list) const;
  const Dict& dict(Ref ref) const;

  void decode(Ref ref, bool& value) const;
  void decode(Ref ref, std::int64_t& value) const;
  void decode(Ref ref, Number& value) const;
  void decode(Ref ref, std::string& value) const;
  void decode(Ref ref, Tensor& value) const;  // None is an undefined tensor
  void decode(Ref ref, Value& value) const { value = Value(heap_, ref); }
  void decode(Ref ref, std::array<Number, 2>& pair) const;
  template <class T>
  void decode(Ref ref, std::optional<T>& value) const {
    if (ref.is_none())
      value.reset();
    else
      decode(ref, value.emplace(T{0}));
  }
  template <class T>
  void decode(Ref ref, std::vector<T>& list) const {
    list.clear();
    for (const Ref item : items(ref)) {
      if constexpr (std::is_same_v<T, Number>)
        list.emplace_back(0);
      else
        list.emplace_back();
      decode(item, list.back());
    }
  }

  std::shared_ptr<Heap> heap_;
  const Dict& dict_;
  std::string_view key_{};
};

/// Writes members; an entry that holds the same already stays the object that it is. New keys go to the end, but
/// before `params`.
class DictWriter {
 public:
  DictWriter(std::shared_ptr<Heap> heap, Dict& dict) : heap_(std::move(heap)), dict_(dict) {}

  template <class T>
  void operator()(std::string_view key, const T& member) {
    if (!holds(key, member, [&](DictReader& reader, T& now) { reader(key, now); })) put(key, encode(member));
  }
  void operator()(std::string_view key, const Tensor& member);
  void step(std::string_view key, double member);
  void counter(std::string_view key, const std::vector<std::int64_t>& member);
  template <class T>
  void records(std::string_view key, const std::vector<T>& members) {
    const auto known = get(dict_, key);
    const auto* list = known ? as<Sequence>(*known) : nullptr;
    std::vector<Ref> refs;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const bool there = list && i < list->items.size() && as<Dict>(list->items[i]);
      refs.push_back(there ? list->items[i] : heap_->dict());
      DictWriter writer(heap_, *as<Dict>(refs.back()));
      visit(writer, members[i]);
    }
    if (!list || list->items != refs) put(key, heap_->list(std::move(refs)));
  }
  void put(std::string_view key, Ref value);

 private:
  /// Whether the dict has the key and what it holds reads as `member`.
  template <class T>
  bool holds(std::string_view key, const T& member, auto read) const {
    if (!get(dict_, key)) return false;
    DictReader reader(heap_, dict_);
    T now(member);
    try {
      read(reader, now);
    } catch (const std::exception&) {
      return false;  // of another type
    }
    return same(now, member);
  }
  static bool same(const Number& a, const Number& b) { return a.value == b.value && a.integer == b.integer; }
  static bool same(const Value& a, const Value& b) { return a.heap() == b.heap() && a.ref() == b.ref(); }
  static bool same(const std::array<Number, 2>& a, const std::array<Number, 2>& b) {
    return same(a[0], b[0]) && same(a[1], b[1]);
  }
  template <class T>
  static bool same(const std::optional<T>& a, const std::optional<T>& b) {
    return a && b ? same(*a, *b) : a.has_value() == b.has_value();
  }
  template <class T>
  static bool same(const std::vector<T>& a, const std::vector<T>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!same(a[i], b[i])) return false;
    return true;
  }
  template <class T>
  static bool same(const T& a, const T& b) {
    return a == b;
  }

  Ref encode(bool value) const { return Ref::boolean(value); }
  Ref encode(std::int64_t value) const { return heap_->integer(value); }
  Ref encode(const Number& value) const;
  Ref encode(const std::string& value) const;
  Ref encode(const Value& value) const;
  Ref encode(const std::array<Number, 2>& pair) const;
  template <class T>
  Ref encode(const std::optional<T>& value) const {
    return value ? encode(*value) : Ref();
  }
  template <class T>
  Ref encode(const std::vector<T>& list) const {
    std::vector<Ref> refs;
    refs.reserve(list.size());
    for (const T& item : list) refs.push_back(encode(item));
    return heap_->list(std::move(refs));
  }

  std::shared_ptr<Heap> heap_;
  Dict& dict_;
};

}  // namespace flambeau::object
