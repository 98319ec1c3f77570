#pragma once
/// Element types: one table for all of PyTorch's dtypes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace flambeau {

/// Numbered as c10::ScalarType (torch/headeronly/core/ScalarType.h, torch 2.13), so codes in TorchScript constants map
/// directly.
enum class DType : std::uint8_t {
  uint8,
  int8,
  int16,
  int32,
  int64,
  float16,
  float32,
  float64,
  complex32,
  complex64,
  complex128,
  boolean,
  qint8,
  quint8,
  qint32,
  bfloat16,
  quint4x2,
  quint2x4,
  bits1x8,
  bits2x4,
  bits4x2,
  bits8,
  bits16,
  float8_e5m2,
  float8_e4m3fn,
  float8_e5m2fnuz,
  float8_e4m3fnuz,
  uint16,
  uint32,
  uint64,
  uint1,
  uint2,
  uint3,
  uint4,
  uint5,
  uint6,
  uint7,
  int1,
  int2,
  int3,
  int4,
  int5,
  int6,
  int7,
  float8_e8m0fnu,
  float4_e2m1fn_x2,
};

/// How arithmetic and listings treat a dtype.
enum class DTypeClass : std::uint8_t {
  unsigned_integer,
  signed_integer,
  floating,
  complex,
  boolean,
  quantized,
  bits,
  shell
};

struct DTypeInfo {
  DType dtype;
  std::string_view name;  ///< torch's name without "torch.": "float32", "bool"
  std::uint8_t itemsize;  ///< bytes of one element; of the packed byte for sub-byte kinds; 1 for shells
  DTypeClass kind;
  std::string_view
      storage_class;  ///< "FloatStorage" in module torch; empty: saved through UntypedStorage (_rebuild_tensor_v3)
  std::string_view safetensors;  ///< "F32"; empty: no such dtype there. "F4" counts halves of our packed elements
};

inline constexpr std::array<DTypeInfo, 46> dtypes = {{
    {DType::uint8, "uint8", 1, DTypeClass::unsigned_integer, "ByteStorage", "U8"},
    {DType::int8, "int8", 1, DTypeClass::signed_integer, "CharStorage", "I8"},
    {DType::int16, "int16", 2, DTypeClass::signed_integer, "ShortStorage", "I16"},
    {DType::int32, "int32", 4, DTypeClass::signed_integer, "IntStorage", "I32"},
    {DType::int64, "int64", 8, DTypeClass::signed_integer, "LongStorage", "I64"},
    {DType::float16, "float16", 2, DTypeClass::floating, "HalfStorage", "F16"},
    {DType::float32, "float32", 4, DTypeClass::floating, "FloatStorage", "F32"},
    {DType::float64, "float64", 8, DTypeClass::floating, "DoubleStorage", "F64"},
    {DType::complex32, "complex32", 4, DTypeClass::complex, "", ""},
    {DType::complex64, "complex64", 8, DTypeClass::complex, "ComplexFloatStorage", "C64"},
    {DType::complex128, "complex128", 16, DTypeClass::complex, "ComplexDoubleStorage", ""},
    {DType::boolean, "bool", 1, DTypeClass::boolean, "BoolStorage", "BOOL"},
    {DType::qint8, "qint8", 1, DTypeClass::quantized, "QInt8Storage", ""},
    {DType::quint8, "quint8", 1, DTypeClass::quantized, "QUInt8Storage", ""},
    {DType::qint32, "qint32", 4, DTypeClass::quantized, "QInt32Storage", ""},
    {DType::bfloat16, "bfloat16", 2, DTypeClass::floating, "BFloat16Storage", "BF16"},
    {DType::quint4x2, "quint4x2", 1, DTypeClass::quantized, "QUInt4x2Storage", ""},
    {DType::quint2x4, "quint2x4", 1, DTypeClass::quantized, "QUInt2x4Storage", ""},
    {DType::bits1x8, "bits1x8", 1, DTypeClass::bits, "", ""},
    {DType::bits2x4, "bits2x4", 1, DTypeClass::bits, "", ""},
    {DType::bits4x2, "bits4x2", 1, DTypeClass::bits, "", ""},
    {DType::bits8, "bits8", 1, DTypeClass::bits, "", ""},
    {DType::bits16, "bits16", 2, DTypeClass::bits, "", ""},
    {DType::float8_e5m2, "float8_e5m2", 1, DTypeClass::floating, "", "F8_E5M2"},
    {DType::float8_e4m3fn, "float8_e4m3fn", 1, DTypeClass::floating, "", "F8_E4M3"},
    {DType::float8_e5m2fnuz, "float8_e5m2fnuz", 1, DTypeClass::floating, "", "F8_E5M2FNUZ"},
    {DType::float8_e4m3fnuz, "float8_e4m3fnuz", 1, DTypeClass::floating, "", "F8_E4M3FNUZ"},
    {DType::uint16, "uint16", 2, DTypeClass::unsigned_integer, "", "U16"},
    {DType::uint32, "uint32", 4, DTypeClass::unsigned_integer, "", "U32"},
    {DType::uint64, "uint64", 8, DTypeClass::unsigned_integer, "", "U64"},
    {DType::uint1, "uint1", 1, DTypeClass::shell, "", ""},
    {DType::uint2, "uint2", 1, DTypeClass::shell, "", ""},
    {DType::uint3, "uint3", 1, DTypeClass::shell, "", ""},
    {DType::uint4, "uint4", 1, DTypeClass::shell, "", ""},
    {DType::uint5, "uint5", 1, DTypeClass::shell, "", ""},
    {DType::uint6, "uint6", 1, DTypeClass::shell, "", ""},
    {DType::uint7, "uint7", 1, DTypeClass::shell, "", ""},
    {DType::int1, "int1", 1, DTypeClass::shell, "", ""},
    {DType::int2, "int2", 1, DTypeClass::shell, "", ""},
    {DType::int3, "int3", 1, DTypeClass::shell, "", ""},
    {DType::int4, "int4", 1, DTypeClass::shell, "", ""},
    {DType::int5, "int5", 1, DTypeClass::shell, "", ""},
    {DType::int6, "int6", 1, DTypeClass::shell, "", ""},
    {DType::int7, "int7", 1, DTypeClass::shell, "", ""},
    {DType::float8_e8m0fnu, "float8_e8m0fnu", 1, DTypeClass::floating, "", "F8_E8M0"},
    {DType::float4_e2m1fn_x2, "float4_e2m1fn_x2", 1, DTypeClass::bits, "", "F4"},
}};

namespace detail {
consteval bool dtypes_complete() {
  for (std::size_t i = 0; i < dtypes.size(); ++i)
    if (static_cast<std::size_t>(dtypes[i].dtype) != i) return false;
  return true;
}
static_assert(dtypes_complete(), "the table stands in the order of the enumeration");
}  // namespace detail

constexpr const DTypeInfo& info(DType dtype) noexcept { return dtypes[static_cast<std::size_t>(dtype)]; }
constexpr std::string_view name(DType dtype) noexcept { return info(dtype).name; }
constexpr std::size_t itemsize(DType dtype) noexcept { return info(dtype).itemsize; }

/// By torch's name, with or without "torch."; also torch's aliases "half", "float", "double", "short", "int", "long",
/// "cfloat", "cdouble".
std::optional<DType> dtype_named(std::string_view name) noexcept;

}  // namespace flambeau
