#pragma once
// The elements of a tensor in row-major order, whatever its strides: the one loop that everything which copies goes
// through.

#include <flambeau/tensor.h>

#include <cstdint>
#include <functional>
#include <span>

namespace flambeau::tensor {

/// Copies elements [first, first + count) in row-major order to `into` (count × itemsize bytes), conj and neg carried
/// out. Throws as Storage::bytes, Error(invalid_argument) for meta tensors.
void gather(const Tensor& tensor, std::uint64_t first, std::uint64_t count, std::byte* into);

/// The reverse: row-major elements from `from` to their places in `storage` (the tensor's own mutable bytes).
void scatter(const Tensor& tensor, std::uint64_t first, std::uint64_t count, const std::byte* from,
             std::span<std::byte> storage);

/// Passes the row-major bytes of all elements to `take` in pieces (at most 1 MiB where they must be made), with conj
/// and neg carried out, without making the tensor dense. A tensor that covers its whole storage is streamed (see
/// Storage::each_block).
void each_block(const Tensor& tensor, const std::function<void(std::span<const std::byte>)>& take);

/// Throws Error(limit) for an expanded tensor that is larger than its storage and than `max_dense_bytes`.
void check_dense(const Tensor& tensor, std::uint64_t max_dense_bytes = Limits{}.max_dense_bytes);

/// product of sizes; throws Error(corrupt) for negative sizes and when product × itemsize reaches 2^63.
std::uint64_t checked_numel(const Shape& shape, DType dtype);

/// True for quint4x2 and quint2x4, whose rows are packed into bytes.
bool is_packed(DType dtype) noexcept;
/// Bytes of a packed tensor: each row (last dimension) rounded up.
std::uint64_t packed_nbytes(const Shape& shape, DType dtype);

}  // namespace flambeau::tensor
