#include "object/numpy_scalar.h"

#include <cstring>

namespace flambeau::object {
namespace {

using Number = decltype(NumpyScalar::value);

template <class T, class As = std::conditional_t<std::is_floating_point_v<T>, double,
                                                 std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>>
Number number(const std::string& bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return static_cast<As>(value);
}

struct Row {
  std::string_view code, type;
  std::size_t size;
  Number (*read)(const std::string& bytes);
};
constexpr Row rows[] = {
    {"b1", "bool", 1, [](const std::string& bytes) -> Number { return bytes[0] != 0; }},
    {"i1", "int8", 1, number<std::int8_t>},
    {"i2", "int16", 2, number<std::int16_t>},
    {"i4", "int32", 4, number<std::int32_t>},
    {"i8", "int64", 8, number<std::int64_t>},
    {"u1", "uint8", 1, number<std::uint8_t>},
    {"u2", "uint16", 2, number<std::uint16_t>},
    {"u4", "uint32", 4, number<std::uint32_t>},
    {"u8", "uint64", 8, number<std::uint64_t>},
    {"f4", "float32", 4, number<float>},
    {"f8", "float64", 8, number<double>},
};

}  // namespace

std::optional<NumpyScalarCall> numpy_scalar_call(const Object& object) {
  const auto* function = as<Global>(object.callable);
  const auto* args = as<Sequence>(object.args);
  if (!function || function->qualname != "scalar" || !args || args->items.size() != 2 ||
      (function->module != "numpy.core.multiarray" && function->module != "numpy._core.multiarray"))
    return std::nullopt;
  const auto* bytes = as<Bytes>(args->items[1]);
  return bytes ? std::optional(NumpyScalarCall{args->items[0], &bytes->data}) : std::nullopt;
}

std::optional<NumpyScalar> numpy_scalar(Ref ref) {
  const auto* made = as<Object>(ref);
  const auto call = made ? numpy_scalar_call(*made) : std::nullopt;
  const auto* dtype = call ? as<Object>(call->dtype) : nullptr;
  const auto* dtype_args = dtype ? as<Sequence>(dtype->args) : nullptr;
  const auto code = dtype_args && !dtype_args->items.empty() ? text(dtype_args->items[0]) : std::nullopt;
  if (!code) return std::nullopt;
  for (const Row& row : rows)
    if (row.code == *code && row.size == call->bytes->size()) return NumpyScalar{row.type, row.read(*call->bytes)};
  return std::nullopt;
}

}  // namespace flambeau::object
