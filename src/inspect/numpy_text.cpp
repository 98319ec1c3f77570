#include <fmt/format.h>

#include <chrono>
#include <complex>
#include <cstring>

#include "base/checked.h"
#include "base/py_repr.h"
#include "inspect/python_text.h"
#include "object/numpy_scalar.h"
#include "pickle/text.h"
#include "torch/numpy.h"

namespace flambeau::inspect {
namespace {

using object::Heap;
using object::Object;
using object::Ref;

struct Scalar {
  torch::PickledDtype dtype;
  const Object* type;
  const std::string* bytes;
};

std::optional<Scalar> parse(const Object& object) {
  const auto call = object::numpy_scalar_call(object);
  const auto* const type = call ? object::as<Object>(call->dtype) : nullptr;
  const auto dtype = type != nullptr ? torch::pickled_dtype(call->dtype) : std::nullopt;
  if (!dtype || dtype->swapped) return std::nullopt;
  if (dtype->number && call->bytes->size() != itemsize(*dtype->number)) return std::nullopt;
  return Scalar{*dtype, type, call->bytes};
}

template <class T>
T as(const std::string& bytes, std::size_t at = 0) {
  T value{};
  if (bytes.size() >= at + sizeof value) std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

Ref call(Heap& heap, std::string_view module, std::string_view name, std::vector<Ref> args) {
  return heap.object(object::Construction::reduce, heap.global(module, name), heap.tuple(std::move(args)));
}

Ref number(Heap& heap, DType dtype, std::string bytes) {
  switch (info(dtype).kind) {
    case DTypeClass::boolean:
      return Ref::boolean(bytes[0] != '\0');
    case DTypeClass::unsigned_integer:
      bytes += '\0';
      [[fallthrough]];
    case DTypeClass::signed_integer: {
      const std::string_view shortest = pickle::shortest(bytes);
      const auto value = pickle::to_int64(shortest);
      return value ? heap.integer(*value) : heap.big_integer(std::string(shortest));
    }
    default: {
      Tensor element = Tensor::uninitialized({}, dtype);
      std::memcpy(element.storage()->mutable_bytes().data(), bytes.data(), bytes.size());
      element = element.to(DType::complex128);
      const std::complex<double> value = element.data<std::complex<double>>()[0];
      if (info(dtype).kind == DTypeClass::floating) return heap.floating(value.real());
      return call(heap, "builtins", "complex", {heap.floating(value.real()), heap.floating(value.imag())});
    }
  }
}

/// str_ (UTF-32) and bytes_, without the zeros that fill them up.
std::optional<Ref> text(Heap& heap, const Scalar& scalar) {
  const std::string_view bytes = std::string_view(*scalar.bytes).substr(0, scalar.bytes->find_last_not_of('\0') + 1);
  if (scalar.dtype.type[0] == 'S') return heap.bytes(bytes);
  std::string escaped;
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(char32_t))
    escaped += fmt::format("\\U{:08x}", as<std::uint32_t>(*scalar.bytes, at));
  const auto utf8 = pickle::parse_raw_unicode(escaped);
  return utf8 ? std::optional(heap.string(*utf8)) : std::nullopt;
}

/// datetime64 and timedelta64: numbers of a unit, which the dtype's state names last: (…, (None, (b'us', 1, 1, 1))).
std::optional<Ref> time(Heap& heap, const Scalar& scalar) {
  struct Unit {
    std::string_view name;
    std::int64_t microseconds;
  };
  constexpr std::int64_t second = 1'000'000, minute = 60 * second, day = 1440 * minute;
  constexpr Unit units[] = {{"W", 7 * day}, {"D", day},   {"h", 60 * minute}, {"m", minute},
                            {"s", second},  {"ms", 1000}, {"us", 1}};
  const auto at = [](Ref tuple, std::size_t index) {
    const auto* const items = object::as<object::Sequence>(tuple);
    return items != nullptr && index < items->items.size() ? items->items[index] : Ref();
  };
  const auto value = as<std::int64_t>(*scalar.bytes);
  if (value == INT64_MIN) return Ref();  // NaT
  const Ref unit = at(at(scalar.type->state, 8), 1);
  const auto* const name = object::as<object::Bytes>(at(unit, 0));
  const auto count = object::int_value(at(unit, 1));
  if (name == nullptr || !count) return std::nullopt;
  for (const Unit& row : units) {
    std::int64_t total = 0;
    if (row.name != name->data) continue;
    if (!base::checked_mul(value, row.microseconds, total) || !base::checked_mul(total, *count, total)) break;
    const std::int64_t days = total / day - (total % day < 0 ? 1 : 0), rest = total - days * day;
    if (scalar.dtype.type[0] == 'm')
      return call(heap, "datetime", "timedelta",
                  {heap.integer(days), heap.integer(rest / second), heap.integer(rest % second)});
    constexpr std::int64_t first_day = -719'162, last_day = 2'932'896;  // of the years 1 to 9999
    if (days < first_day || days > last_day) break;
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
    const int year = static_cast<int>(date.year());
    std::string packed;
    const auto push = [&packed](std::int64_t byte) { packed += static_cast<char>(byte); };
    push(year >> 8), push(year), push(unsigned{date.month()}), push(unsigned{date.day()});
    if (row.microseconds >= day) return call(heap, "datetime", "date", {heap.bytes(packed)});
    push(rest / (60 * minute)), push(rest / minute % 60), push(rest / second % 60);
    for (const int shift : {16, 8, 0}) push(rest % second >> shift);
    return call(heap, "datetime", "datetime", {heap.bytes(packed)});
  }
  return heap.integer(value);  // units that Python has not, and times beyond its years
}

/// The shortest digits that read back as the same float32.
std::string short_text(Ref item) {
  const double value = object::as<object::Float>(item)->value;
  return base::py_repr(std::stod(fmt::format("{}", static_cast<float>(value))));
}

}  // namespace

std::optional<Ref> numpy_item(Heap& heap, const Object& object) {
  const auto scalar = parse(object);
  if (!scalar) return std::nullopt;
  if (scalar->dtype.number) return number(heap, *scalar->dtype.number, *scalar->bytes);
  if (scalar->dtype.type[0] == 'U' || scalar->dtype.type[0] == 'S') return text(heap, *scalar);
  return time(heap, *scalar);
}

std::string numpy_text(const Object& object, Ref item, std::string text) {
  const Scalar scalar = *parse(object);
  const bool names_type = object::as<object::Global>(object.callable)->module == "numpy._core.multiarray";
  const char kind = scalar.dtype.type[0];
  if (kind == 'M' || kind == 'm') return {};
  if (item.kind() == Kind::floating && scalar.dtype.type != "f8") text = short_text(item);
  if (!names_type) return text;
  if (item.kind() == Kind::boolean) return "np." + text + "_";
  if (text.starts_with('(')) text = text.substr(1, text.size() - 2);
  const std::string_view type = scalar.dtype.number ? name(*scalar.dtype.number) : kind == 'U' ? "str_" : "bytes_";
  return fmt::format("np.{}({})", type, text);
}

}  // namespace flambeau::inspect
