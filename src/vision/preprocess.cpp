#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "base/threads.h"
#include "vision/resize.h"

#include <flambeau/error.h>

namespace flambeau::vision {
namespace {

/// Where an image of one edge length lands under a centre crop: the part that is kept, and where it goes.
struct Span {
  std::int64_t from, to, length;
};

std::int64_t half_to_even(std::int64_t doubled) {
  const std::int64_t half = doubled / 2;
  return doubled % 2 == 0 ? half : half + half % 2;
}

/// torchvision pads to the crop's size first; where it padded, nothing is left to crop.
Span crop_span(std::int64_t edge, std::int64_t crop) {
  if (edge < crop) return {0, (crop - edge) / 2, edge};
  return {half_to_even(edge - crop), 0, crop};
}

void check_crop(std::int64_t size) {
  if (size < 1) throw Error(ErrorCode::invalid_argument, fmt::format("a crop to {} pixels; 1 at least needed", size));
}

/// `part` on black, size × size.
Image place(const Image& part, std::int64_t size, std::int64_t top, std::int64_t left) {
  if (part.height() == size && part.width() == size) return part;
  Image out(size, size, part.channels());
  for (std::int64_t y = 0; y < part.height(); ++y) {
    const std::span<const std::uint8_t> from = part.row(y);
    std::memcpy(out.row(top + y).data() + left * part.channels(), from.data(), from.size());
  }
  return out;
}

/// Resize and crop in one: only pixels that the crop keeps are made.
Image fit(const Image& image, const Preset& preset) {
  Size size{image.height(), image.width()};
  if (preset.resize != 0) size = resized_size(image, preset.resize);
  if (preset.crop == 0) return resize(image, size.height, size.width, preset.interpolation);
  check_crop(preset.crop);
  const Span rows = crop_span(size.height, preset.crop), columns = crop_span(size.width, preset.crop);
  const Image part = resize_window(image, size.height, size.width, preset.interpolation,
                                   {rows.from, columns.from, rows.length, columns.length});
  return place(part, preset.crop, rows.to, columns.to);
}

/// One channel's 256 possible values: a table makes the two divisions free and stays exact.
std::array<float, 256> values_of(double mean, double std) {
  std::array<float, 256> values{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = (static_cast<float>(i) / 255.0f - static_cast<float>(mean)) / static_cast<float>(std);
  }
  return values;
}

Image prepare(const Image& image, const Preset& preset) {
  if (preset.channels != 1 && preset.channels != 3) {
    throw Error(ErrorCode::invalid_argument, fmt::format("a preset of {} channels; 1 or 3 are known", preset.channels));
  }
  if (preset.channels == 1) return fit(to_gray(image), preset);
  if (image.channels() == 3) return fit(image, preset);
  throw Error(ErrorCode::invalid_argument, "a gray image for a preset of 3 channels");
}

/// Writes CHW floats.
void normalize(const Image& image, const Preset& preset, std::span<float> out) {
  const auto channels = static_cast<std::size_t>(image.channels());
  const std::size_t area = out.size() / channels;
  const std::uint8_t* pixels = image.pixels().data();
  for (std::size_t c = 0; c < channels; ++c) {
    const std::array<float, 256> values = values_of(preset.mean[c], preset.std[c]);
    float* plane = out.data() + c * area;
    for (std::size_t i = 0; i < area; ++i) plane[i] = values[pixels[i * channels + c]];
  }
}

}  // namespace

Image center_crop(const Image& image, std::int64_t size) {
  check_crop(size);
  return fit(image, {.resize = 0, .crop = size});
}

Tensor preprocess(const Image& image, const Preset& preset) {
  const Image fitted = prepare(image, preset);
  Tensor tensor = Tensor::uninitialized({1, fitted.channels(), fitted.height(), fitted.width()});
  normalize(fitted, preset, tensor.mutable_data<float>());
  return tensor;
}

Tensor preprocess(const std::string& path, const Preset& preset, const DecodeOptions& options) {
  try {
    return preprocess(decode_file(path, options), preset);
  } catch (const Error& error) {
    throw error.at({.file = path});
  }
}

Tensor preprocess(std::span<const std::string> paths, const Preset& preset, int threads, const DecodeOptions& options) {
  if (paths.empty()) throw Error(ErrorCode::invalid_argument, "a batch of 0 images");
  std::vector<Image> images(paths.size());
  const std::size_t wanted = threads > 0 ? static_cast<std::size_t>(threads) : std::thread::hardware_concurrency();
  base::in_threads(wanted, paths.size(), [&](std::size_t i) {
    try {
      images[i] = prepare(decode_file(paths[i], options), preset);
    } catch (const Error& error) {
      throw error.at({.file = paths[i]});
    }
  });

  const Image& first = images.front();
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (images[i].height() == first.height() && images[i].width() == first.width()) continue;
    throw Error(ErrorCode::mismatch,
                fmt::format("image of {} x {} in a batch of {} x {}: a preset with a crop makes them equal",
                            images[i].width(), images[i].height(), first.width(), first.height()),
                {.file = paths[i]});
  }
  Tensor batch = Tensor::uninitialized(
      {static_cast<std::int64_t>(images.size()), first.channels(), first.height(), first.width()});
  const std::span<float> out = batch.mutable_data<float>();
  const std::size_t each = out.size() / images.size();
  for (std::size_t i = 0; i < images.size(); ++i) normalize(images[i], preset, out.subspan(i * each, each));
  return batch;
}

}  // namespace flambeau::vision
