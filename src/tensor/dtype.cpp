#include <flambeau/dtype.h>

#include <utility>

namespace flambeau {
namespace {

constexpr std::array<std::pair<std::string_view, DType>, 8> aliases = {{
    {"half", DType::float16},
    {"float", DType::float32},
    {"double", DType::float64},
    {"short", DType::int16},
    {"int", DType::int32},
    {"long", DType::int64},
    {"cfloat", DType::complex64},
    {"cdouble", DType::complex128},
}};

}  // namespace

std::optional<DType> dtype_named(std::string_view name) noexcept {
  constexpr std::string_view module = "torch.";
  if (name.starts_with(module)) name.remove_prefix(module.size());
  for (const auto& row : dtypes)
    if (row.name == name) return row.dtype;
  for (const auto& [alias, dtype] : aliases)
    if (alias == name) return dtype;
  return std::nullopt;
}

}  // namespace flambeau
