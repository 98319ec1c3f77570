#include "formats/dcp_pieces.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

namespace flambeau::formats::dcp {
namespace {

std::int64_t volume(const Shape& sizes) {
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) return 0;  // beside a 0 the others may overflow
  std::int64_t product = 1;
  for (const auto size : sizes) product *= size;
  return product;
}

void check_inside(const Shape& shape, const Piece& piece) {
  bool inside = piece.offsets.size() == shape.size() && piece.sizes.size() == shape.size();
  for (std::size_t i = 0; inside && i < shape.size(); ++i)
    inside = piece.offsets[i] >= 0 && piece.sizes[i] >= 0 && piece.offsets[i] <= shape[i] &&
             piece.sizes[i] <= shape[i] - piece.offsets[i];
  if (!inside)
    throw Error(ErrorCode::corrupt, fmt::format("a piece of shape {} at {} does not lie inside shape {}",
                                                to_string(piece.sizes), to_string(piece.offsets), to_string(shape)));
}

bool overlap(const Piece& a, const Piece& b) {
  for (std::size_t i = 0; i < a.sizes.size(); ++i)
    if (a.offsets[i] >= b.offsets[i] + b.sizes[i] || b.offsets[i] >= a.offsets[i] + a.sizes[i]) return false;
  return true;
}

/// Sorts along the dimension that is cut most often and compares only boxes that are open at the same time there: many
/// pieces of one tensor would make all pairs slow.
void check_disjoint(const std::vector<const Piece*>& pieces, std::size_t rank) {
  std::size_t axis = 0, most = 0;
  for (std::size_t i = 0; i < rank; ++i) {
    std::set<std::int64_t> starts;
    for (const Piece* piece : pieces) starts.insert(piece->offsets[i]);
    if (starts.size() > most) axis = i, most = starts.size();
  }
  std::vector<const Piece*> order = pieces, open;
  if (rank > 0)
    std::sort(order.begin(), order.end(),
              [axis](const Piece* a, const Piece* b) { return a->offsets[axis] < b->offsets[axis]; });
  for (const Piece* piece : order) {
    std::erase_if(open, [&](const Piece* other) {
      return rank > 0 && other->offsets[axis] + other->sizes[axis] <= piece->offsets[axis];
    });
    for (const Piece* other : open)
      if (overlap(*piece, *other))
        throw Error(ErrorCode::corrupt,
                    fmt::format("pieces at {} and {} overlap", to_string(other->offsets), to_string(piece->offsets)));
    open.push_back(piece);
  }
}

/// How a piece lies in the whole: `count` runs of `length` bytes that are contiguous in both.
class Runs {
 public:
  Runs(const Shape& shape, const Piece& piece, std::size_t itemsize)
      : strides_(contiguous_strides(shape)), offsets_(piece.offsets) {
    const auto size = static_cast<std::uint64_t>(itemsize);
    for (auto& stride : strides_) stride *= static_cast<std::int64_t>(size);
    std::size_t cut = shape.size();
    length_ = size;
    while (cut > 0) {  // down to the first dimension, from the right, that the piece does not fill
      --cut;
      length_ *= static_cast<std::uint64_t>(piece.sizes[cut]);
      if (piece.sizes[cut] != shape[cut]) break;
    }
    outer_.assign(piece.sizes.begin(), piece.sizes.begin() + static_cast<std::ptrdiff_t>(cut));
    for (const auto sizes : outer_) count_ *= static_cast<std::uint64_t>(sizes);
    for (std::size_t i = 0; i < shape.size(); ++i) base_ += static_cast<std::uint64_t>(offsets_[i] * strides_[i]);
  }
  std::uint64_t length() const { return length_; }
  std::uint64_t count() const { return count_; }
  /// First byte of a run in the whole tensor; grows with the index.
  std::uint64_t start(std::uint64_t index) const {
    std::uint64_t at = base_;
    for (std::size_t i = outer_.size(); i-- > 0;) {
      at += index % static_cast<std::uint64_t>(outer_[i]) * static_cast<std::uint64_t>(strides_[i]);
      index /= static_cast<std::uint64_t>(outer_[i]);
    }
    return at;
  }

 private:
  Shape strides_, offsets_, outer_{};
  std::uint64_t length_ = 0, count_ = 1, base_ = 0;
};

class Assembled final : public StorageSource {
 public:
  Assembled(const Shape& shape, DType dtype, std::vector<Piece> pieces) {
    for (auto& piece : pieces)
      if (volume(piece.sizes) > 0) parts_.push_back({Runs(shape, piece, itemsize(dtype)), piece.tensor.contiguous()});
    std::sort(parts_.begin(), parts_.end(),
              [](const Part& a, const Part& b) { return a.runs.start(0) < b.runs.start(0); });
  }
  std::span<const std::byte> view() const noexcept override { return {}; }
  bool recorded_crc(std::uint32_t&) const noexcept override { return false; }  // every piece compares its own
  Place place() const override { return {}; }
  void read(std::uint64_t offset, std::span<std::byte> into) const override {
    const std::uint64_t end = offset + into.size();
    for (const auto& part : parts_) {
      if (part.runs.start(0) >= end) break;
      copy(part, offset, into);
    }
  }

 private:
  struct Part {
    Runs runs;
    Tensor tensor;
  };

  static void copy(const Part& part, std::uint64_t offset, std::span<std::byte> into) {
    const Runs& runs = part.runs;
    const std::uint64_t end = offset + into.size();
    std::uint64_t low = 0, high = runs.count();
    while (low < high) {  // the first run that ends behind `offset`
      const std::uint64_t middle = low + (high - low) / 2;
      if (runs.start(middle) + runs.length() <= offset)
        low = middle + 1;
      else
        high = middle;
    }
    if (low == runs.count() || runs.start(low) >= end) return;
    const auto from = part.tensor.bytes();
    for (std::uint64_t i = low; i < runs.count(); ++i) {
      const std::uint64_t start = runs.start(i);
      if (start >= end) return;
      const std::uint64_t first = std::max(start, offset), last = std::min(start + runs.length(), end);
      std::memcpy(into.data() + (first - offset), from.data() + i * runs.length() + (first - start), last - first);
    }
  }

  std::vector<Part> parts_{};
};

}  // namespace

void check_tiling(const Shape& shape, const std::vector<Piece>& pieces) {
  const std::int64_t whole = Tensor::meta(shape, DType::uint8).numel();
  std::int64_t sum = 0;
  std::vector<const Piece*> filled;
  for (const auto& piece : pieces) {
    check_inside(shape, piece);
    const std::int64_t elements = volume(piece.sizes);
    if (elements == 0) continue;
    if (__builtin_add_overflow(sum, elements, &sum) || sum > whole)
      throw Error(ErrorCode::corrupt,
                  fmt::format("the pieces hold more than the {} elements of shape {}", whole, to_string(shape)));
    filled.push_back(&piece);
  }
  if (sum != whole)
    throw Error(ErrorCode::corrupt,
                fmt::format("the pieces hold {} elements, {} needed for shape {}", sum, whole, to_string(shape)));
  check_disjoint(filled, shape.size());
}

std::shared_ptr<const StorageSource> assembled(Shape shape, DType dtype, std::vector<Piece> pieces) {
  return std::make_shared<Assembled>(shape, dtype, std::move(pieces));
}

}  // namespace flambeau::formats::dcp
