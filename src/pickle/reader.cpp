#include "pickle/reader.h"

#include <bit>
#include <cstring>
#include <limits>

#include <flambeau/error.h>

#include "base/utf8.h"
#include "pickle/keys.h"
#include "pickle/machine.h"
#include "pickle/text.h"

namespace flambeau::pickle {
namespace {

constexpr int last_protocol = 5;
constexpr std::uint64_t check_every = 64;  // instructions; each takes little that was not charged before

double big_endian_double(std::string_view bytes) noexcept {
  std::uint64_t bits = 0;
  for (const char c : bytes) bits = bits << 8 | static_cast<unsigned char>(c);
  return std::bit_cast<double>(bits);
}

}  // namespace

Machine::Machine(std::span<const std::byte> stream, object::Heap& heap, Meaning& meaning, const Limits& limits,
                 Allowance allowance)
    : stream_(stream),
      heap_(heap),
      meaning_(meaning),
      limits_(limits),
      allowance_(allowance),
      first_object_(heap.size()),
      first_memory_(heap.memory()) {}

Result Machine::run() {
  for (std::uint64_t count = 1;; ++count) {
    now_ = stream_.next();
    if (now_.opcode->op == Op::STOP) break;
    try {
      step();
      if (count % check_every == 0) check_limits();
    } catch (const Error& error) {  // of `meaning` or the heap: they do not know where we are
      throw error.at(Place{.offset = now_.offset});
    }
  }
  const Ref root = take();
  seal();
  check_limits();
  for (auto* items : dicts_) remove_duplicate_keys(*items);
  return {root, stream_.position(), protocol_seen_ ? protocol_ : binary_ ? 1 : 0};
}

void Machine::step() {
  binary_ |= now_.opcode->protocol > 0;
  if (stack_or_memo() || scalar() || sequence()) return;  // by their frequency in a state_dict
  seal();
  switch (now_.opcode->op) {
    case Op::GLOBAL:
      push(global(now_.bytes, now_.second));
      break;
    case Op::STACK_GLOBAL: {
      const Ref name = take(), module = take();
      const auto module_text = object::text(module), name_text = object::text(name);
      if (!module_text || !name_text) corrupt("module and name must be strings");
      push(global(*module_text, *name_text));
      break;
    }
    case Op::PERSID:
      push(persistent(text(now_.bytes)));
      break;
    case Op::BINPERSID:
      push(persistent(take()));
      break;
    case Op::REDUCE: {
      const Ref args = take(), callable = take();
      push(call(callable, args));
      break;
    }
    case Op::NEWOBJ: {
      const Ref args = take(), cls = take();
      push(new_object(cls, args));
      break;
    }
    case Op::NEWOBJ_EX: {
      const Ref keywords = take(), args = take(), cls = take();
      push(new_object_with_keywords(cls, args, keywords));
      break;
    }
    case Op::INST: {
      const std::size_t from = take_mark();
      const Ref cls = global(now_.bytes, now_.second);
      std::vector<Ref> args;
      extend(args, from);
      push(instantiate(cls, std::move(args)));
      break;
    }
    case Op::OBJ: {
      const std::size_t from = take_mark();
      if (stack_.size() == from) corrupt("no class above the mark");
      const Ref cls = stack_[from];
      std::vector<Ref> args;
      extend(args, from + 1);
      stack_.pop();
      push(instantiate(cls, std::move(args)));
      break;
    }
    case Op::BUILD: {
      const Ref state = take();
      build(stack_[place(1)], state);
      break;
    }
    case Op::EXT1:
    case Op::EXT2:
    case Op::EXT4:
      fail(ErrorCode::unsupported, "extension code " + std::to_string(now_.number));
    case Op::NEXT_BUFFER:
      fail(ErrorCode::unsupported, "an out-of-band buffer");
    default:
      corrupt("unexpected");
  }
}

bool Machine::scalar() {
  switch (now_.opcode->op) {
    case Op::PROTO:
      if (now_.number > last_protocol)
        fail(ErrorCode::unsupported, "protocol " + std::to_string(now_.number) + ", the last one known is 5");
      protocol_ = static_cast<int>(now_.number);
      protocol_seen_ = true;
      return true;
    case Op::FRAME:
      return true;
    case Op::NONE:
      push(Ref());
      return true;
    case Op::NEWTRUE:
      push(Ref::boolean(true));
      return true;
    case Op::NEWFALSE:
      push(Ref::boolean(false));
      return true;
    case Op::BININT:
    case Op::BININT1:
    case Op::BININT2:
      push(Ref::integer(now_.number));
      return true;
    case Op::LONG1:
    case Op::LONG4:
      push(integer(now_.bytes));
      return true;
    case Op::INT:
      push(decimal_line(false));
      return true;
    case Op::LONG:
      push(decimal_line(true));
      return true;
    case Op::BINFLOAT:
      push(heap_.floating(big_endian_double(now_.bytes)));
      return true;
    case Op::FLOAT: {
      const auto value = parse_float(now_.bytes);
      if (!value) corrupt("not a float");
      push(heap_.floating(*value));
      return true;
    }
    case Op::STRING: {
      const auto bytes = parse_quoted(now_.bytes);
      if (!bytes) corrupt("not a quoted string");
      push(python2_string(*bytes));
      return true;
    }
    case Op::BINSTRING:
    case Op::SHORT_BINSTRING:
      push(python2_string(now_.bytes));
      return true;
    case Op::UNICODE: {
      const auto utf8 = parse_raw_unicode(now_.bytes);
      if (!utf8) corrupt("a broken escape");
      push(heap_.string(*utf8));
      return true;
    }
    case Op::SHORT_BINUNICODE:
    case Op::BINUNICODE:
    case Op::BINUNICODE8:
      push(text(now_.bytes));
      return true;
    case Op::SHORT_BINBYTES:
    case Op::BINBYTES:
    case Op::BINBYTES8:
      push(fresh_bytes(now_.bytes));
      return true;
    case Op::BYTEARRAY8:
      push(heap_.bytearray(now_.bytes));
      return true;
    default:
      return false;
  }
}

bool Machine::sequence() {
  switch (now_.opcode->op) {
    case Op::EMPTY_TUPLE:
      push(heap_.tuple({}));
      return true;
    case Op::EMPTY_LIST:
      push(heap_.list());
      return true;
    case Op::EMPTY_DICT:
      push(heap_.dict());
      return true;
    case Op::EMPTY_SET:
      push(heap_.set({}));
      return true;
    case Op::TUPLE:
      tuple(take_mark());
      return true;
    case Op::TUPLE1:
      tuple(place(1));
      return true;
    case Op::TUPLE2:
      tuple(place(2));
      return true;
    case Op::TUPLE3:
      tuple(place(3));
      return true;
    case Op::LIST:
      list_from_mark();
      return true;
    case Op::DICT:
      dict_from_mark();
      return true;
    case Op::FROZENSET:
      frozenset_from_mark();
      return true;
    case Op::APPEND:
      append_to(place(2), stack_.size() - 1);
      return true;
    case Op::SETITEM:
      set_items(place(3), stack_.size() - 2);
      return true;
    case Op::APPENDS:
    case Op::SETITEMS:
    case Op::ADDITEMS: {
      const std::size_t from = take_mark(1);
      if (now_.opcode->op == Op::APPENDS)
        append_to(from - 1, from);
      else if (now_.opcode->op == Op::SETITEMS)
        set_items(from - 1, from);
      else
        add_items(from - 1, from);
      return true;
    }
    default:
      return false;
  }
}

bool Machine::stack_or_memo() {
  switch (now_.opcode->op) {
    case Op::MARK:
      if (stack_.size() > std::numeric_limits<std::uint32_t>::max()) fail(ErrorCode::limit, "2^32 values on the stack");
      marks_.push_back(static_cast<std::uint32_t>(stack_.size()));
      return true;
    case Op::POP:
      pop();
      return true;
    case Op::POP_MARK:
      stack_.truncate(take_mark());
      return true;
    case Op::DUP:
      push(stack_[place(1)]);
      return true;
    case Op::READONLY_BUFFER:
      place(1);
      return true;
    case Op::BINPUT:
    case Op::LONG_BINPUT:
      put(static_cast<std::uint64_t>(now_.number));
      return true;
    case Op::MEMOIZE:
      put(memo_.size());
      return true;
    case Op::PUT:
      put(memo_index());
      return true;
    case Op::BINGET:
    case Op::LONG_BINGET:
      get(static_cast<std::uint64_t>(now_.number));
      return true;
    case Op::GET:
      get(memo_index());
      return true;
    default:
      return false;
  }
}

object::Ref Machine::integer(std::string_view twos_complement) {
  if (twos_complement.size() > limits_.max_integer_bytes)
    fail(ErrorCode::limit, "an integer of " + std::to_string(twos_complement.size()) + " bytes, max_integer_bytes is " +
                               std::to_string(limits_.max_integer_bytes));
  if (const auto small = to_int64(twos_complement)) return heap_.integer(*small);
  return heap_.big_integer(std::string(shortest(twos_complement)));
}

object::Ref Machine::decimal_line(bool long_form) {
  std::string_view digits = now_.bytes;
  if (!long_form && (digits == "00" || digits == "01")) return Ref::boolean(digits == "01");
  if (long_form && digits.ends_with('L')) digits.remove_suffix(1);
  const auto value = parse_decimal(digits);
  if (!value) corrupt("not an integer of at most 4300 digits");
  return integer(*value);
}

// Python 2's str: text where it can be, as torch.load takes it.
object::Ref Machine::python2_string(std::string_view bytes) {
  return base::is_utf8(bytes) ? heap_.string(bytes) : heap_.bytes(bytes);
}

// CPython reads into a new object even for one byte, which is otherwise one object per value.
object::Ref Machine::fresh_bytes(std::string_view bytes) {
  if (bytes.size() != 1) return heap_.bytes(bytes);
  const Ref made = heap_.bytearray(bytes);
  made.node()->kind = Kind::bytes;
  return made;
}

object::Ref Machine::text(std::string_view bytes) {
  if (!is_python_text(bytes)) corrupt("a string that is no UTF-8");
  return heap_.string(bytes);
}

void Machine::put(std::uint64_t index) {
  const Ref value = stack_[place(1)];
  if (index > stream_.size())
    corrupt("memo index " + std::to_string(index) + " in a stream of " + std::to_string(stream_.size()) + " bytes");
  if (memo_.size() >= limits_.max_memo)
    fail(ErrorCode::limit, "more memo slots than max_memo, " + std::to_string(limits_.max_memo));
  memo_.put(index, value);
}

void Machine::get(std::uint64_t index) {
  const auto value = memo_.get(index);
  if (!value)
    corrupt("memo slot " + std::to_string(index) + " was never filled, " + std::to_string(memo_.size()) + " are");
  push(*value);
}

std::uint64_t Machine::memo_index() const {
  const auto bytes = parse_decimal(now_.bytes);
  const auto index = bytes ? to_int64(*bytes) : std::nullopt;
  if (!index || *index < 0) corrupt("not a memo index");
  return static_cast<std::uint64_t>(*index);
}

void Machine::pop() {
  if (!marks_.empty() && marks_.back() == stack_.size())
    marks_.pop_back();
  else
    take();
}

std::size_t Machine::place(std::size_t depth) {
  if (stack_.size() - fence() < depth)
    corrupt(std::to_string(depth) + " values needed, " + std::to_string(stack_.size() - fence()) +
            (marks_.empty() ? " on the stack" : " above the mark"));
  return stack_.size() - depth;
}

std::size_t Machine::take_mark(std::size_t below) {
  if (marks_.empty()) corrupt("no mark on the stack");
  const std::size_t from = marks_.back();
  marks_.pop_back();
  if (from - fence() < below) corrupt("nothing below the mark");
  return from;
}

std::uint64_t Machine::memory() const noexcept {
  return heap_.memory() - first_memory_ + stack_.memory() + open_items_.memory() + memo_.memory() + grown_ +
         marks_.capacity() * sizeof(decltype(marks_)::value_type) + dicts_.capacity() * sizeof(void*);
}

void Machine::charge(std::uint64_t bytes, std::uint64_t released) const {
  const std::uint64_t allowed = allowance_.base + allowance_.factor * stream_.position();
  const std::uint64_t needed = memory() - released + bytes;
  if (needed > allowed)
    fail(ErrorCode::limit, "the values take " + std::to_string(needed) + " bytes, " + std::to_string(allowed) +
                               " are allowed for " + std::to_string(stream_.position()) + " bytes of pickle");
}

void Machine::check_limits() const {
  charge(0);
  if (heap_.size() - first_object_ > limits_.max_objects)
    fail(ErrorCode::limit, "more values than max_objects, " + std::to_string(limits_.max_objects));
  if (stream_.position() > limits_.max_pickle_bytes)
    fail(ErrorCode::limit, "a pickle longer than max_pickle_bytes, " + std::to_string(limits_.max_pickle_bytes));
}

void Machine::fail(ErrorCode code, const std::string& what) const {
  throw Error(code, std::string(now_.opcode->name) + ": " + what, Place{.offset = now_.offset});
}

Result read(std::span<const std::byte> stream, object::Heap& heap, Meaning& meaning, const Limits& limits,
            Allowance allowance) {
  return Machine(stream, heap, meaning, limits, allowance).run();
}

}  // namespace flambeau::pickle
