#include <flambeau/error.h>
#include <flambeau/tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "tensor/elements.h"

namespace flambeau {
namespace {

__extension__ using Wide = __int128;

std::string decimal(Wide value) {
  std::string digits;
  do digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
  while ((value /= 10) > 0);
  return digits;
}

/// Index after the last element that the view touches; saturates far beyond any storage.
Wide end_of(const Shape& shape, const Shape& strides, std::int64_t offset) {
  constexpr Wide far = Wide{1} << 96;
  Wide last = offset;
  for (std::size_t i = 0; i < shape.size(); ++i) last = std::min(far, last + Wide{shape[i] - 1} * strides[i]);
  return last + 1;
}

void check_inside(const Storage& storage, DType dtype, const Shape& shape, const Shape& strides, std::int64_t offset) {
  const Wide needed = end_of(shape, strides, offset) * static_cast<Wide>(itemsize(dtype));
  if (needed > static_cast<Wide>(storage.nbytes()))
    throw Error(
        ErrorCode::corrupt,
        fmt::format("storage holds {} bytes, {} needed for {} of shape {}, strides {} and offset {}", storage.nbytes(),
                    decimal(needed), name(dtype), to_string(shape), to_string(strides), offset));
}

void check_packed(const Storage& storage, const Tensor& tensor) {
  if (!tensor.is_contiguous() || tensor.offset() != 0)
    throw Error(ErrorCode::unsupported,
                fmt::format("{} of shape {} with strides {} and offset {} is not contiguous", name(tensor.dtype()),
                            to_string(tensor.shape()), to_string(tensor.strides()), tensor.offset()));
  if (tensor.nbytes() > storage.nbytes())
    throw Error(ErrorCode::corrupt,
                fmt::format("storage holds {} bytes, {} needed for {} of shape {}", storage.nbytes(), tensor.nbytes(),
                            name(tensor.dtype()), to_string(tensor.shape())));
}

}  // namespace

std::string to_string(const Shape& shape) {
  return shape.size() == 1 ? fmt::format("({},)", shape[0]) : fmt::format("({})", fmt::join(shape, ", "));
}

Shape contiguous_strides(const Shape& shape) {
  Shape strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    if (__builtin_mul_overflow(step, std::max<std::int64_t>(shape[i], 1), &step))
      throw Error(ErrorCode::corrupt, fmt::format("the strides of shape {} do not fit in 64 bits", to_string(shape)));
  }
  return strides;
}

Tensor::Tensor(std::shared_ptr<Storage> storage, DType dtype, Shape shape, Shape strides, std::int64_t offset)
    : storage_(std::move(storage)),
      shape_(std::move(shape)),
      strides_(std::move(strides)),
      offset_(offset),
      dtype_(dtype),
      defined_(true) {
  if (shape_.size() != strides_.size())
    throw Error(ErrorCode::corrupt, fmt::format("shape {} has {} dimensions, strides {} have {}", to_string(shape_),
                                                shape_.size(), to_string(strides_), strides_.size()));
  if (offset_ < 0) throw Error(ErrorCode::corrupt, fmt::format("storage offset {} is negative", offset_));
  const std::uint64_t count = tensor::checked_numel(shape_, dtype_);
  for (const auto stride : strides_)
    if (stride < 0)
      throw Error(ErrorCode::corrupt, fmt::format("stride {} of {} is negative", stride, to_string(strides_)));
  if (count == 0) return;
  if (!storage_) {
    if (end_of(shape_, strides_, offset_) > std::numeric_limits<std::int64_t>::max())
      throw Error(ErrorCode::corrupt, fmt::format("shape {} with strides {} and offset {} does not fit in 64 bits",
                                                  to_string(shape_), to_string(strides_), offset_));
    return;
  }
  if (tensor::is_packed(dtype_))
    check_packed(*storage_, *this);
  else
    check_inside(*storage_, dtype_, shape_, strides_, offset_);
}

Tensor Tensor::meta(Shape shape, DType dtype) {
  Shape strides = contiguous_strides(shape);
  return Tensor(nullptr, dtype, std::move(shape), std::move(strides));
}

Tensor Tensor::zeros(Shape shape, DType dtype) {
  Tensor tensor = meta(std::move(shape), dtype);
  tensor.storage_ = Storage::zeros(tensor.nbytes(), dtype);
  return tensor;
}

Tensor Tensor::uninitialized(Shape shape, DType dtype) {
  Tensor tensor = meta(std::move(shape), dtype);
  tensor.storage_ = Storage::uninitialized(tensor.nbytes(), dtype);
  return tensor;
}

std::int64_t Tensor::size(std::int64_t dim) const {
  const std::int64_t rank = this->dim();
  if (dim < -rank || dim >= rank)
    throw Error(ErrorCode::invalid_argument, fmt::format("dimension {} of a tensor with {} dimensions", dim, rank));
  return shape_[static_cast<std::size_t>(dim < 0 ? dim + rank : dim)];
}

std::int64_t Tensor::numel() const noexcept {
  if (!defined_) return 0;
  // The constructor has checked the product; only a size of 0 may stand beside sizes that overflow.
  if (std::find(shape_.begin(), shape_.end(), 0) != shape_.end()) return 0;
  std::int64_t count = 1;
  for (const auto size : shape_) count *= size;
  return count;
}

std::uint64_t Tensor::nbytes() const noexcept {
  const auto count = static_cast<std::uint64_t>(numel());
  return tensor::is_packed(dtype_) ? tensor::packed_nbytes(shape_, dtype_) : count * itemsize(dtype_);
}

bool Tensor::is_contiguous() const noexcept {
  if (numel() == 0) return true;
  std::int64_t step = 1;
  for (std::size_t i = shape_.size(); i-- > 0;) {
    if (shape_[i] == 1) continue;
    if (strides_[i] != step) return false;
    step *= shape_[i];
  }
  return true;
}

Tensor& Tensor::set_requires_grad(bool value) noexcept {
  requires_grad_ = value;
  return *this;
}
Tensor& Tensor::set_conj(bool value) noexcept {
  conj_ = value;
  return *this;
}
Tensor& Tensor::set_neg(bool value) noexcept {
  neg_ = value;
  return *this;
}

Tensor Tensor::reshape(Shape shape) const {
  const auto wrong = [&] {
    return Error(ErrorCode::invalid_argument,
                 fmt::format("shape {} is invalid for {} elements", to_string(shape), numel()));
  };
  const auto unknown = std::find(shape.begin(), shape.end(), -1);
  if (unknown != shape.end()) {
    *unknown = 1;
    const auto rest = std::all_of(shape.begin(), shape.end(), [](auto size) { return size > 0; })
                          ? static_cast<std::int64_t>(tensor::checked_numel(shape, DType::uint8))
                          : 0;
    *unknown = rest > 0 && numel() % rest == 0 ? numel() / rest : -1;
  }
  if (std::any_of(shape.begin(), shape.end(), [](auto size) { return size < 0; })) throw wrong();
  if (tensor::checked_numel(shape, DType::uint8) != static_cast<std::uint64_t>(numel())) throw wrong();
  if (!is_contiguous()) return contiguous().reshape(std::move(shape));
  Tensor result = *this;
  result.strides_ = contiguous_strides(shape);
  result.shape_ = std::move(shape);
  if (tensor::is_packed(dtype_) && result.shape_ != shape_)
    throw Error(ErrorCode::unsupported,
                fmt::format("{} rows are packed into bytes: they have no other shape", name(dtype_)));
  return result;
}

Tensor Tensor::permute(const Shape& order) const {
  std::vector<bool> seen(shape_.size());
  bool valid = order.size() == shape_.size();
  for (std::size_t i = 0; valid && i < order.size(); ++i) {
    valid = order[i] >= 0 && order[i] < dim() && !seen[static_cast<std::size_t>(order[i])];
    if (valid) seen[static_cast<std::size_t>(order[i])] = true;
  }
  if (!valid)
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{} is no order of {} dimensions", to_string(order), shape_.size()));
  Shape shape(order.size()), strides(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    shape[i] = shape_[static_cast<std::size_t>(order[i])];
    strides[i] = strides_[static_cast<std::size_t>(order[i])];
  }
  Tensor result = *this;
  result.shape_ = std::move(shape);
  result.strides_ = std::move(strides);
  if (tensor::is_packed(dtype_) && storage_) check_packed(*storage_, result);
  return result;
}

Tensor Tensor::narrow(std::int64_t dim, std::int64_t start, std::int64_t length) const {
  const std::int64_t whole = size(dim);
  if (start < 0 || length < 0 || start > whole || length > whole - start)
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[{}, {} + {}) does not lie in a dimension of size {}", start, start, length, whole));
  const auto axis = static_cast<std::size_t>(dim < 0 ? dim + this->dim() : dim);
  Tensor result = *this;
  result.shape_[axis] = length;
  if (result.numel() > 0) result.offset_ += start * strides_[axis];
  if (tensor::is_packed(dtype_) && storage_ && result.numel() > 0) check_packed(*storage_, result);
  return result;
}

}  // namespace flambeau
