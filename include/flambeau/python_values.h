#pragma once
/// Values of Python's standard library, in C++. Each function gives nullopt for a value of another type; nothing
/// throws. Checkpoints hold such values as inert objects (Kind::object), which are written back as they were read.

#include <complex>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <flambeau/object.h>

namespace flambeau::python {

struct Date {
  int year = 1, month = 1, day = 1;
  bool operator==(const Date&) const = default;
};
/// A point on the clock. `fold` tells the second of two equal times at the end of summer time.
struct Time {
  int hour = 0, minute = 0, second = 0, microsecond = 0, fold = 0;
  /// Microseconds east of Greenwich, of a datetime.timezone; nullopt without a zone (or with one of another class).
  std::optional<std::int64_t> utc_offset{};
  bool operator==(const Time&) const = default;
};
struct DateTime {
  Date date{};
  Time time{};
  bool operator==(const DateTime&) const = default;
};
/// As Python keeps it: 0 <= seconds < 86400, 0 <= microseconds < 1000000.
struct TimeDelta {
  std::int64_t days = 0, seconds = 0, microseconds = 0;
  bool operator==(const TimeDelta&) const = default;
};
struct Range {
  std::int64_t start = 0, stop = 0, step = 1;
  bool operator==(const Range&) const = default;
};
/// A member of an Enum that was stored by its name, as some releases of Python do; the others call the class with its
/// value, see `arguments`.
struct EnumMember {
  std::string type;  ///< "module.Class"
  std::string name;
  bool operator==(const EnumMember&) const = default;
};

std::optional<Date> date(const Value& value);  ///< datetime.date
std::optional<Time> time(const Value& value);  ///< datetime.time
std::optional<DateTime> datetime(const Value& value);
std::optional<TimeDelta> timedelta(const Value& value);
/// Of a datetime.timezone, in microseconds.
std::optional<std::int64_t> utc_offset(const Value& value);
/// str() of a decimal.Decimal: "1.50", "-1E+5", "NaN".
std::optional<std::string> decimal(const Value& value);
/// str() of a fractions.Fraction: "3/4", "7".
std::optional<std::string> fraction(const Value& value);
/// str() of a path of pathlib, of either system: "runs/best.pth", "C:\\runs".
std::optional<std::string> path(const Value& value);
/// str() of a uuid.UUID: "12345678-1234-5678-1234-567812345678".
std::optional<std::string> uuid(const Value& value);
std::optional<std::complex<double>> complex(const Value& value);
std::optional<Range> range(const Value& value);
std::optional<EnumMember> enum_member(const Value& value);
/// The fields of a namedtuple, the arguments of any other object that is made by a call: in order, without names.
std::optional<std::vector<Value>> arguments(const Value& value);
/// The dict of a collections.Counter: {key: count}. (Those of OrderedDict and defaultdict are items of the Value
/// itself.)
std::optional<Value> counter(const Value& value);

}  // namespace flambeau::python
