#pragma once
// Where the elements of a value lie in its buffer, and as what. Everything that a kernel may want of a float32
// activation.

#include <flambeau/tensor.h>

#include <cstdint>
#include <string>

namespace flambeau::plan {

/// Strided when `block` is 1: element i lies at offset + Σ i·strides. With a block of 8 or 16 the second dimension
/// (channels) is cut into blocks that are innermost, as oneDNN's nChw8c: dense, padded with zeros to whole blocks;
/// `strides` then are those of (n, block of channels, spatial…).
struct Layout {
  Shape strides{};
  std::int64_t offset = 0;
  std::int64_t block = 1;
  bool bfloat16 = false;  ///< floats are kept as bfloat16

  static Layout plain(const Shape& shape);
  /// Dense with the channels of dimension 1 last in memory.
  static Layout channels_last(const Shape& shape);
  static Layout blocked(const Shape& shape, std::int64_t block);
  /// The same places, for bfloat16 or for float32.
  Layout as(bool narrow) const;
};

/// The same memory for the same element, whatever is said about dimensions of size 1.
bool same(const Layout& a, const Layout& b, const Shape& shape);
bool is_plain(const Layout& layout, const Shape& shape);
/// A blocked layout that happens to be strided (no spatial extent, whole blocks) said as such.
Layout canonical(Layout layout, const Shape& shape);
/// True if no element of [offset, offset + numel) is skipped: any order of dimensions, padding of blocks allowed.
bool is_dense(const Layout& layout, const Shape& shape);
/// Elements from the buffer's start to behind the last one.
std::int64_t extent(const Layout& layout, const Shape& shape);

/// Where the element with that index lies.
std::int64_t offset_of(const Layout& layout, const Shape& index) noexcept;

/// The value's elements seen under another shape or order without moving them; false if that needs a copy.
bool view_permute(const Layout& from, const Shape& order, Layout& to);
bool view_reshape(const Layout& from, const Shape& shape, const Shape& target, Layout& to);
bool view_narrow(const Layout& from, std::int64_t dim, std::int64_t start, std::int64_t length, const Shape& shape,
                 Layout& to);

/// "plain", "nhwc", "blocked8" or the strides.
std::string to_string(const Layout& layout, const Shape& shape);

}  // namespace flambeau::plan
