#pragma once
// The state of one read: stack, marks, memo, and what each opcode does to them.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pickle/memo.h"
#include "pickle/reader.h"
#include "pickle/ref_stack.h"
#include "pickle/stream.h"

namespace flambeau::pickle {

class Machine {
 public:
  Machine(std::span<const std::byte> stream, object::Heap& heap, Meaning& meaning, const Limits& limits,
          Allowance allowance);
  Result run();

 private:
  using Ref = object::Ref;

  // reader.cpp: the opcodes, the stack and the memo
  void step(Op op);
  void rare(Op op);
  template <Op op>
  const Instruction& argument();
  void protocol();
  int unstated_protocol() const;
  Ref text(std::string_view bytes);
  void put(std::uint64_t index);
  void get(std::uint64_t index);
  [[noreturn]] void refuse_put(std::uint64_t index) const;
  [[noreturn]] void refuse_get(std::uint64_t index) const;
  void mark();
  std::uint64_t memo_index() const;
  void pop();

  // scalars.cpp
  Ref integer(std::string_view twos_complement);
  Ref decimal_line(bool long_form);
  Ref float_line();
  Ref quoted_line();
  Ref unicode_line();
  Ref python2_string(std::string_view bytes);
  Ref fresh_bytes(std::string_view bytes);

  // containers.cpp
  void append_to(std::size_t target, std::size_t from);
  void set_items(std::size_t target, std::size_t from);
  void add_items(std::size_t target, std::size_t from);
  void tuple(std::size_t from);
  void list_from_mark();
  void dict_from_mark();
  void frozenset_from_mark();
  void extend(std::vector<Ref>& items, std::size_t from);
  void extend(std::vector<object::Pair>& items, std::size_t from);
  void seal() {
    if (open_list_) [[unlikely]]
      close_list();
  }
  void close_list();
  template <class T>
  void make_room(std::vector<T>& items, std::size_t count, std::uint64_t released = 0);

  // calls.cpp
  void global_or_call(Op op);
  Ref global(std::string_view module, std::string_view qualname);
  Ref persistent(Ref id);
  Ref call(Ref callable, Ref args);
  std::optional<Ref> call_builtin(std::string_view module, std::string_view qualname, const std::vector<Ref>& args);
  Ref interned_strings(const std::vector<Ref>& args);
  Ref new_object(Ref cls, Ref args);
  Ref new_object_with_keywords(Ref cls, Ref args, Ref keywords);
  Ref instantiate(Ref cls, std::vector<Ref> args);
  Ref ordered_dict(Ref pairs);
  std::optional<Ref> encode_latin1(const std::vector<Ref>& args);
  std::optional<Ref> bytearray(const std::vector<Ref>& args);
  void build(Ref target, Ref state);
  Ref fresh_state(Ref state);
  Ref fresh_dict(const object::Dict& state);
  void merge(Ref& into, Ref state);

  /// Lowest place of the stack that the current opcode may take: just above the topmost mark.
  std::size_t fence() const noexcept { return fence_; }
  /// Takes the topmost mark away; the place of the first value above it. `below` values must lie under it.
  std::size_t take_mark(std::size_t below = 0);
  /// The place `depth` values below the top, which must lie above the fence.
  std::size_t place(std::size_t depth) {
    if (stack_.size() - fence() < depth) [[unlikely]]
      too_few(depth);
    return stack_.size() - depth;
  }
  Ref take() {
    place(1);
    return stack_.pop();
  }
  void push(Ref value) { stack_.push(value); }

  /// Before memory of a size that the stream controls is taken. Throws Error(limit). Little is left to the check that
  /// comes every few instructions.
  void charge(std::uint64_t bytes, std::uint64_t released = 0) const {
    constexpr std::uint64_t little = 1024;
    if (bytes > little) check_memory(bytes, released);
  }
  void check_memory(std::uint64_t bytes, std::uint64_t released) const;
  std::uint64_t memory() const noexcept;
  void check_limits() const;
  [[noreturn]] void too_long() const;
  [[noreturn]] void fail(ErrorCode code, const std::string& what) const;
  [[noreturn]] void too_few(std::size_t depth) const;
  [[noreturn]] void corrupt(const std::string& what) const { fail(ErrorCode::corrupt, what); }

  Stream stream_;
  object::Heap& heap_;
  Meaning& meaning_;
  const Limits& limits_;
  const Allowance allowance_;
  const std::uint64_t first_object_, first_memory_;

  Instruction now_{};
  RefStack stack_{};
  std::vector<std::uint32_t> marks_{};  // sizes of the stack
  std::size_t fence_ = 0;               // the last of them
  Memo memo_{};
  std::vector<std::vector<object::Pair>*> dicts_{};  // with items: their keys are compared at the end
  const object::Global* stranger_ = nullptr;         // last called of those that mean nothing here: many in a row
  std::uint64_t grown_ = 0;                          // bytes of containers that grew after they were made
  // A long list that grows: its further items wait here, so that it need not be copied into ever larger memory.
  object::Sequence* open_list_ = nullptr;
  RefStack open_items_{};
  int protocol_ = 0;
  bool protocol_seen_ = false;
};

}  // namespace flambeau::pickle
