#pragma once
/// Tensors: a shape and strides over a storage that may be memory, a mapped file or a record not yet read.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <flambeau/bytes.h>
#include <flambeau/dtype.h>
#include <flambeau/limits.h>

namespace flambeau {

/// Sizes or strides; rank 0 is a scalar.
using Shape = std::vector<std::int64_t>;

/// "(3, 224, 224)", "(64,)", "()": as Python prints a tuple.
std::string to_string(const Shape& shape);

/// A run of bytes that one or more tensors look at. Identity matters: tensors that share a Storage are tied, in
/// memory and in every file written. Copies of the handle share it.
/// Threads: reading is safe from several threads; writing through `mutable_bytes` is not.
class Storage {
 public:
  /// Fresh zeroed memory, 64-byte aligned (huge pages are advised from 2 MiB up).
  static std::shared_ptr<Storage> zeros(std::uint64_t nbytes, DType dtype);
  /// Fresh memory whose content the caller fills at once.
  static std::shared_ptr<Storage> uninitialized(std::uint64_t nbytes, DType dtype);
  /// Bytes from a source whose payload is exactly `nbytes`, read or mapped when first needed. Element order is
  /// little-endian. Throws Error(truncated, corrupt) when the source's view has another size.
  static std::shared_ptr<Storage> from(std::shared_ptr<const StorageSource> source, std::uint64_t nbytes, DType dtype);
  /// Memory that the caller owns and that outlives the storage.
  static std::shared_ptr<Storage> borrow(std::span<std::byte> memory, DType dtype);
  ~Storage();

  std::uint64_t nbytes() const noexcept;
  /// The dtype that the storage's class states in a file (uint8 for UntypedStorage).
  DType dtype() const noexcept;
  /// The location tag of the file ("cpu", "cuda:0", "mps"); data is always in host memory.
  const std::string& location() const noexcept;
  void set_location(std::string location);

  /// All bytes. The first call reads them where they are not in memory, and compares the recorded CRC-32 (once).
  /// Throws Error(checksum, io, truncated). The span lives as long as the Storage.
  std::span<const std::byte> bytes() const;
  /// The same without the CRC comparison where the bytes are mapped already: for pages that are touched as they are
  /// used.
  std::span<const std::byte> unchecked_bytes() const;
  /// `bytes()` at an address that is a multiple of `alignment` (a power of two up to 64): a mapping that is not so
  /// aligned is copied into own memory once. Throws as bytes(), and Error(invalid_argument) for misaligned memory of
  /// the caller.
  std::span<const std::byte> aligned_bytes(std::size_t alignment) const;
  /// Copies everything into `into` (size nbytes()), comparing the CRC-32 while it copies.
  void copy_to(std::span<std::byte> into) const;
  /// Passes everything to `take`, piece by piece in order, without keeping what has to be read; compares the CRC-32 at
  /// the end (an error then comes after the last piece). Throws Error(checksum, io, truncated) and what `take` throws.
  void each_block(const std::function<void(std::span<const std::byte>)>& take) const;
  /// The CRC-32 of all bytes: what the file records, if they are still the file's and it records one, else computed.
  std::uint32_t crc32() const;
  /// Memory to write to; what was mapped or borrowed from a source is copied into own memory first. Ask for it anew
  /// before each change, so that version() tells of it.
  std::span<std::byte> mutable_bytes();
  /// How often memory to write to was asked for; the caller's own counts as asked for once. At 0 the bytes cannot have
  /// changed.
  std::uint64_t version() const noexcept;
  /// True once the bytes are in own memory or in a mapping.
  bool resident() const noexcept;

  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

 private:
  struct Impl;
  struct Shared;
  explicit Storage(Impl* impl) noexcept : impl_(impl) {}
  static std::shared_ptr<Storage> make(std::uint64_t nbytes, DType dtype);
  Impl* impl_;  // lies behind this object, in one piece of memory with it
};

/// A strided view of a storage. A value: copies share the storage. A tensor without a storage is a meta tensor.
/// Threads: as Storage. Functions that read elements throw Error(invalid_argument) for undefined and meta tensors.
class Tensor {
 public:
  Tensor() = default;
  /// A view (without a storage: a meta tensor); throws Error(corrupt) when an element would lie outside the storage,
  /// with both numbers. quint4x2 and quint2x4 must be contiguous from offset 0 (Error(unsupported) otherwise).
  Tensor(std::shared_ptr<Storage> storage, DType dtype, Shape shape, Shape strides, std::int64_t offset = 0);

  static Tensor zeros(Shape shape, DType dtype = DType::float32);
  /// Memory whose content the caller fills at once.
  static Tensor uninitialized(Shape shape, DType dtype = DType::float32);
  static Tensor meta(Shape shape, DType dtype);
  /// Copies `values` (row-major) into a new tensor; T is the C++ type of a dtype (float, double, std::int64_t,
  /// std::uint8_t, …).
  template <class T>
  static Tensor of(Shape shape, std::span<const T> values);

  bool defined() const noexcept { return defined_; }
  bool is_meta() const noexcept { return defined_ && !storage_; }
  DType dtype() const noexcept { return dtype_; }
  const Shape& shape() const noexcept { return shape_; }
  const Shape& strides() const noexcept { return strides_; }
  /// In elements.
  std::int64_t offset() const noexcept { return offset_; }
  std::int64_t dim() const noexcept { return static_cast<std::int64_t>(shape_.size()); }
  std::int64_t size(std::int64_t dim) const;
  std::int64_t numel() const noexcept;
  /// numel × itemsize; packed bytes (each row rounded up) for quint4x2 and quint2x4.
  std::uint64_t nbytes() const noexcept;
  /// Row-major without gaps (torch's rule: sizes of 1 have any stride, empty tensors any strides). Says nothing of
  /// conj/neg.
  bool is_contiguous() const noexcept;
  const std::shared_ptr<Storage>& storage() const noexcept { return storage_; }

  bool requires_grad() const noexcept { return requires_grad_; }
  bool is_conj() const noexcept { return conj_; }
  bool is_neg() const noexcept { return neg_; }
  Tensor& set_requires_grad(bool value) noexcept;
  Tensor& set_conj(bool value) noexcept;
  Tensor& set_neg(bool value) noexcept;

  /// The elements of a contiguous tensor, aligned for T, CRC compared. Throws Error(invalid_argument) if it is not
  /// contiguous, has a conj or neg bit or another element type. T is float, double, std::complex of these, or the
  /// integer of the dtype; std::uint8_t also sees bool, float8, float4, bits and packed bytes, std::uint16_t the bits
  /// of float16, bfloat16 and bits16, std::int8_t and std::int32_t also qint8 and qint32.
  template <class T>
  std::span<const T> data() const;
  /// The same to write to (copies a mapped storage into own memory first: every tied tensor sees the writes).
  template <class T>
  std::span<T> mutable_data();
  /// Bytes of the elements of a contiguous tensor, CRC compared (see Storage::bytes).
  std::span<const std::byte> bytes() const;
  /// The single element of a one-element tensor, converted.
  double item() const;

  /// Itself if contiguous and without conj/neg bits, else a row-major copy with the bits carried out. Throws
  /// Error(limit) when an expanded tensor would become larger than its storage and than `max_dense_bytes`; so do all
  /// that copy or compare.
  Tensor contiguous(std::uint64_t max_dense_bytes = Limits{}.max_dense_bytes) const;
  /// An own row-major copy, never shared.
  Tensor clone() const;
  /// Row-major copy converted as torch's `.to(dtype)`: round to nearest even, saturating where torch saturates. Itself
  /// if nothing changes. Throws Error(unsupported) to or from quantized, bits, packed and shell dtypes.
  Tensor to(DType dtype) const;
  /// The same elements with another shape; one dimension may be -1. Contiguous tensors only share, others copy.
  Tensor reshape(Shape shape) const;
  /// A view with dimensions in another order.
  Tensor permute(const Shape& order) const;
  /// A view of [start, start + length) along `dim`.
  Tensor narrow(std::int64_t dim, std::int64_t start, std::int64_t length) const;

  /// Copies the elements of `from` (same shape) into this tensor, converting the dtype. Throws Error(invalid_argument)
  /// for other shapes and for a target whose elements overlap (expanded).
  void copy_from(const Tensor& from);
  /// Same dtype, shape and element bytes (NaN payloads included).
  bool equal(const Tensor& other) const;

 private:
  std::shared_ptr<Storage> storage_{};
  Shape shape_{}, strides_{};
  std::int64_t offset_ = 0;
  DType dtype_ = DType::float32;
  bool defined_ = false, requires_grad_ = false, conj_ = false, neg_ = false;
};

/// Row-major strides of a shape, as torch computes them (a size of 0 counts as 1). Throws Error(corrupt) on overflow.
Shape contiguous_strides(const Shape& shape);

}  // namespace flambeau
