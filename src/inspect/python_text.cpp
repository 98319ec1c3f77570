#include "inspect/python_text.h"

#include <flambeau/python_values.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/py_repr.h"
#include "torch/numpy.h"
#include "torch/rebuild.h"

namespace flambeau::inspect {
namespace {

using object::Ref;
using Arguments = std::vector<Ref>;

std::string quoted(std::optional<std::string> text, std::string_view name) {
  return text ? fmt::format("{}({})", name, base::py_repr(std::string_view(*text))) : std::string();
}

std::string text_of(const python::TimeDelta& delta) {
  std::string text;
  const auto part = [&text](std::string_view name, std::int64_t value) {
    if (value != 0) text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, value);
  };
  part("days", delta.days), part("seconds", delta.seconds), part("microseconds", delta.microseconds);
  return fmt::format("datetime.timedelta({})", text.empty() ? "0" : text);
}

/// "12, 30[, seconds[, microseconds]]".
std::string clock(const python::Time& time) {
  std::string text = fmt::format("{}, {}", time.hour, time.minute);
  if (time.second != 0 || time.microsecond != 0) text += fmt::format(", {}", time.second);
  if (time.microsecond != 0) text += fmt::format(", {}", time.microsecond);
  return text;
}

/// ", tzinfo=…" of a date or time whose second argument is a zone; other classes' zones are not looked into.
std::string zone(const Arguments& args) {
  if (args.size() < 2) return {};
  return ", tzinfo=" + (python::utc_offset(Value(nullptr, args[1])) ? known_text(args[1]) : "…");
}

std::string size(const Value&, const Arguments& args) {
  const auto* const items = args.size() == 1 ? object::as<object::Sequence>(args[0]) : nullptr;
  if (items == nullptr) return {};
  std::string text;
  for (const Ref item : items->items) {
    const auto value = object::int_value(item);
    if (!value) return {};
    text += fmt::format("{}{}", text.empty() ? "" : ", ", *value);
  }
  return "torch.Size([" + text + "])";
}

std::string device(const Value&, const Arguments& args) {
  const auto type = args.empty() ? std::nullopt : object::text(args[0]);
  const auto index = args.size() == 2 ? object::int_value(args[1]) : std::nullopt;
  if (!type || args.size() > 2 || (args.size() == 2 && !index)) return {};
  return fmt::format("device(type={}{})", base::py_repr(*type), index ? fmt::format(", index={}", *index) : "");
}

std::string layout(const Value& value, const Arguments&) { return std::string(torch::layout_name(value.ref())); }

std::string dtype(const Value& value, const Arguments&) {
  const auto dtype = torch::pickled_dtype(value.ref());
  if (!dtype || !dtype->number) return {};
  return dtype->swapped ? fmt::format("dtype('>{}')", dtype->type) : fmt::format("dtype('{}')", name(*dtype->number));
}

std::string complex(const Value& value, const Arguments&) {
  const auto number = python::complex(value);
  if (!number) return {};
  const auto digits = [](double part) {
    const std::string text = base::py_repr(part);
    return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
  };
  const std::string imaginary = digits(number->imag());
  if (number->real() == 0 && !std::signbit(number->real())) return imaginary + "j";
  return fmt::format("({}{}{}j)", digits(number->real()), imaginary[0] == '-' ? "" : "+", imaginary);
}

std::string range(const Value& value, const Arguments&) {
  const auto range = python::range(value);
  if (!range) return {};
  return fmt::format("range({}, {}{})", range->start, range->stop,
                     range->step == 1 ? "" : fmt::format(", {}", range->step));
}

std::string date(const Value& value, const Arguments&) {
  const auto date = python::date(value);
  return date ? fmt::format("datetime.date({}, {}, {})", date->year, date->month, date->day) : std::string();
}

std::string time(const Value& value, const Arguments& args) {
  const auto time = python::time(value);
  if (!time) return {};
  return fmt::format("datetime.time({}{}{})", clock(*time), zone(args), time->fold != 0 ? ", fold=1" : "");
}

std::string datetime(const Value& value, const Arguments& args) {
  const auto found = python::datetime(value);
  if (!found) return {};
  const auto& [date, time] = *found;
  return fmt::format("datetime.datetime({}, {}, {}, {}{}{})", date.year, date.month, date.day, clock(time),
                     time.fold != 0 ? ", fold=1" : "", zone(args));
}

std::string timedelta(const Value& value, const Arguments&) {
  const auto delta = python::timedelta(value);
  return delta ? text_of(*delta) : std::string();
}

std::string timezone(const Value& value, const Arguments& args) {
  const auto offset = python::utc_offset(value);
  if (!offset) return {};
  if (*offset == 0 && args.size() == 1) return "datetime.timezone.utc";
  const auto name = args.size() == 2 ? object::text(args[1]) : std::nullopt;
  return fmt::format("datetime.timezone({}{})", known_text(args[0]), name ? ", " + base::py_repr(*name) : "");
}

std::string decimal(const Value& value, const Arguments&) { return quoted(python::decimal(value), "Decimal"); }
std::string uuid(const Value& value, const Arguments&) { return quoted(python::uuid(value), "UUID"); }

std::string fraction(const Value& value, const Arguments&) {
  auto text = python::fraction(value);
  if (!text) return {};
  const auto slash = text->find('/');
  return slash == text->npos ? fmt::format("Fraction({}, 1)", *text)
                             : fmt::format("Fraction({}, {})", text->substr(0, slash), text->substr(slash + 1));
}

std::string path(const Value& value, const Arguments&) {
  auto text = python::path(value);
  const std::string& cls = object::as<object::Global>(object::as<object::Object>(value.ref())->callable)->qualname;
  if (text && cls.find("Windows") != cls.npos) std::ranges::replace(*text, '\\', '/');
  return quoted(std::move(text), cls);
}

std::string address(const Value&, const Arguments& args) {
  const auto number = args.size() == 1 ? object::int_value(args[0]) : std::nullopt;
  if (!number || *number < 0 || *number > UINT32_MAX) return {};
  return fmt::format("IPv4Address('{}.{}.{}.{}')", *number >> 24, *number >> 16 & 255, *number >> 8 & 255,
                     *number & 255);
}

std::string none_type(const Value&, const Arguments& args) {
  return args.size() == 1 && args[0].is_none() ? "<class 'NoneType'>" : "";
}

/// A call that makes a value, and the value's text; empty where the arguments are not as expected.
struct Row {
  std::string_view callable;
  std::string (*text)(const Value& value, const Arguments& args);
};
constexpr std::array rows = {
    Row{"torch.Size", size},
    Row{"torch.device", device},
    Row{"torch.serialization._get_layout", layout},
    Row{"numpy.dtype", dtype},
    Row{"builtins.complex", complex},
    Row{"builtins.range", range},
    Row{"builtins.type", none_type},
    Row{"datetime.date", date},
    Row{"datetime.time", time},
    Row{"datetime.datetime", datetime},
    Row{"datetime.timedelta", timedelta},
    Row{"datetime.timezone", timezone},
    Row{"decimal.Decimal", decimal},
    Row{"fractions.Fraction", fraction},
    Row{"uuid.UUID", uuid},
    Row{"pathlib.Path", path},
    Row{"pathlib.PosixPath", path},
    Row{"pathlib.WindowsPath", path},
    Row{"pathlib.PurePath", path},
    Row{"pathlib.PurePosixPath", path},
    Row{"pathlib.PureWindowsPath", path},
    Row{"ipaddress.IPv4Address", address},
};

bool is_one_of(std::string_view name, std::string_view names) {
  const auto at = names.find(fmt::format(" {} ", name));
  return at != names.npos;
}

/// Classes whose names begin with a small letter.
bool is_small_class(const object::Global& global) {
  const std::string& name = global.qualname;
  if (global.module == "builtins")
    return is_one_of(name,
                     " bool bytearray bytes complex dict float frozenset int list object range set slice str tuple "
                     "type ");
  if (global.module == "numpy")
    return is_one_of(name, " dtype ndarray generic number floating integer ") || name.ends_with('_') ||
           (!name.empty() && name.back() >= '0' && name.back() <= '9');
  return is_one_of(object::global_name(Ref(const_cast<object::Global*>(&global))),
                   " collections.defaultdict collections.deque datetime.date datetime.datetime datetime.time "
                   "datetime.timedelta datetime.timezone functools.partial torch.device torch.dtype ");
}

}  // namespace

std::string known_text(Ref ref) {
  const auto* const object = object::as<object::Object>(ref);
  const auto* const args = object != nullptr ? object::as<object::Sequence>(object->args) : nullptr;
  if (args == nullptr) return {};
  const std::string callable = object::global_name(object->callable);
  const auto row = std::ranges::find(rows, callable, &Row::callable);
  return row != rows.end() ? row->text(Value(nullptr, ref), args->items) : std::string();
}

std::string global_text(const object::Global& global) {
  const std::string &module = global.module, &qualname = global.qualname;
  if (module == "torch") {
    if (const auto dtype = dtype_named(qualname)) return fmt::format("torch.{}", name(*dtype));
    if (qualname.starts_with("per_") || qualname.starts_with("sparse_") ||
        is_one_of(qualname, " strided jagged contiguous_format channels_last channels_last_3d preserve_format "))
      return "torch." + qualname;
  }
  if (module == "builtins" && (qualname == "Ellipsis" || qualname == "NotImplemented")) return qualname;
  const std::string_view last = std::string_view(qualname).substr(qualname.rfind('.') + 1);
  const auto first = last.find_first_not_of('_');
  const std::string whole = module == "builtins" ? qualname : module + "." + qualname;
  if ((first != last.npos && last[first] >= 'A' && last[first] <= 'Z') || is_small_class(global))
    return "<class '" + whole + "'>";
  if (module == "builtins" || module == "math" || module == "cmath") return fmt::format("<built-in function {}>", last);
  return "<" + whole + ">";
}

}  // namespace flambeau::inspect
