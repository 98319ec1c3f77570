// Lists, dicts, sets and tuples: making them and adding to them.

#include <algorithm>

#include <flambeau/error.h>

#include "object/names.h"
#include "pickle/machine.h"

namespace flambeau::pickle {

using object::as;
using object::Pair;

namespace {

constexpr std::size_t long_list = 1u << 16;

}  // namespace

// Room for `count` more elements; the stack gives `released` bytes back as they move.
template <class T>
void Machine::make_room(std::vector<T>& items, std::size_t count, std::uint64_t released) {
  const std::size_t needed = items.size() + count, old = items.capacity();
  if (needed <= old) return;
  const bool large = old > long_list;
  const std::size_t capacity = std::max(needed, large ? old + old / 8 : old + old / 2);
  charge(capacity * sizeof(T), released);
  items.reserve(capacity);
  grown_ += (capacity - old) * sizeof(T) + (old == 0 ? 16 : 0);
}

template void Machine::make_room(std::vector<Pair>&, std::size_t, std::uint64_t);

void Machine::extend(std::vector<Ref>& items, std::size_t from) {
  const std::size_t count = stack_.size() - from;
  make_room(items, count, count * sizeof(Ref));
  stack_.move_to(from, items);
}

void Machine::extend(std::vector<Pair>& items, std::size_t from) {
  const std::size_t count = (stack_.size() - from) / 2;
  make_room(items, count, count * sizeof(Pair));
  stack_.move_to(from, items);
}

// Moves the waiting items into their list; before anything looks at it.
void Machine::close_list() {
  make_room(open_list_->items, open_items_.size(), open_items_.size() * sizeof(Ref));
  open_items_.move_to(0, open_list_->items);
  open_list_ = nullptr;
}

void Machine::append_to(std::size_t target, std::size_t from) {
  const Ref list = stack_[target];
  if (auto* sequence = as<object::Sequence>(list); sequence && list.kind() == Kind::list) {
    const std::size_t room = sequence->items.capacity() - sequence->items.size();
    if (open_list_ != sequence && (sequence->items.size() < long_list || stack_.size() - from <= room)) {
      extend(sequence->items, from);
      return;
    }
    if (open_list_ != sequence) seal();
    open_list_ = sequence;
    stack_.move_to(from, open_items_);
  } else if (auto* object = as<object::Object>(list)) {
    extend(object->list_items, from);
  } else {
    corrupt("items for a " + object::type_name(list));
  }
}

void Machine::set_items(std::size_t target, std::size_t from) {
  const Ref dict = stack_[target];
  if ((stack_.size() - from) % 2 != 0) corrupt(std::to_string(stack_.size() - from) + " keys and values");
  if (auto* plain = as<object::Dict>(dict)) {
    if (plain->items.empty() && stack_.size() > from) dicts_.push_back(&plain->items);
    extend(plain->items, from);
  } else if (auto* object = as<object::Object>(dict)) {
    extend(object->dict_items, from);
  } else {
    corrupt("keys and values for a " + object::type_name(dict));
  }
}

void Machine::add_items(std::size_t target, std::size_t from) {
  const Ref set = stack_[target];
  if (set.kind() != Kind::set) corrupt("items for a " + object::type_name(set));
  extend(as<object::Sequence>(set)->items, from);
}

void Machine::tuple(std::size_t from) {
  const std::size_t count = stack_.size() - from;
  charge(count * sizeof(Ref), count * sizeof(Ref));
  push(heap_.tuple(stack_.take(from)));
}

void Machine::list_from_mark() {
  const std::size_t from = take_mark();
  const Ref list = heap_.list();
  extend(as<object::Sequence>(list)->items, from);
  push(list);
}

void Machine::dict_from_mark() {
  const std::size_t from = take_mark();
  const Ref dict = heap_.dict();
  if ((stack_.size() - from) % 2 != 0) corrupt(std::to_string(stack_.size() - from) + " keys and values");
  auto& items = as<object::Dict>(dict)->items;
  extend(items, from);
  if (!items.empty()) dicts_.push_back(&items);
  push(dict);
}

void Machine::frozenset_from_mark() {
  const std::size_t from = take_mark();
  const Ref set = heap_.set({}, true);
  extend(as<object::Sequence>(set)->items, from);
  push(set);
}

}  // namespace flambeau::pickle
