#pragma once
// Pillow's resampler, able to make only a part of the result (what a centre crop will keep).

#include <flambeau/vision.h>

namespace flambeau::vision {

/// A rectangle of the resized image.
struct Window {
  std::int64_t top, left, height, width;
};

/// The `window` of `image` resized to height × width; each pixel is what the whole resize gives there.
Image resize_window(const Image& image, std::int64_t height, std::int64_t width, Interpolation interpolation,
                    const Window& window);

/// Height and width after resize_shorter_edge. Throws Error(limit) when the longer edge explodes.
struct Size {
  std::int64_t height, width;
};
Size resized_size(const Image& image, std::int64_t shorter_edge);

}  // namespace flambeau::vision
