// Elements of tensors: typed views of them, and copies.
#include <flambeau/error.h>
#include <flambeau/tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <complex>
#include <cstring>
#include <memory>

#include "tensor/cast.h"
#include "tensor/elements.h"

namespace flambeau {
namespace {

constexpr std::uint64_t block_elements = 64u << 10;

template <class T>
constexpr DType dtype_of = DType::uint8;
template <>
constexpr DType dtype_of<std::int8_t> = DType::int8;
template <>
constexpr DType dtype_of<std::int16_t> = DType::int16;
template <>
constexpr DType dtype_of<std::int32_t> = DType::int32;
template <>
constexpr DType dtype_of<std::int64_t> = DType::int64;
template <>
constexpr DType dtype_of<std::uint16_t> = DType::uint16;
template <>
constexpr DType dtype_of<std::uint32_t> = DType::uint32;
template <>
constexpr DType dtype_of<std::uint64_t> = DType::uint64;
template <>
constexpr DType dtype_of<float> = DType::float32;
template <>
constexpr DType dtype_of<double> = DType::float64;
template <>
constexpr DType dtype_of<std::complex<float>> = DType::complex64;
template <>
constexpr DType dtype_of<std::complex<double>> = DType::complex128;

/// The C++ type through which a dtype's elements are seen, named by that type's own dtype.
constexpr DType seen_as(DType dtype) {
  switch (dtype) {
    case DType::qint8:
      return DType::int8;
    case DType::qint32:
      return DType::int32;
    case DType::float16:
    case DType::bfloat16:
    case DType::bits16:
      return DType::uint16;
    default:
      return itemsize(dtype) == 1 && dtype != DType::int8 ? DType::uint8 : dtype;
  }
}

void check_plain(const Tensor& tensor) {
  if (!tensor.defined() || tensor.is_meta())
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{} tensor has no elements", tensor.defined() ? "a meta" : "an undefined"));
  if (!tensor.is_contiguous() || tensor.is_conj() || tensor.is_neg())
    throw Error(ErrorCode::invalid_argument,
                fmt::format("a tensor of shape {} with strides {}{}{} is not contiguous", to_string(tensor.shape()),
                            to_string(tensor.strides()), tensor.is_conj() ? ", a conjugate bit" : "",
                            tensor.is_neg() ? ", a negative bit" : ""));
}

template <class T>
void check_type(const Tensor& tensor) {
  check_plain(tensor);
  if (seen_as(tensor.dtype()) != dtype_of<T>)
    throw Error(ErrorCode::invalid_argument,
                fmt::format("a {} tensor has no elements of type {}", name(tensor.dtype()), name(dtype_of<T>)));
}

std::uint64_t byte_offset(const Tensor& tensor) {
  return tensor.nbytes() == 0 ? 0 : static_cast<std::uint64_t>(tensor.offset()) * itemsize(tensor.dtype());
}

bool plain(const Tensor& tensor) { return tensor.is_contiguous() && !tensor.is_conj() && !tensor.is_neg(); }

/// Row-major bytes of all of `from` into `into`, the CRC compared on the way where the whole storage is copied.
void copy_bytes(const Tensor& from, std::byte* into) {
  const std::uint64_t size = from.nbytes();
  if (size == 0) return;
  if (!plain(from))
    tensor::gather(from, 0, static_cast<std::uint64_t>(from.numel()), into);
  else if (from.storage()->nbytes() == size)
    from.storage()->copy_to({into, static_cast<std::size_t>(size)});
  else
    std::memcpy(into, from.bytes().data(), size);
}

void check_distinct(const Tensor& target) {
  for (std::size_t i = 0; i < target.shape().size(); ++i)
    if (target.strides()[i] == 0 && target.shape()[i] > 1)
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("elements of a tensor of shape {} with strides {} overlap: it cannot be written",
                              to_string(target.shape()), to_string(target.strides())));
}

}  // namespace

template <class T>
Tensor Tensor::of(Shape shape, std::span<const T> values) {
  Tensor result = uninitialized(std::move(shape), dtype_of<T>);
  if (result.numel() != static_cast<std::int64_t>(values.size()))
    throw Error(ErrorCode::invalid_argument, fmt::format("shape {} has {} elements, {} values given",
                                                         to_string(result.shape_), result.numel(), values.size()));
  if (!values.empty()) std::memcpy(result.storage_->mutable_bytes().data(), values.data(), values.size_bytes());
  return result;
}

template <class T>
std::span<const T> Tensor::data() const {
  check_type<T>(*this);
  const std::uint64_t size = nbytes();
  if (size == 0) return {};
  const auto all = storage_->aligned_bytes(alignof(T));
  return {reinterpret_cast<const T*>(all.data() + byte_offset(*this)), static_cast<std::size_t>(size / sizeof(T))};
}

template <class T>
std::span<T> Tensor::mutable_data() {
  check_type<T>(*this);
  const std::uint64_t size = nbytes();
  if (size == 0) return {};
  const auto all = storage_->mutable_bytes();
  if (reinterpret_cast<std::uintptr_t>(all.data()) % alignof(T) != 0)
    throw Error(ErrorCode::invalid_argument, fmt::format("the memory is not aligned to {} bytes", alignof(T)));
  return {reinterpret_cast<T*>(all.data() + byte_offset(*this)), static_cast<std::size_t>(size / sizeof(T))};
}

#define FLAMBEAU_INSTANTIATE(T)                             \
  template Tensor Tensor::of<T>(Shape, std::span<const T>); \
  template std::span<const T> Tensor::data<T>() const;      \
  template std::span<T> Tensor::mutable_data<T>();
FLAMBEAU_INSTANTIATE(std::uint8_t)
FLAMBEAU_INSTANTIATE(std::int8_t)
FLAMBEAU_INSTANTIATE(std::int16_t)
FLAMBEAU_INSTANTIATE(std::int32_t)
FLAMBEAU_INSTANTIATE(std::int64_t)
FLAMBEAU_INSTANTIATE(std::uint16_t)
FLAMBEAU_INSTANTIATE(std::uint32_t)
FLAMBEAU_INSTANTIATE(std::uint64_t)
FLAMBEAU_INSTANTIATE(float)
FLAMBEAU_INSTANTIATE(double)
FLAMBEAU_INSTANTIATE(std::complex<float>)
FLAMBEAU_INSTANTIATE(std::complex<double>)
#undef FLAMBEAU_INSTANTIATE

std::span<const std::byte> Tensor::bytes() const {
  check_plain(*this);
  const std::uint64_t size = nbytes();
  return size == 0
             ? std::span<const std::byte>{}
             : storage_->bytes().subspan(static_cast<std::size_t>(byte_offset(*this)), static_cast<std::size_t>(size));
}

double Tensor::item() const {
  if (numel() != 1)
    throw Error(ErrorCode::invalid_argument, fmt::format("a tensor with {} elements has no single item", numel()));
  return to(DType::float64).data<double>()[0];
}

Tensor Tensor::contiguous(std::uint64_t max_dense_bytes) const {
  if (is_meta() || (defined_ && plain(*this))) return *this;
  tensor::check_dense(*this, max_dense_bytes);
  return clone();
}

Tensor Tensor::clone() const {
  if (!defined_) return {};
  tensor::check_dense(*this);
  Tensor result = is_meta() ? meta(shape_, dtype_) : uninitialized(shape_, dtype_);
  if (!is_meta()) copy_bytes(*this, result.storage_->mutable_bytes().data());
  return result.set_requires_grad(requires_grad_);
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == dtype_ || !defined_) return *this;
  tensor::check_castable(dtype_, dtype);
  tensor::check_dense(*this);
  Tensor result = is_meta() ? meta(shape_, dtype) : uninitialized(shape_, dtype);
  if (!is_meta()) result.copy_from(*this);
  return result.set_requires_grad(requires_grad_);
}

void Tensor::copy_from(const Tensor& from) {
  if (!storage_ || !from.storage_) throw Error(ErrorCode::invalid_argument, "copying needs two tensors with elements");
  if (shape_ != from.shape_)
    throw Error(ErrorCode::invalid_argument,
                fmt::format("shape {} cannot be copied into shape {}", to_string(from.shape_), to_string(shape_)));
  if (conj_ || neg_)
    throw Error(ErrorCode::invalid_argument, "a tensor with a conjugate or negative bit cannot be written");
  check_distinct(*this);
  if (dtype_ != from.dtype_) tensor::check_castable(from.dtype_, dtype_);
  const auto count = static_cast<std::uint64_t>(numel());
  if (count == 0) return;
  const auto target = storage_->mutable_bytes();
  const std::uint64_t size = itemsize(dtype_), from_size = itemsize(from.dtype_);
  if (tensor::is_packed(dtype_) && storage_ == from.storage_) return;  // packed views differ in nothing
  if (plain(*this) && dtype_ == from.dtype_ && storage_ != from.storage_)
    return copy_bytes(from, target.data() + byte_offset(*this));

  const std::uint64_t step = std::min(count, block_elements);
  const bool read_in_place = plain(from), write_in_place = plain(*this);
  // Elements of one storage may move over each other: then all are read before the first is written.
  const bool overlap = storage_ == from.storage_;
  const std::uint64_t gathered = overlap ? count : step;
  const auto before =
      read_in_place && !overlap ? nullptr : std::make_unique_for_overwrite<std::byte[]>(gathered * from_size);
  const auto after = write_in_place ? nullptr : std::make_unique_for_overwrite<std::byte[]>(step * size);
  if (overlap) copy_bytes(from, before.get());
  for (std::uint64_t at = 0; at < count; at += step) {
    const std::uint64_t length = std::min(step, count - at);
    const std::byte* source = before.get();
    if (overlap)
      source += at * from_size;
    else if (read_in_place)
      source = from.bytes().data() + at * from_size;
    else
      tensor::gather(from, at, length, before.get());
    std::byte* const place = write_in_place ? target.data() + byte_offset(*this) + at * size : after.get();
    tensor::cast(from.dtype_, source, dtype_, place, length);
    if (!write_in_place) tensor::scatter(*this, at, length, place, target);
  }
}

bool Tensor::equal(const Tensor& other) const {
  if (defined_ != other.defined_) return false;
  if (!defined_) return true;
  if (dtype_ != other.dtype_ || shape_ != other.shape_ || is_meta() != other.is_meta()) return false;
  if (is_meta() || nbytes() == 0) return true;
  if (plain(*this) && plain(other)) return std::memcmp(bytes().data(), other.bytes().data(), nbytes()) == 0;
  tensor::check_dense(*this);
  tensor::check_dense(other);
  const auto count = static_cast<std::uint64_t>(numel());
  const std::uint64_t size = itemsize(dtype_), step = std::min(count, block_elements);
  const auto left = std::make_unique_for_overwrite<std::byte[]>(step * size);
  const auto right = std::make_unique_for_overwrite<std::byte[]>(step * size);
  for (std::uint64_t at = 0; at < count; at += step) {
    const std::uint64_t length = std::min(step, count - at);
    tensor::gather(*this, at, length, left.get());
    tensor::gather(other, at, length, right.get());
    if (std::memcmp(left.get(), right.get(), length * size) != 0) return false;
  }
  return true;
}

}  // namespace flambeau
