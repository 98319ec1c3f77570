#include <array>
#include <string>

#include <fmt/format.h>

#include "bytes/source.h"

#include <flambeau/error.h>
#include <flambeau/predict.h>

namespace flambeau {
namespace {

/// NumPy's type string; empty for dtypes it lacks.
std::string descr(DType dtype) {
  const DTypeInfo& row = info(dtype);
  const auto text = [&](char kind) { return fmt::format("{}{}{}", row.itemsize == 1 ? '|' : '<', kind, row.itemsize); };
  switch (row.kind) {
    case DTypeClass::unsigned_integer:
      return text('u');
    case DTypeClass::signed_integer:
      return text('i');
    case DTypeClass::boolean:
      return text('b');
    case DTypeClass::complex:
      return dtype == DType::complex32 ? "" : text('c');
    case DTypeClass::floating:
      return dtype == DType::float16 || dtype == DType::float32 || dtype == DType::float64 ? text('f') : "";
    default:
      return "";
  }
}

}  // namespace

Tensor read_npy(const std::string& path) {
  const Checkpoint checkpoint = load(path);
  if (checkpoint.container().format != "npy") {
    throw Error(ErrorCode::unknown_format, "a .npy file expected, found " + checkpoint.container().format,
                {.file = path});
  }
  return checkpoint.root().as_tensor().contiguous();
}

void write_npy(const std::string& path, const Tensor& tensor) {
  if (!tensor.defined() || tensor.is_meta()) {
    throw Error(ErrorCode::invalid_argument, "the tensor holds no elements", {.file = path});
  }
  const std::string type = descr(tensor.dtype());
  if (type.empty()) {
    throw Error(ErrorCode::unsupported, fmt::format("numpy has no dtype {}", info(tensor.dtype()).name),
                {.file = path});
  }
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, to_string(tensor.shape()));
  // numpy.save leaves room for the first dimension to grow to 21 digits, then pads; a full block is added to no
  // remainder.
  constexpr std::size_t preamble = 10, alignment = 64, growth = 21;
  if (tensor.dim() > 0) header.append(growth - std::to_string(tensor.size(0)).size(), ' ');
  header.append(alignment - (preamble + header.size() + 1) % alignment, ' ');
  header += '\n';
  const Tensor dense = tensor.contiguous();
  bytes::AtomicFile file(path);
  file.write(std::string_view("\x93NUMPY\x01\x00", 8));
  const std::array<char, 2> length = {static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  file.write(std::string_view(length.data(), length.size()));
  file.write(std::string_view(header));
  file.write(dense.bytes());
  file.commit();
}

}  // namespace flambeau
