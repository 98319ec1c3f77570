#include "pickle/dis.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <flambeau/error.h>

#include "base/py_repr.h"
#include "pickle/stream.h"
#include "pickle/text.h"

namespace flambeau::pickle {
namespace {

constexpr std::size_t longest_integer = 4096, indent = 4, deepest_indent = 64 * indent, name_column = 10;

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string decimal(std::string_view twos_complement) {
  if (twos_complement.size() <= longest_integer) return to_decimal(twos_complement);
  return "<integer of " + std::to_string(twos_complement.size()) + " bytes>";
}

std::string repr_of(const std::optional<std::string>& text, std::string_view raw) {
  return text ? base::py_repr(std::string_view(*text)) : base::py_bytes_repr(raw);
}

class Disassembler {
 public:
  Disassembler(std::span<const std::byte> bytes, const std::function<void(std::string_view)>& line)
      : stream_(bytes), line_(line) {}

  std::uint64_t run() {
    do show();
    while (now_.opcode->op != Op::STOP);
    line_("highest protocol among opcodes = " + std::to_string(protocol_));
    if (depth_ > 0) report("stack not empty after STOP: " + std::to_string(depth_) + " values");
    if (first_) throw Error(*first_);
    return stream_.position();
  }

 private:
  struct Mark {
    std::uint64_t offset, depth;  // of the stack below it
  };

  void show() {
    try {
      stream_.next(now_);
    } catch (const Error&) {
      if (first_) throw Error(*first_);
      throw;
    }
    const Opcode& opcode = *now_.opcode;
    if (opcode.protocol > protocol_) protocol_ = opcode.protocol;
    std::string offset = std::to_string(now_.offset);
    std::string text = std::string(offset.size() < 5 ? 5 - offset.size() : 0, ' ') + offset + ": ";
    const std::string code = base::py_repr(latin1_to_utf8(std::string(1, static_cast<char>(opcode.op))));
    text += padded(code.substr(1, code.size() - 2), 4) + " " +
            std::string(std::min(indent * marks_.size(), deepest_indent), ' ') + std::string(opcode.name);

    std::uint64_t pops = opcode.pops;
    std::string note = take_mark(pops);
    memo(note);
    const std::string argument = this->argument();
    if (!argument.empty() || !note.empty()) {
      if (opcode.name.size() < name_column) text.append(name_column - opcode.name.size(), ' ');
      if (!argument.empty()) text += " " + argument;
      if (!note.empty()) text += " " + note;
    }
    line_(text);
    stack(pops);
  }

  // The note on a mark that this opcode takes.
  std::string take_mark(std::uint64_t& pops) {
    const bool pops_mark = now_.opcode->op == Op::POP && !marks_.empty() && marks_.back().depth + 1 == depth_;
    if (!now_.opcode->to_mark && !pops_mark) return {};
    if (pops_mark) pops = 0;
    if (marks_.empty()) {
      report("no MARK exists on stack");
      return "no MARK exists on stack";
    }
    const Mark mark = marks_.back();
    marks_.pop_back();
    depth_ = mark.depth;
    return "(MARK at " + std::to_string(mark.offset) + ")";
  }

  void memo(std::string& note) {
    switch (now_.opcode->op) {
      case Op::MEMOIZE:
        note = "(as " + std::to_string(memo_.size()) + ")";
        store(memo_.size());
        break;
      case Op::BINPUT:
      case Op::LONG_BINPUT:
        store(static_cast<std::uint64_t>(now_.number));
        break;
      case Op::BINGET:
      case Op::LONG_BINGET:
        fetch(static_cast<std::uint64_t>(now_.number));
        break;
      case Op::PUT:
        if (const auto index = memo_index()) store(*index);
        break;
      case Op::GET:
        if (const auto index = memo_index()) fetch(*index);
        break;
      default:
        break;
    }
  }
  std::optional<std::uint64_t> memo_index() {
    const auto bytes = parse_decimal(now_.bytes);
    const auto index = bytes ? to_int64(*bytes) : std::nullopt;
    if (index && *index >= 0) return static_cast<std::uint64_t>(*index);
    report("not a memo index");
    return std::nullopt;
  }
  void store(std::uint64_t index) {
    if (memo_.contains(index))
      report("memo key " + std::to_string(index) + " already defined");
    else if (depth_ == 0)
      report("stack is empty -- can't store into memo");
    else if (!marks_.empty() && marks_.back().depth + 1 == depth_)
      report("can't store markobject in the memo");
    memo_.insert(index);
  }
  void fetch(std::uint64_t index) {
    if (!memo_.contains(index)) report("memo key " + std::to_string(index) + " has never been stored into");
  }

  std::string argument() {
    const std::string_view bytes = now_.bytes;
    switch (now_.opcode->argument) {
      case Argument::none:
        return {};
      case Argument::uint1:
      case Argument::uint2:
      case Argument::int4:
      case Argument::uint4:
      case Argument::uint8:
        return std::to_string(now_.number);
      case Argument::float8:
        return base::py_repr(now_.float8());
      case Argument::string1:
      case Argument::string4:
        return base::py_repr(std::string_view(latin1_to_utf8(bytes)));
      case Argument::bytes1:
      case Argument::bytes4:
      case Argument::bytes8:
        return base::py_bytes_repr(bytes);
      case Argument::bytearray8:
        return base::py_bytearray_repr(bytes);
      case Argument::unicode1:
      case Argument::unicode4:
      case Argument::unicode8:
        if (!is_python_text(bytes)) report("a string that is no UTF-8");
        return base::py_repr(bytes);
      case Argument::long1:
      case Argument::long4:
        return decimal(shortest(bytes));
      case Argument::decimal:
      case Argument::long_decimal:
        return decimal_line();
      case Argument::float_line: {
        const auto value = parse_float(bytes);
        if (!value) report("not a float");
        return value ? base::py_repr(*value) : base::py_bytes_repr(bytes);
      }
      case Argument::string_line: {
        const auto text = parse_quoted(bytes);
        if (!text) report("not a quoted string");
        return text ? base::py_repr(std::string_view(latin1_to_utf8(*text))) : base::py_bytes_repr(bytes);
      }
      case Argument::unicode_line: {
        const auto text = parse_raw_unicode(bytes);
        if (!text) report("a broken escape");
        return repr_of(text, bytes);
      }
      case Argument::id_line:
        return base::py_repr(bytes);
      case Argument::name_lines:
        return base::py_repr(std::string_view(std::string(bytes) + " " + std::string(now_.second)));
    }
    return {};
  }

  std::string decimal_line() {
    std::string_view digits = now_.bytes;
    if (now_.opcode->argument == Argument::decimal && (digits == "00" || digits == "01"))
      return digits == "01" ? "True" : "False";
    if (now_.opcode->argument == Argument::long_decimal && digits.ends_with('L')) digits.remove_suffix(1);
    if (const auto value = parse_decimal(digits)) return decimal(*value);
    report("not an integer of at most 4300 digits");
    return base::py_bytes_repr(now_.bytes);
  }

  void stack(std::uint64_t pops) {
    if (pops > depth_) {
      report("tries to pop " + std::to_string(pops) + " items from stack with only " + std::to_string(depth_) +
             " items");
      pops = depth_;
    }
    depth_ -= pops;
    while (!marks_.empty() && marks_.back().depth >= depth_) marks_.pop_back();
    if (now_.opcode->op == Op::MARK) marks_.push_back({now_.offset, depth_});
    depth_ += now_.opcode->pushes;
  }

  void report(const std::string& what) {
    if (!first_)
      first_.emplace(ErrorCode::corrupt, std::string(now_.opcode->name) + ": " + what, Place{.offset = now_.offset});
  }

  Stream stream_;
  const std::function<void(std::string_view)>& line_;
  Instruction now_{};
  std::vector<Mark> marks_{};
  std::uint64_t depth_ = 0;  // values on the stack, marks among them
  std::unordered_set<std::uint64_t> memo_{};
  int protocol_ = -1;
  std::optional<Error> first_{};
};

}  // namespace

std::uint64_t dis(std::span<const std::byte> stream, const std::function<void(std::string_view)>& line) {
  return Disassembler(stream, line).run();
}

}  // namespace flambeau::pickle
