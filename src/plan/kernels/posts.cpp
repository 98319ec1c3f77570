#include "plan/kernels/posts.h"

#include "plan/kernels/vector.h"

namespace flambeau::plan {

void apply_posts(std::span<const Post> posts, Range rows, Range columns, std::int64_t width, const float* z, float* y) {
  const auto& kernels = vector_kernels();
  for (const Post& post : posts)
    for (std::int64_t row = rows.first; row < rows.last; ++row) {
      const std::int64_t at = row * width + columns.first;
      if (post.kind == Post::Kind::activation)
        kernels.activate(post.activation, y + at, y + at, columns.size());
      else
        kernels.combine(Combine::add, {1, columns.size(), 0, 1, 0, 1, 0}, y + at, z + at, z, y + at);
    }
}

}  // namespace flambeau::plan
