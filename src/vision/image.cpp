#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "vision/resize.h"

#include <flambeau/error.h>

namespace flambeau::vision {
namespace {

// A thin strip resized to its shorter edge can ask for terabytes.
constexpr std::int64_t max_bytes = 1ll << 40;
constexpr std::int64_t max_edge = 1ll << 24;

}  // namespace

Image::Image(std::int64_t height, std::int64_t width, int channels)
    : height_(height), width_(width), channels_(channels) {
  if (height < 0 || width < 0 || (channels != 1 && channels != 3)) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("no image of {} x {} with {} channels", width, height, channels));
  }
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(height, width, &bytes) || __builtin_mul_overflow(bytes, channels, &bytes) ||
      bytes > max_bytes) {
    throw Error(ErrorCode::limit,
                fmt::format("an image of {} x {} needs more than {} bytes", width, height, max_bytes));
  }
  pixels_.resize(static_cast<std::size_t>(bytes));
}

Image to_gray(const Image& image) {
  if (image.channels() == 1) return image;
  Image gray(image.height(), image.width(), 1);
  const std::span<const std::uint8_t> rgb = image.pixels();
  const std::span<std::uint8_t> out = gray.pixels();
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] =
        static_cast<std::uint8_t>((rgb[3 * i] * 19595 + rgb[3 * i + 1] * 38470 + rgb[3 * i + 2] * 7471 + 32768) >> 16);
  }
  return gray;
}

Size resized_size(const Image& image, std::int64_t shorter_edge) {
  const std::int64_t shorter = std::min(image.height(), image.width()),
                     longer = std::max(image.height(), image.width());
  if (shorter < 1 || shorter_edge < 1 || shorter_edge > max_edge) {
    throw Error(ErrorCode::invalid_argument, fmt::format("cannot resize an image of {} x {} to a shorter edge of {}",
                                                         image.width(), image.height(), shorter_edge));
  }
  const double scaled = static_cast<double>(shorter_edge) * static_cast<double>(longer) / static_cast<double>(shorter);
  if (scaled > static_cast<double>(max_edge)) {
    throw Error(ErrorCode::limit,
                fmt::format("an image of {} x {} resized to a shorter edge of {} would be {:.0f} long", image.width(),
                            image.height(), shorter_edge, scaled));
  }
  const auto new_longer = static_cast<std::int64_t>(scaled);
  return image.width() <= image.height() ? Size{new_longer, shorter_edge} : Size{shorter_edge, new_longer};
}

Image resize_shorter_edge(const Image& image, std::int64_t size, Interpolation interpolation) {
  const Size to = resized_size(image, size);
  return resize(image, to.height, to.width, interpolation);
}

}  // namespace flambeau::vision
