#include "pickle/reader.h"

#include <limits>

#include <flambeau/error.h>

#include "pickle/keys.h"
#include "pickle/machine.h"
#include "pickle/text.h"

namespace flambeau::pickle {
namespace {

constexpr unsigned check_every = 64;  // instructions; each takes little that was not charged before

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
  try {
    unsigned until_check = check_every;
    for (Op op; (op = stream_.next_op(now_)) != Op::STOP;) {
      step(op);
      if (--until_check > 0) continue;
      check_limits();
      until_check = check_every;
    }
  } catch (const Error& error) {
    // Callers cut what they give us there.
    if (error.code() == ErrorCode::truncated && stream_.size() == limits_.max_pickle_bytes) too_long();
    // `meaning` and the heap do not know where we are.
    throw error.at(Place{.offset = now_.offset});
  }
  const Ref root = take();
  seal();
  check_limits();
  for (auto* items : dicts_) remove_duplicate_keys(*items);
  return {root, stream_.position(), protocol_seen_ ? protocol_ : unstated_protocol()};
}

// What a stream without PROTO is: it begins again, as that is rare.
int Machine::unstated_protocol() const {
  Stream stream(stream_.bytes());
  Instruction now;
  do stream.next(now);
  while (now.opcode->op != Op::STOP && now.opcode->protocol == 0);
  return now.opcode->protocol > 0 ? 1 : 0;
}

// `index` may come from the stream: it must not make the memo larger than the stream can fill.
inline void Machine::put(std::uint64_t index) {
  place(1);
  if (index > stream_.size() || memo_.size() >= limits_.max_memo) [[unlikely]]
    refuse_put(index);
  memo_.put(index, stack_.top());
}

inline void Machine::get(std::uint64_t index) {
  const Ref* const value = memo_.get(index);
  if (!value) [[unlikely]]
    refuse_get(index);
  push(*value);
}

inline void Machine::mark() {
  if (stack_.size() > std::numeric_limits<std::uint32_t>::max()) [[unlikely]]
    fail(ErrorCode::limit, "2^32 values on the stack");
  fence_ = stack_.size();
  marks_.push_back(static_cast<std::uint32_t>(fence_));
}

/// The argument of an instruction whose opcode is known when this is compiled.
template <Op op>
inline const Instruction& Machine::argument() {
  stream_.argument(op, now_);
  return now_;
}

// Most of every state_dict: one jump finds what to do and how to read its argument.
inline void Machine::step(Op op) {
  switch (op) {
    case Op::MARK:
      return mark();
    case Op::BINPUT:
      return put(static_cast<std::uint64_t>(argument<Op::BINPUT>().number));
    case Op::LONG_BINPUT:
      return put(static_cast<std::uint64_t>(argument<Op::LONG_BINPUT>().number));
    case Op::MEMOIZE:
      return put(memo_.size());
    case Op::BINGET:
      return get(static_cast<std::uint64_t>(argument<Op::BINGET>().number));
    case Op::LONG_BINGET:
      return get(static_cast<std::uint64_t>(argument<Op::LONG_BINGET>().number));
    case Op::NEWTRUE:
      return push(Ref::boolean(true));
    case Op::NEWFALSE:
      return push(Ref::boolean(false));
    case Op::BININT1:
      return push(Ref::integer(argument<Op::BININT1>().number));
    case Op::BININT2:
      return push(Ref::integer(argument<Op::BININT2>().number));
    case Op::BININT:
      return push(Ref::integer(argument<Op::BININT>().number));
    case Op::SHORT_BINUNICODE:
      return push(text(argument<Op::SHORT_BINUNICODE>().bytes));
    case Op::BINUNICODE:
      return push(text(argument<Op::BINUNICODE>().bytes));
    case Op::TUPLE:
      return tuple(take_mark());
    case Op::TUPLE1:
      return tuple(place(1));
    case Op::TUPLE2:
      return tuple(place(2));
    case Op::TUPLE3:
      return tuple(place(3));
    case Op::EMPTY_TUPLE:
      return push(heap_.tuple({}));
    case Op::EMPTY_DICT:
      return push(heap_.dict());
    case Op::SETITEM:
      return set_items(place(3), stack_.size() - 2);
    case Op::BINPERSID:
      seal();
      return push(persistent(take()));
    case Op::REDUCE: {
      seal();
      const Ref args = take(), callable = take();
      return push(call(callable, args));
    }
    default:
      return rare(op);
  }
}

void Machine::rare(Op op) {
  stream_.argument(op, now_);
  switch (op) {
    // The stack and the memo.
    case Op::POP:
      return pop();
    case Op::POP_MARK:
      return stack_.truncate(take_mark());
    case Op::DUP:
      return push(stack_[place(1)]);
    case Op::READONLY_BUFFER:
      place(1);
      return;
    case Op::PUT:
      return put(memo_index());
    case Op::GET:
      return get(memo_index());

    // Numbers.
    case Op::NONE:
      return push(Ref());
    case Op::LONG1:
    case Op::LONG4:
      return push(integer(now_.bytes));
    case Op::INT:
      return push(decimal_line(false));
    case Op::LONG:
      return push(decimal_line(true));
    case Op::BINFLOAT:
      return push(heap_.floating(now_.float8()));
    case Op::FLOAT:
      return push(float_line());

    // Texts and bytes.
    case Op::STRING:
      return push(quoted_line());
    case Op::BINSTRING:
    case Op::SHORT_BINSTRING:
      return push(python2_string(now_.bytes));
    case Op::UNICODE:
      return push(unicode_line());
    case Op::BINUNICODE8:
      return push(text(now_.bytes));
    case Op::SHORT_BINBYTES:
    case Op::BINBYTES:
    case Op::BINBYTES8:
      return push(fresh_bytes(now_.bytes));
    case Op::BYTEARRAY8:
      return push(heap_.bytearray(now_.bytes));

    // Containers.
    case Op::EMPTY_LIST:
      return push(heap_.list());
    case Op::EMPTY_SET:
      return push(heap_.set({}));
    case Op::LIST:
      return list_from_mark();
    case Op::DICT:
      return dict_from_mark();
    case Op::FROZENSET:
      return frozenset_from_mark();
    case Op::APPEND:
      return append_to(place(2), stack_.size() - 1);
    case Op::APPENDS: {
      const std::size_t from = take_mark(1);
      return append_to(from - 1, from);
    }
    case Op::SETITEMS: {
      const std::size_t from = take_mark(1);
      return set_items(from - 1, from);
    }
    case Op::ADDITEMS: {
      const std::size_t from = take_mark(1);
      return add_items(from - 1, from);
    }

    case Op::PROTO:
      return protocol();
    case Op::FRAME:
      return;
    default:
      seal();
      global_or_call(op);
  }
}

void Machine::protocol() {
  if (now_.number > last_protocol)
    fail(ErrorCode::unsupported,
         "protocol " + std::to_string(now_.number) + ", the last one known is " + std::to_string(last_protocol));
  protocol_ = static_cast<int>(now_.number);
  protocol_seen_ = true;
}

object::Ref Machine::text(std::string_view bytes) {
  if (!is_python_text(bytes)) corrupt("a string that is no UTF-8");
  return heap_.string(bytes);
}

void Machine::refuse_put(std::uint64_t index) const {
  if (index > stream_.size())
    corrupt("memo index " + std::to_string(index) + " in a stream of " + std::to_string(stream_.size()) + " bytes");
  fail(ErrorCode::limit, "more memo slots than max_memo, " + std::to_string(limits_.max_memo));
}

void Machine::refuse_get(std::uint64_t index) const {
  corrupt("memo slot " + std::to_string(index) + " was never filled, " + std::to_string(memo_.size()) + " are");
}

std::uint64_t Machine::memo_index() const {
  const auto bytes = parse_decimal(now_.bytes);
  const auto index = bytes ? to_int64(*bytes) : std::nullopt;
  if (!index || *index < 0) corrupt("not a memo index");
  return static_cast<std::uint64_t>(*index);
}

void Machine::pop() {
  if (!marks_.empty() && marks_.back() == stack_.size())
    take_mark();
  else
    take();
}

void Machine::too_few(std::size_t depth) const {
  corrupt(std::to_string(depth) + " values needed, " + std::to_string(stack_.size() - fence()) +
          (marks_.empty() ? " on the stack" : " above the mark"));
}

std::size_t Machine::take_mark(std::size_t below) {
  if (marks_.empty()) corrupt("no mark on the stack");
  const std::size_t from = fence_;
  marks_.pop_back();
  fence_ = marks_.empty() ? 0 : marks_.back();
  if (from - fence() < below) corrupt("nothing below the mark");
  return from;
}

std::uint64_t Machine::memory() const noexcept {
  return heap_.memory() - first_memory_ + stack_.memory() + open_items_.memory() + memo_.memory() + grown_ +
         marks_.capacity() * sizeof(decltype(marks_)::value_type) + dicts_.capacity() * sizeof(void*);
}

void Machine::check_memory(std::uint64_t bytes, std::uint64_t released) const {
  const std::uint64_t allowed = allowance_.base + allowance_.factor * stream_.position();
  const std::uint64_t needed = memory() - released + bytes;
  if (needed > allowed)
    fail(ErrorCode::limit, "the values take " + std::to_string(needed) + " bytes, " + std::to_string(allowed) +
                               " are allowed for " + std::to_string(stream_.position()) + " bytes of pickle");
}

void Machine::check_limits() const {
  check_memory(0, 0);
  if (heap_.size() - first_object_ > limits_.max_objects)
    fail(ErrorCode::limit, "more values than max_objects, " + std::to_string(limits_.max_objects));
  if (stream_.position() > limits_.max_pickle_bytes) too_long();
}

void Machine::too_long() const {
  throw Error(ErrorCode::limit, "a pickle longer than max_pickle_bytes, " + std::to_string(limits_.max_pickle_bytes),
              Place{.offset = now_.offset});
}

void Machine::fail(ErrorCode code, const std::string& what) const {
  throw Error(code, std::string(stream_.opcode_at(now_.offset).name) + ": " + what, Place{.offset = now_.offset});
}

Result read(std::span<const std::byte> stream, object::Heap& heap, Meaning& meaning, const Limits& limits,
            Allowance allowance) {
  return Machine(stream, heap, meaning, limits, allowance).run();
}

}  // namespace flambeau::pickle
