// Numbers, Python 2's strings and bytes, from their arguments.

#include <flambeau/error.h>

#include "base/utf8.h"
#include "pickle/machine.h"
#include "pickle/text.h"

namespace flambeau::pickle {

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

object::Ref Machine::float_line() {
  const auto value = parse_float(now_.bytes);
  if (!value) corrupt("not a float");
  return heap_.floating(*value);
}

object::Ref Machine::quoted_line() {
  const auto bytes = parse_quoted(now_.bytes);
  if (!bytes) corrupt("not a quoted string");
  return python2_string(*bytes);
}

object::Ref Machine::unicode_line() {
  const auto utf8 = parse_raw_unicode(now_.bytes);
  if (!utf8) corrupt("a broken escape");
  return heap_.string(*utf8);
}

// Python 2's str: text where it can be, as torch.load takes it.
object::Ref Machine::python2_string(std::string_view bytes) {
  return base::is_utf8(bytes) ? heap_.string(bytes) : heap_.bytes(bytes);
}

// CPython reads into a new object even for one byte, which is otherwise one object per value.
object::Ref Machine::fresh_bytes(std::string_view bytes) {
  return bytes.empty() ? heap_.bytes(bytes) : heap_.fresh_bytes(bytes);
}

}  // namespace flambeau::pickle
