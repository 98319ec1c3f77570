#include "tensor/elements.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace flambeau::tensor {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t block_bytes = 1ull << 20;

/// Sizes and strides with neighbouring dimensions merged where they step alike, sizes of 1 left out. Elements.
struct Walk {
  std::vector<std::uint64_t> sizes{}, strides{};

  explicit Walk(const Tensor& tensor) {
    for (std::size_t i = 0; i < tensor.shape().size(); ++i) {
      const auto size = static_cast<std::uint64_t>(tensor.shape()[i]);
      const auto stride = static_cast<std::uint64_t>(tensor.strides()[i]);
      if (size == 1) continue;
      if (!sizes.empty() && strides.back() == size * stride) {
        sizes.back() *= size;
        strides.back() = stride;
      } else {
        sizes.push_back(size);
        strides.push_back(stride);
      }
    }
    if (sizes.empty()) {
      sizes.push_back(1);
      strides.push_back(1);
    }
  }

  /// Calls run(element offset in the storage, row-major position, length, stride) for the innermost runs that cover
  /// [first, first + count).
  template <class Run>
  void each_run(std::uint64_t first, std::uint64_t count, Run&& run) const {
    const std::size_t rank = sizes.size();
    std::vector<std::uint64_t> at(rank);
    std::uint64_t rest = first, offset = 0;
    for (std::size_t i = rank; i-- > 0;) {
      at[i] = rest % sizes[i];
      rest /= sizes[i];
      offset += at[i] * strides[i];
    }
    const std::uint64_t inner = sizes[rank - 1], inner_stride = strides[rank - 1];
    std::uint64_t done = 0;
    while (done < count) {
      const std::uint64_t length = std::min(inner - at[rank - 1], count - done);
      run(offset, done, length, inner_stride);
      done += length;
      if (done == count) return;
      offset -= at[rank - 1] * inner_stride;
      at[rank - 1] = 0;
      for (std::size_t i = rank - 1; i-- > 0;) {
        offset += strides[i];
        if (++at[i] < sizes[i]) break;
        offset -= sizes[i] * strides[i];
        at[i] = 0;
      }
    }
  }
};

template <std::size_t Size>
void copy_strided(std::byte* into, std::uint64_t into_step, const std::byte* from, std::uint64_t from_step,
                  std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) std::memcpy(into + i * into_step * Size, from + i * from_step * Size, Size);
}

/// `count` elements with the given steps (in elements) on both sides.
void copy_run(std::byte* into, std::uint64_t into_step, const std::byte* from, std::uint64_t from_step,
              std::uint64_t count, std::size_t size) {
  if (into_step == 1 && from_step == 1) {
    std::memcpy(into, from, count * size);
    return;
  }
  switch (size) {
    case 1:
      return copy_strided<1>(into, into_step, from, from_step, count);
    case 2:
      return copy_strided<2>(into, into_step, from, from_step, count);
    case 4:
      return copy_strided<4>(into, into_step, from, from_step, count);
    case 8:
      return copy_strided<8>(into, into_step, from, from_step, count);
    default:
      return copy_strided<16>(into, into_step, from, from_step, count);
  }
}

/// Flips the sign of every `step`-th component from `start`: floats by their sign bit, integers by negation.
template <class T>
void flip_signs(std::byte* bytes, std::uint64_t components, std::uint64_t start, std::uint64_t step, bool integer) {
  constexpr T sign = static_cast<T>(T{1} << (sizeof(T) * 8 - 1));
  for (std::uint64_t i = start; i < components; i += step) {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    value = integer ? static_cast<T>(T{0} - value) : static_cast<T>(value ^ sign);
    std::memcpy(bytes + i * sizeof(T), &value, sizeof(T));
  }
}

void flip_signs(std::byte* bytes, std::uint64_t count, DType dtype, std::uint64_t start, std::uint64_t step) {
  const bool integer =
      info(dtype).kind == DTypeClass::signed_integer || info(dtype).kind == DTypeClass::unsigned_integer;
  const bool complex = info(dtype).kind == DTypeClass::complex;
  const std::size_t size = complex ? itemsize(dtype) / 2 : itemsize(dtype);
  const std::uint64_t components = complex ? 2 * count : count;
  switch (size) {
    case 1:
      return flip_signs<std::uint8_t>(bytes, components, start, step, integer);
    case 2:
      return flip_signs<std::uint16_t>(bytes, components, start, step, integer);
    case 4:
      return flip_signs<std::uint32_t>(bytes, components, start, step, integer);
    default:
      return flip_signs<std::uint64_t>(bytes, components, start, step, integer);
  }
}

void check_bits(const Tensor& tensor) {
  const auto& row = info(tensor.dtype());
  const bool conj_fits = !tensor.is_conj() || row.kind == DTypeClass::complex;
  const bool neg_fits = !tensor.is_neg() || row.kind == DTypeClass::complex || row.kind == DTypeClass::signed_integer ||
                        row.kind == DTypeClass::unsigned_integer ||
                        (row.kind == DTypeClass::floating && row.itemsize > 1);
  if (!conj_fits || !neg_fits)
    throw Error(ErrorCode::unsupported,
                fmt::format("{} tensors cannot have a {} bit", row.name, conj_fits ? "negative" : "conjugate"));
}

void carry_out_bits(const Tensor& tensor, std::uint64_t count, std::byte* bytes) {
  if (tensor.is_neg()) flip_signs(bytes, count, tensor.dtype(), 0, 1);
  if (tensor.is_conj()) flip_signs(bytes, count, tensor.dtype(), 1, 2);
}

void check_readable(const Tensor& tensor) {
  if (!tensor.defined() || tensor.is_meta())
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{} tensor has no elements to read", tensor.defined() ? "a meta" : "an undefined"));
  check_bits(tensor);
}

}  // namespace

void check_dense(const Tensor& tensor, std::uint64_t max_dense_bytes) {
  if (tensor.storage() && tensor.nbytes() > max_dense_bytes && tensor.nbytes() > tensor.storage()->nbytes())
    throw Error(ErrorCode::limit,
                fmt::format("an expanded tensor of {} bytes over a storage of {} exceeds max_dense_bytes = {}",
                            tensor.nbytes(), tensor.storage()->nbytes(), max_dense_bytes));
}

void gather(const Tensor& tensor, std::uint64_t first, std::uint64_t count, std::byte* into) {
  check_readable(tensor);
  if (count == 0) return;
  const std::size_t size = itemsize(tensor.dtype());
  const std::byte* const from = tensor.storage()->bytes().data() + static_cast<std::uint64_t>(tensor.offset()) * size;
  Walk(tensor).each_run(first, count,
                        [&](std::uint64_t offset, std::uint64_t position, std::uint64_t length, std::uint64_t stride) {
                          copy_run(into + position * size, 1, from + offset * size, stride, length, size);
                        });
  carry_out_bits(tensor, count, into);
}

void scatter(const Tensor& tensor, std::uint64_t first, std::uint64_t count, const std::byte* from,
             std::span<std::byte> storage) {
  if (count == 0) return;
  const std::size_t size = itemsize(tensor.dtype());
  std::byte* const into = storage.data() + static_cast<std::uint64_t>(tensor.offset()) * size;
  Walk(tensor).each_run(first, count,
                        [&](std::uint64_t offset, std::uint64_t position, std::uint64_t length, std::uint64_t stride) {
                          copy_run(into + offset * size, stride, from + position * size, 1, length, size);
                        });
}

void each_block(const Tensor& tensor, const std::function<void(std::span<const std::byte>)>& take) {
  check_readable(tensor);
  if (tensor.nbytes() == 0) return;
  if (tensor.is_contiguous() && !tensor.is_conj() && !tensor.is_neg()) {
    if (tensor.storage()->nbytes() == tensor.nbytes())
      tensor.storage()->each_block(take);
    else
      take(tensor.bytes());
    return;
  }
  const std::uint64_t size = itemsize(tensor.dtype()), all = static_cast<std::uint64_t>(tensor.numel());
  const std::uint64_t step = std::min(all, block_bytes / size);
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(step * size));
  for (std::uint64_t at = 0; at < all; at += step) {
    const std::uint64_t count = std::min(step, all - at);
    gather(tensor, at, count, buffer.get());
    take({buffer.get(), static_cast<std::size_t>(count * size)});
  }
}

std::uint64_t checked_numel(const Shape& shape, DType dtype) {
  constexpr auto limit = Wide{1} << 63;
  Wide count = 1;
  bool overflow = false, empty = false;
  for (const auto size : shape) {
    if (size < 0)
      throw Error(ErrorCode::corrupt, fmt::format("size {} of shape {} is negative", size, to_string(shape)));
    empty = empty || size == 0;
    if (!overflow && size > 0) count *= static_cast<std::uint64_t>(size);
    overflow = overflow || count * itemsize(dtype) >= limit;
  }
  if (empty) return 0;
  if (overflow)
    throw Error(ErrorCode::corrupt,
                fmt::format("a {} tensor of shape {} has more than 2^63 bytes", name(dtype), to_string(shape)));
  return static_cast<std::uint64_t>(count);
}

bool is_packed(DType dtype) noexcept { return dtype == DType::quint4x2 || dtype == DType::quint2x4; }

std::uint64_t packed_nbytes(const Shape& shape, DType dtype) {
  const std::uint64_t per_byte = dtype == DType::quint4x2 ? 2 : 4;
  const std::uint64_t numel = checked_numel(shape, dtype);
  if (shape.empty() || numel == 0) return numel;
  const auto row = static_cast<std::uint64_t>(shape.back());
  return numel / row * ((row + per_byte - 1) / per_byte);
}

}  // namespace flambeau::tensor
