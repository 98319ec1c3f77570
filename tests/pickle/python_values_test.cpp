#include <flambeau/python_values.h>
#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "pickle/help.h"

namespace flambeau::python {
namespace {

using testing::Optional;

/// The values of data/python_values.txt by name: pickles of CPython, made by make_python_values.py.
const std::map<std::string, Value>& values() {
  static const std::map<std::string, Value> made = [] {
    std::map<std::string, Value> found;
    std::ifstream lines(FLAMBEAU_TEST_DATA "/python_values.txt");
    for (std::string name, digits; std::getline(lines, name) && std::getline(lines, digits);) {
      std::string stream;
      for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        stream += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
      auto heap = std::make_shared<object::Heap>();
      const object::Ref root = pickle::read(stream, *heap).root;
      found.emplace(name, Value(heap, root));
    }
    return found;
  }();
  return made;
}
const Value& get(const std::string& name) { return values().at(name); }

constexpr std::int64_t hour = 3'600'000'000;

TEST(PythonValues, DatesAndTimes) {
  EXPECT_THAT(date(get("date")), Optional(Date{2024, 2, 29}));
  EXPECT_THAT(time(get("time")), Optional(Time{23, 59, 58, 999999, 0, std::nullopt}));
  EXPECT_THAT(time(get("time in a zone")), Optional(Time{1, 2, 3, 0, 0, hour}));
  EXPECT_THAT(datetime(get("datetime")), Optional(DateTime{{2024, 12, 31}, {5, 6, 7, 8, 0, std::nullopt}}));
  EXPECT_THAT(datetime(get("datetime in a zone")),
              Optional(DateTime{{1, 1, 1}, {0, 0, 0, 0, 0, -5 * hour - hour / 2}}));
  EXPECT_THAT(datetime(get("datetime folded")), Optional(DateTime{{2024, 10, 27}, {2, 30, 0, 0, 1, std::nullopt}}));
  EXPECT_THAT(time(get("time folded")), Optional(Time{2, 30, 0, 0, 1, std::nullopt}));
  EXPECT_THAT(timedelta(get("timedelta")), Optional(TimeDelta{-1, 86399, 999999}));
  EXPECT_THAT(utc_offset(get("utc")), Optional(0));
  EXPECT_EQ(date(get("datetime")), std::nullopt);
  EXPECT_EQ(datetime(get("date")), std::nullopt);
}

TEST(PythonValues, Numbers) {
  EXPECT_THAT(decimal(get("decimal")), Optional(std::string("-1.50")));
  EXPECT_THAT(fraction(get("fraction")), Optional(std::string("3/4")));
  EXPECT_THAT(complex(get("complex")), Optional(std::complex<double>(1, -2)));
  EXPECT_THAT(range(get("range")), Optional(Range{1, 10, 3}));
  EXPECT_EQ(decimal(get("fraction")), std::nullopt);
  EXPECT_EQ(decimal(Value(1.5)), std::nullopt);
}

TEST(PythonValues, PathsAndNames) {
  EXPECT_THAT(path(get("path")), Optional(std::string("/runs/exp 1/best.pth")));
  EXPECT_THAT(path(get("relative path")), Optional(std::string("a/b")));
  EXPECT_THAT(path(get("no path")), Optional(std::string(".")));
  EXPECT_THAT(path(get("windows path")), Optional(std::string("C:\\runs\\a")));
  EXPECT_THAT(uuid(get("uuid")), Optional(std::string("ffeeddcc-0123-4567-89ab-00112233445f")));
  EXPECT_THAT(uuid(get("small uuid")), Optional(std::string("00000000-0000-0000-0000-000000000005")));
  EXPECT_THAT(enum_member(get("enum")), Optional(EnumMember{"golden_classes.Colour", "RED"}));
  EXPECT_EQ(path(Value("a/b")), std::nullopt);
}

TEST(PythonValues, Containers) {
  const auto fields = arguments(get("namedtuple"));
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->at(1).as_int(), 2);
  ASSERT_TRUE(counter(get("counter")));
  EXPECT_EQ((*counter(get("counter")))["a"].as_int(), 2);
  EXPECT_EQ(get("deque").at(1).as_int(), 2);
  EXPECT_EQ(get("defaultdict")["k"].size(), 1u);
  EXPECT_EQ(get("namespace")["lr"].as_double(), 0.1);
  EXPECT_EQ(counter(Value::dict()), std::nullopt);
}

TEST(PythonValues, BrokenOnesAreOfNoType) {
  // datetime.date(b'\0\0\1\1'), a month 13, bytes too short; a timedelta of too many seconds.
  for (const char* bytes : {"C\x04\0\0\1\1", "C\x04\x07\xE8\x0D\1", "C\x03\1\1\1"}) {
    auto heap = std::make_shared<object::Heap>();
    const std::string stream =
        "cdatetime\ndate\n" + std::string(bytes, 2 + static_cast<unsigned char>(bytes[1])) + "\x85R.";
    const object::Ref root = pickle::read(stream, *heap).root;
    EXPECT_EQ(date(Value(heap, root)), std::nullopt);
  }
  auto heap = std::make_shared<object::Heap>();
  const object::Ref root = pickle::read(pickle::lit("cdatetime\ntimedelta\nK\0J\x80Q\1\0K\0\x87R."), *heap).root;
  EXPECT_EQ(timedelta(Value(heap, root)), std::nullopt);
}

}  // namespace
}  // namespace flambeau::python
