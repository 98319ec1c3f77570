#include "plan/layout.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "plan/array.h"

namespace flambeau::plan {
namespace {

Shape dense_strides(const Shape& sizes) {
  Shape strides(sizes.size(), 1);
  for (std::size_t i = sizes.size(); i-- > 1;) strides[i - 1] = strides[i] * std::max<std::int64_t>(sizes[i], 1);
  return strides;
}

std::int64_t blocks(std::int64_t size, std::int64_t block) { return (size + block - 1) / block; }

/// Sizes as the strides of a layout count them: channels in blocks.
Shape outer_sizes(const Layout& layout, const Shape& shape) {
  Shape sizes = shape;
  if (layout.block > 1) sizes[1] = blocks(sizes[1], layout.block);
  return sizes;
}

}  // namespace

Layout Layout::plain(const Shape& shape) { return {dense_strides(shape), 0, 1}; }

Layout Layout::channels_last(const Shape& shape) {
  if (shape.size() < 3) return plain(shape);
  Shape order(shape.begin(), shape.end());
  std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  Shape strides = dense_strides(order);
  std::rotate(strides.begin() + 1, strides.end() - 1, strides.end());
  return {strides, 0, 1};
}

Layout Layout::blocked(const Shape& shape, std::int64_t block) {
  Layout layout{{}, 0, block};
  Shape sizes = outer_sizes(layout, shape);
  sizes.push_back(block);
  layout.strides = dense_strides(sizes);
  layout.strides.pop_back();
  return layout;
}

Layout Layout::as(bool narrow) const {
  Layout layout = *this;
  layout.bfloat16 = narrow;
  return layout;
}

Layout canonical(Layout layout, const Shape& shape) {
  const bool flat = layout.block > 1 && shape[1] % layout.block == 0 &&
                    std::all_of(shape.begin() + 2, shape.end(), [](std::int64_t size) { return size == 1; });
  if (!flat) return layout;
  layout.block = 1;
  std::fill(layout.strides.begin() + 1, layout.strides.end(), 1);
  return layout;
}

bool same(const Layout& a, const Layout& b, const Shape& shape) {
  const Layout x = canonical(a, shape), y = canonical(b, shape);
  if (x.bfloat16 != y.bfloat16 || x.offset != y.offset || x.block != y.block || x.strides.size() != y.strides.size())
    return false;
  const Shape sizes = outer_sizes(x, shape);
  for (std::size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] > 1 && x.strides[i] != y.strides[i]) return false;
  return true;
}

bool is_plain(const Layout& layout, const Shape& shape) { return same(layout, Layout::plain(shape), shape); }

bool is_dense(const Layout& layout, const Shape& shape) {
  const Shape sizes = outer_sizes(layout, shape);
  std::vector<std::pair<std::int64_t, std::int64_t>> dims;  // stride, size
  for (std::size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] > 1) dims.emplace_back(layout.strides[i], sizes[i]);
  std::sort(dims.begin(), dims.end());
  std::int64_t expected = layout.block;
  for (const auto& [stride, size] : dims) {
    if (stride != expected) return false;
    expected *= size;
  }
  return true;
}

std::int64_t extent(const Layout& layout, const Shape& shape) {
  const Shape sizes = outer_sizes(layout, shape);
  std::int64_t last = layout.offset + layout.block;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) return layout.offset;
    last += (sizes[i] - 1) * layout.strides[i];
  }
  return last;
}

std::int64_t offset_of(const Layout& layout, const Shape& index) noexcept {
  std::int64_t offset = layout.offset;
  for (std::size_t i = 0; i < index.size(); ++i) {
    const bool in_blocks = i == 1 && layout.block > 1;
    offset += (in_blocks ? index[i] / layout.block : index[i]) * layout.strides[i];
    if (in_blocks) offset += index[i] % layout.block;
  }
  return offset;
}

bool view_permute(const Layout& from, const Shape& order, Layout& to) {
  if (from.block > 1) return false;
  Layout result{{}, from.offset, 1, from.bfloat16};
  for (const std::int64_t dim : order) result.strides.push_back(from.strides[static_cast<std::size_t>(dim)]);
  to = std::move(result);
  return true;
}

bool view_reshape(const Layout& given, const Shape& shape, const Shape& target, Layout& to) {
  const Layout from = canonical(given, shape);
  if (from.block > 1 || product(shape) == 0) return false;
  // Both shapes are cut into groups of dimensions with equal products; within a group the memory must be one run.
  Layout result{Shape(target.size(), 1), from.offset, 1, from.bfloat16};
  std::size_t i = 0, j = 0;
  while (i < shape.size() || j < target.size()) {
    const std::size_t first_i = i, first_j = j;
    std::int64_t have = 1, want = 1;
    if (i < shape.size()) have = shape[i++];
    if (j < target.size()) want = target[j++];
    while (have != want) {
      if (have < want) {
        have *= shape[i++];
      } else {
        want *= target[j++];
      }
    }
    // Trailing ones join no group otherwise.
    while (i < shape.size() && shape[i] == 1) ++i;
    while (j < target.size() && target[j] == 1) ++j;
    std::int64_t stride = 1, expected = -1;
    for (std::size_t k = i; k-- > first_i;) {
      if (shape[k] == 1) continue;
      if (expected < 0) stride = expected = from.strides[k];
      if (from.strides[k] != expected) return false;
      expected = from.strides[k] * shape[k];
    }
    for (std::size_t k = j; k-- > first_j;) {
      result.strides[k] = stride;
      stride *= target[k];
    }
  }
  to = std::move(result);
  return true;
}

bool view_narrow(const Layout& from, std::int64_t dim, std::int64_t start, std::int64_t length, const Shape& shape,
                 Layout& to) {
  Layout result = from;
  const auto d = static_cast<std::size_t>(dim);
  if (from.block > 1) {
    // Blocks stay dense only when the batch is one or the cut is none; a cut inside a block moves elements.
    if (d != 1 || shape[0] != 1 || start % from.block != 0 || length % from.block != 0) return false;
    result.offset += start / from.block * from.strides[1];
  } else {
    result.offset += start * from.strides[d];
  }
  to = std::move(result);
  return true;
}

std::string to_string(const Layout& layout, const Shape& shape) {
  if (layout.bfloat16) return to_string(layout.as(false), shape) + " bfloat16";
  if (is_plain(layout, shape)) return "plain";
  if (layout.block > 1) return "blocked" + std::to_string(layout.block);
  if (same(layout, Layout::channels_last(shape), shape)) return "channels_last";
  return "strides " + flambeau::to_string(layout.strides) +
         (layout.offset ? " offset " + std::to_string(layout.offset) : "");
}

}  // namespace flambeau::plan
