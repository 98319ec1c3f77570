// What pickle stores of the standard library's classes, CPython 3.6 to 3.13.

#include <flambeau/python_values.h>
#include <fmt/format.h>

#include <algorithm>

namespace flambeau::python {
namespace {

using object::as;
using object::Construction;
using object::Ref;

constexpr std::int64_t second = 1'000'000, day = 86'400 * second;

/// The arguments of an object made by `callable`; null for any other value.
const std::vector<Ref>* arguments_of(Ref ref, std::string_view callable) {
  const auto* const object = as<object::Object>(ref);
  if (object == nullptr || object->construction == Construction::newobj_ex) return nullptr;
  if (object::global_name(object->callable) != callable || object->args.kind() != Kind::tuple) return nullptr;
  return &as<object::Sequence>(object->args)->items;
}

std::optional<std::string> only_text(const Value& value, std::string_view callable) {
  const auto* const args = arguments_of(value.ref(), callable);
  const auto text = args != nullptr && args->size() == 1 ? object::text((*args)[0]) : std::nullopt;
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

/// The packed bytes of a date or time: the first argument, of `size` bytes.
const std::string* packed(const std::vector<Ref>* args, std::size_t size) {
  if (args == nullptr || args->empty() || args->size() > 2 || (*args)[0].kind() != Kind::bytes) return nullptr;
  const std::string& bytes = as<object::Bytes>((*args)[0])->data;
  return bytes.size() == size ? &bytes : nullptr;
}

int number(const std::string& bytes, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

std::optional<TimeDelta> timedelta_of(Ref ref) {
  const auto* const args = arguments_of(ref, "datetime.timedelta");
  if (args == nullptr || args->size() != 3) return std::nullopt;
  const auto days = object::int_value((*args)[0]), seconds = object::int_value((*args)[1]),
             micro = object::int_value((*args)[2]);
  constexpr std::int64_t most_days = 999'999'999;  // timedelta.max
  if (!days || !seconds || !micro || *days < -most_days || *days > most_days) return std::nullopt;
  if (*seconds < 0 || *seconds >= 86'400 || *micro < 0 || *micro >= second) return std::nullopt;
  return TimeDelta{*days, *seconds, *micro};
}

std::optional<std::int64_t> offset_of(Ref ref) {
  const auto* const args = arguments_of(ref, "datetime.timezone");
  if (args == nullptr || args->empty() || args->size() > 2) return std::nullopt;
  const auto delta = timedelta_of((*args)[0]);
  if (!delta || delta->days < -1 || delta->days > 0) return std::nullopt;
  return delta->days * day + delta->seconds * second + delta->microseconds;
}

std::optional<Date> date_at(const std::string& bytes) {
  const Date made{number(bytes, 0, 2), number(bytes, 2, 1) & 0x7F, number(bytes, 3, 1)};
  const bool valid =
      made.year >= 1 && made.year <= 9999 && made.month >= 1 && made.month <= 12 && made.day >= 1 && made.day <= 31;
  return valid ? std::optional(made) : std::nullopt;
}

/// Six bytes from `at` on; a zone may be the second argument.
std::optional<Time> time_at(const std::string& bytes, std::size_t at, const std::vector<Ref>& args) {
  Time made{number(bytes, at, 1) & 0x7F, number(bytes, at + 1, 1), number(bytes, at + 2, 1), number(bytes, at + 3, 3)};
  if (made.hour > 23 || made.minute > 59 || made.second > 59 || made.microsecond >= second) return std::nullopt;
  if (args.size() == 2) made.utc_offset = offset_of(args[1]);
  return made;
}

constexpr std::string_view posix_paths[] = {"PosixPath", "PurePosixPath", "Path", "PurePath"},
                           windows_paths[] = {"WindowsPath", "PureWindowsPath"};

}  // namespace

std::optional<Date> date(const Value& value) {
  const auto* const bytes = packed(arguments_of(value.ref(), "datetime.date"), 4);
  return bytes != nullptr ? date_at(*bytes) : std::nullopt;
}

std::optional<Time> time(const Value& value) {
  const auto* const args = arguments_of(value.ref(), "datetime.time");
  const auto* const bytes = packed(args, 6);
  auto made = bytes != nullptr ? time_at(*bytes, 0, *args) : std::nullopt;
  if (made) made->fold = number(*bytes, 0, 1) >> 7;
  return made;
}

std::optional<DateTime> datetime(const Value& value) {
  const auto* const args = arguments_of(value.ref(), "datetime.datetime");
  const auto* const bytes = packed(args, 10);
  if (bytes == nullptr) return std::nullopt;
  const auto date = date_at(*bytes);
  auto time = time_at(*bytes, 4, *args);
  if (!date || !time) return std::nullopt;
  time->fold = number(*bytes, 2, 1) >> 7;
  return DateTime{*date, *time};
}

std::optional<TimeDelta> timedelta(const Value& value) { return timedelta_of(value.ref()); }
std::optional<std::int64_t> utc_offset(const Value& value) { return offset_of(value.ref()); }
std::optional<std::string> decimal(const Value& value) { return only_text(value, "decimal.Decimal"); }

std::optional<std::string> fraction(const Value& value) {
  if (auto text = only_text(value, "fractions.Fraction")) return text;
  const auto* const args = arguments_of(value.ref(), "fractions.Fraction");  // from Python 3.12 on: two integers
  if (args == nullptr || args->size() != 2) return std::nullopt;
  const auto top = object::int_value((*args)[0]), bottom = object::int_value((*args)[1]);
  if (!top || !bottom) return std::nullopt;
  return *bottom == 1 ? fmt::format("{}", *top) : fmt::format("{}/{}", *top, *bottom);
}

std::optional<std::string> path(const Value& value) {
  const auto* const object = as<object::Object>(value.ref());
  const auto* const cls = object != nullptr ? as<object::Global>(object->callable) : nullptr;
  if (cls == nullptr || (cls->module != "pathlib" && cls->module != "pathlib._local")) return std::nullopt;
  const auto one_of = [&](const auto& names) { return std::ranges::find(names, cls->qualname) != std::end(names); };
  const bool windows = one_of(windows_paths);
  if (!windows && !one_of(posix_paths)) return std::nullopt;
  const auto* const parts = arguments_of(value.ref(), object::global_name(object->callable));
  if (parts == nullptr) return std::nullopt;
  const char separator = windows ? '\\' : '/';
  std::string text;
  for (const Ref part : *parts) {
    const auto name = object::text(part);
    if (!name) return std::nullopt;
    if (!text.empty() && text.back() != separator) text += separator;
    text += *name;
  }
  return text.empty() ? "." : text;
}

std::optional<std::string> uuid(const Value& value) {
  if (arguments_of(value.ref(), "uuid.UUID") == nullptr) return std::nullopt;
  const auto number = object::attribute(*as<object::Object>(value.ref()), "int");
  std::string bytes(16, '\0');  // little-endian
  if (!number) return std::nullopt;
  if (const auto small = object::int_value(*number)) {
    if (*small < 0) return std::nullopt;
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(*small >> (8 * i));
  } else if (const auto* const big = as<object::BigInteger>(*number);
             big != nullptr && static_cast<signed char>(big->bytes.back()) >= 0 && big->bytes.size() <= 17) {
    std::copy_n(big->bytes.begin(), std::min<std::size_t>(16, big->bytes.size()), bytes.begin());
  } else {
    return std::nullopt;
  }
  std::string text;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", static_cast<unsigned char>(bytes[15 - i]));
  }
  return text;
}

std::optional<std::complex<double>> complex(const Value& value) {
  const auto* const args = arguments_of(value.ref(), "builtins.complex");
  if (args == nullptr || args->size() != 2) return std::nullopt;
  const auto *const real = as<object::Float>((*args)[0]), *const imaginary = as<object::Float>((*args)[1]);
  if (real == nullptr || imaginary == nullptr) return std::nullopt;
  return std::complex<double>(real->value, imaginary->value);
}

std::optional<Range> range(const Value& value) {
  const auto* const args = arguments_of(value.ref(), "builtins.range");
  if (args == nullptr || args->size() != 3) return std::nullopt;
  const auto start = object::int_value((*args)[0]), stop = object::int_value((*args)[1]),
             step = object::int_value((*args)[2]);
  if (!start || !stop || !step || *step == 0) return std::nullopt;
  return Range{*start, *stop, *step};
}

std::optional<EnumMember> enum_member(const Value& value) {
  const auto* const args = arguments_of(value.ref(), "builtins.getattr");
  if (args == nullptr || args->size() != 2 || (*args)[0].kind() != Kind::global) return std::nullopt;
  const auto name = object::text((*args)[1]);
  if (!name) return std::nullopt;
  return EnumMember{object::global_name((*args)[0]), std::string(*name)};
}

std::optional<std::vector<Value>> arguments(const Value& value) {
  const auto* const object = as<object::Object>(value.ref());
  const auto* const args =
      object != nullptr ? arguments_of(value.ref(), object::global_name(object->callable)) : nullptr;
  if (args == nullptr) return std::nullopt;
  std::vector<Value> made;
  made.reserve(args->size());
  for (const Ref arg : *args) made.emplace_back(value.heap(), arg);
  return made;
}

std::optional<Value> counter(const Value& value) {
  const auto* const args = arguments_of(value.ref(), "collections.Counter");
  if (args == nullptr || args->size() != 1 || (*args)[0].kind() != Kind::dict) return std::nullopt;
  return Value(value.heap(), (*args)[0]);
}

}  // namespace flambeau::python
