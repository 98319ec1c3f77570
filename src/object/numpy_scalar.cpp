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

std::optional<NumpyScalar> numpy_scalar(Ref ref) {
  const auto* made = as<Object>(ref);
  if (!made) return std::nullopt;
  const std::string name = global_name(made->callable);
  const auto* args = as<Sequence>(made->args);
  if ((name != "numpy.core.multiarray.scalar" && name != "numpy._core.multiarray.scalar") || !args ||
      args->items.size() != 2)
    return std::nullopt;
  const auto* dtype = as<Object>(args->items[0]);
  const auto* dtype_args = dtype ? as<Sequence>(dtype->args) : nullptr;
  const auto code = dtype_args && !dtype_args->items.empty() ? text(dtype_args->items[0]) : std::nullopt;
  const auto* data = as<Bytes>(args->items[1]);
  if (!code || !data) return std::nullopt;
  for (const Row& row : rows)
    if (row.code == *code && row.size == data->data.size()) return NumpyScalar{row.type, row.read(data->data)};
  return std::nullopt;
}

}  // namespace flambeau::object
