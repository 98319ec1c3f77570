#pragma once
// One to three spatial dimensions seen as three: missing ones in front have size 1.

#include <array>
#include <cstdint>

#include <flambeau/tensor.h>

namespace flambeau::plan::reference {

using Three = std::array<std::int64_t, 3>;

/// The last `count` values of `values`, filled up in front.
inline Three three(const Shape& values, std::size_t count, std::int64_t fill) {
  Three result = {fill, fill, fill};
  for (std::size_t i = 0; i < count; ++i) result[3 - count + i] = values[values.size() - count + i];
  return result;
}

/// Calls f(z, y, x) for all indices below `size`.
template <class F>
void for_each(const Three& size, F&& f) {
  for (std::int64_t z = 0; z < size[0]; ++z)
    for (std::int64_t y = 0; y < size[1]; ++y)
      for (std::int64_t x = 0; x < size[2]; ++x) f(Three{z, y, x});
}

/// Row-major offset of `index` in `size`.
inline std::int64_t offset(const Three& index, const Three& size) {
  return (index[0] * size[1] + index[1]) * size[2] + index[2];
}

inline bool inside(const Three& index, const Three& size) {
  for (std::size_t i = 0; i < 3; ++i)
    if (index[i] < 0 || index[i] >= size[i]) return false;
  return true;
}

inline std::int64_t volume(const Three& size) { return size[0] * size[1] * size[2]; }

}  // namespace flambeau::plan::reference
