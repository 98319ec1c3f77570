#pragma once
// A tensor that is stored in pieces: boxes that tile it.

#include <memory>
#include <vector>

#include <flambeau/tensor.h>

namespace flambeau::formats::dcp {

struct Piece {
  Shape offsets{}, sizes{};  ///< the box inside the whole tensor
  Tensor tensor{};           ///< its elements, of shape `sizes`
};

/// Throws Error(corrupt) unless the boxes lie inside `shape`, do not overlap and fill it.
void check_tiling(const Shape& shape, const std::vector<Piece>& pieces);

/// The bytes of the whole tensor, row-major, gathered from the pieces as they are read. The pieces have passed
/// check_tiling and have the tensor's dtype.
std::shared_ptr<const StorageSource> assembled(Shape shape, DType dtype, std::vector<Piece> pieces);

}  // namespace flambeau::formats::dcp
