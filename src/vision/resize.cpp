#include "vision/resize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

#include <fmt/format.h>

#include <flambeau/error.h>

// The two inner loops are compiled for AVX2 as well; the loader picks. Integers only, so the results are the same.
// (ThreadSanitizer does not survive being called by the loader.)
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__has_attribute) && !defined(__SANITIZE_THREAD__)
#if __has_attribute(target_clones)
#define FLAMBEAU_CLONES __attribute__((target_clones("avx2", "default")))
#endif
#endif
#ifndef FLAMBEAU_CLONES
#define FLAMBEAU_CLONES
#endif

namespace flambeau::vision {
namespace {

constexpr std::array<std::string_view, 6> names = {"nearest", "bilinear", "bicubic", "box", "hamming", "lanczos"};
static_assert(names.size() == static_cast<std::size_t>(Interpolation::lanczos) + 1);

// Fixed point of the weights: 32 bits less 8 of the pixel and 2 for the sum.
constexpr int precision = 32 - 8 - 2;
// Rows that the horizontal pass treats at once: one lane each.
constexpr std::size_t lanes = 8;

using Lanes = std::int32_t __attribute__((vector_size(lanes * sizeof(std::int32_t))));
using Pixels = std::uint8_t __attribute__((vector_size(lanes)));

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double support(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::box:
      return 0.5;
    case Interpolation::bicubic:
      return 2.0;
    case Interpolation::lanczos:
      return 3.0;
    default:
      return 1.0;
  }
}

double filter(Interpolation interpolation, double x) {
  const double distance = std::abs(x);
  switch (interpolation) {
    case Interpolation::box:
      return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case Interpolation::hamming: {
      if (distance == 0.0) return 1.0;
      if (distance >= 1.0) return 0.0;
      const double angle = distance * std::numbers::pi;
      return std::sin(angle) / angle * (0.54 + 0.46 * std::cos(angle));
    }
    case Interpolation::bicubic: {
      constexpr double a = -0.5;
      if (distance < 1.0) return ((a + 2.0) * distance - (a + 3.0)) * distance * distance + 1.0;
      if (distance < 2.0) return (((distance - 5.0) * distance + 8.0) * distance - 4.0) * a;
      return 0.0;
    }
    case Interpolation::lanczos:
      return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
    default:
      return distance < 1.0 ? 1.0 - distance : 0.0;
  }
}

/// For each output position the first input position and the weights.
struct Taps {
  struct Run {
    std::int64_t first;
    std::int64_t count;
    std::size_t weights;  // index of the first one
  };
  std::vector<Run> runs{};
  std::vector<std::int32_t> weights{};

  std::int64_t begin() const { return runs.front().first; }
  std::int64_t end() const {
    std::int64_t last = 0;
    for (const Run& run : runs) last = std::max(last, run.first + run.count);
    return last;
  }
  /// For an input that was cut to [begin, end).
  Taps from_begin() const {
    Taps moved = *this;
    for (Run& run : moved.runs) run.first -= begin();
    return moved;
  }
};

Taps make_taps(std::int64_t in, std::int64_t out, Interpolation interpolation, std::int64_t start,
               std::int64_t length) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double filter_scale = std::max(scale, 1.0);
  const double reach = support(interpolation) * filter_scale;
  const double step = 1.0 / filter_scale;
  Taps taps;
  taps.runs.reserve(static_cast<std::size_t>(length));
  std::vector<double> exact;
  for (std::int64_t i = start; i < start + length; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    // Truncated after adding a half, below zero too: as Pillow rounds.
    // NOLINTBEGIN(bugprone-incorrect-roundings)
    const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(center - reach + 0.5));
    const auto last = std::min(in, static_cast<std::int64_t>(center + reach + 0.5));
    // NOLINTEND(bugprone-incorrect-roundings)
    exact.clear();
    double sum = 0.0;
    for (std::int64_t x = first; x < last; ++x) {
      exact.push_back(filter(interpolation, (static_cast<double>(x) - center + 0.5) * step));
      sum += exact.back();
    }
    taps.runs.push_back({first, last - first, taps.weights.size()});
    for (double weight : exact) {
      if (sum != 0.0) weight /= sum;
      const double fixed = weight * (1 << precision);
      taps.weights.push_back(static_cast<std::int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return taps;
}

inline std::uint8_t clip(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> precision, 0, 255)); }

/// One output column of up to three channels: `block` holds its first input column, `lanes` rows of each channel side
/// by side.
FLAMBEAU_CLONES
void mix_columns(const std::uint8_t* block, const std::int32_t* weights, std::int64_t count, std::int64_t channels,
                 std::int32_t* sums) {
  for (std::int64_t c = 0; c < channels; ++c) {
    Lanes sum = Lanes{} + (1 << (precision - 1));
    const std::uint8_t* in = block + static_cast<std::size_t>(c) * lanes;
    for (std::int64_t i = 0; i < count; ++i) {
      Pixels pixels;
      std::memcpy(&pixels, in, sizeof(pixels));
      sum += __builtin_convertvector(pixels, Lanes) * weights[i];
      in += static_cast<std::size_t>(channels) * lanes;
    }
    std::memcpy(sums + static_cast<std::size_t>(c) * lanes, &sum, sizeof(sum));
  }
}

/// One output row: `in` is the first input row, `stride` bytes from row to row.
FLAMBEAU_CLONES
void mix_rows(const std::uint8_t* in, std::size_t stride, const std::int32_t* weights, std::int64_t count,
              std::size_t bytes, std::uint8_t* out) {
  constexpr std::size_t chunk = 64;
  for (std::size_t x = 0; x < bytes; x += chunk) {
    const std::size_t width = std::min(chunk, bytes - x);
    std::array<std::int32_t, chunk> sums;
    sums.fill(1 << (precision - 1));
    for (std::int64_t i = 0; i < count; ++i) {
      const std::uint8_t* row = in + static_cast<std::size_t>(i) * stride + x;
      const std::int32_t weight = weights[i];
      if (width == chunk) {
        for (std::size_t j = 0; j < chunk; ++j) sums[j] += row[j] * weight;
      } else {
        for (std::size_t j = 0; j < width; ++j) sums[j] += row[j] * weight;
      }
    }
    for (std::size_t j = 0; j < width; ++j) out[x + j] = clip(sums[j]);
  }
}

/// Lays `lanes` rows side by side: out[i · lanes + r] = rows[r][i].
void interleave(const std::array<const std::uint8_t*, lanes>& rows, std::size_t bytes, std::uint8_t* out) {
  using Half = std::uint8_t __attribute__((vector_size(16)));
  const auto low = [](Half a, Half b) {
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  };
  const auto high = [](Half a, Half b) {
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  };
  static_assert(lanes == 8);
  std::size_t i = 0;
  for (; i + 8 <= bytes; i += 8) {
    std::array<Half, 4> tile;
    for (std::size_t r = 0; r < lanes; ++r)
      std::memcpy(reinterpret_cast<std::uint8_t*>(tile.data()) + 8 * r, rows[r] + i, 8);
    // Riffling the two halves of 64 bytes turns an index's six bits by one; three times exchanges row and column.
    for (int round = 0; round < 3; ++round) {
      tile = {low(tile[0], tile[2]), high(tile[0], tile[2]), low(tile[1], tile[3]), high(tile[1], tile[3])};
    }
    std::memcpy(out + i * lanes, tile.data(), sizeof(tile));
  }
  for (; i < bytes; ++i) {
    for (std::size_t r = 0; r < lanes; ++r) out[i * lanes + r] = rows[r][i];
  }
}

/// Rows [top, top + height) of the image, resampled to the columns of `taps`.
Image resample_columns(const Image& image, const Taps& taps, std::int64_t top, std::int64_t height) {
  const std::int64_t width = static_cast<std::int64_t>(taps.runs.size());
  const auto channels = static_cast<std::size_t>(image.channels());
  Image out(height, width, image.channels());
  const auto first = static_cast<std::size_t>(taps.begin()) * channels;
  const auto used = static_cast<std::size_t>(taps.end()) * channels - first;
  std::vector<std::uint8_t> block(used * lanes);
  std::array<std::int32_t, 3 * lanes> sums{};
  for (std::int64_t y = 0; y < height; y += lanes) {
    const auto rows = static_cast<std::size_t>(std::min<std::int64_t>(lanes, height - y));
    std::array<const std::uint8_t*, lanes> from{};
    for (std::size_t r = 0; r < lanes; ++r) {  // beyond the last row: the last one again, unused
      from[r] = image.row(top + y + static_cast<std::int64_t>(std::min(r, rows - 1))).data() + first;
    }
    interleave(from, used, block.data());
    for (std::size_t x = 0; x < taps.runs.size(); ++x) {
      const Taps::Run& run = taps.runs[x];
      const std::size_t at = static_cast<std::size_t>(run.first) * channels - first;
      mix_columns(block.data() + at * lanes, taps.weights.data() + run.weights, run.count, image.channels(),
                  sums.data());
      for (std::size_t r = 0; r < rows; ++r) {
        std::uint8_t* to = out.row(y + static_cast<std::int64_t>(r)).data() + x * channels;
        for (std::size_t c = 0; c < channels; ++c) to[c] = clip(sums[c * lanes + r]);
      }
    }
  }
  return out;
}

/// Columns [left, left + width) of the image, resampled to the rows of `taps`.
Image resample_rows(const Image& image, const Taps& taps, std::int64_t left, std::int64_t width) {
  Image out(static_cast<std::int64_t>(taps.runs.size()), width, image.channels());
  const auto stride = static_cast<std::size_t>(image.width() * image.channels());
  const auto first = static_cast<std::size_t>(left * image.channels());
  for (std::size_t y = 0; y < taps.runs.size(); ++y) {
    const Taps::Run& run = taps.runs[y];
    const std::span<std::uint8_t> to = out.row(static_cast<std::int64_t>(y));
    mix_rows(image.row(run.first).data() + first, stride, taps.weights.data() + run.weights, run.count, to.size(),
             to.data());
  }
  return out;
}

/// Source positions of nearest-neighbour scaling; the sum is accumulated, as in Pillow.
std::vector<std::int64_t> nearest_positions(std::int64_t in, std::int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  std::vector<std::int64_t> positions(static_cast<std::size_t>(out));
  double at = scale * 0.5;
  for (std::int64_t& position : positions) {
    position = std::min(in - 1, static_cast<std::int64_t>(at));
    at += scale;
  }
  return positions;
}

Image resize_nearest(const Image& image, std::int64_t height, std::int64_t width, const Window& window) {
  const std::vector<std::int64_t> rows = nearest_positions(image.height(), height);
  const std::vector<std::int64_t> columns = nearest_positions(image.width(), width);
  const auto channels = static_cast<std::size_t>(image.channels());
  Image out(window.height, window.width, image.channels());
  for (std::int64_t y = 0; y < window.height; ++y) {
    const std::uint8_t* from = image.row(rows[static_cast<std::size_t>(window.top + y)]).data();
    std::uint8_t* to = out.row(y).data();
    for (std::int64_t x = 0; x < window.width; ++x, to += channels) {
      const auto column = static_cast<std::size_t>(columns[static_cast<std::size_t>(window.left + x)]);
      std::memcpy(to, from + column * channels, channels);
    }
  }
  return out;
}

Image cut(const Image& image, const Window& window) {
  Image out(window.height, window.width, image.channels());
  const auto left = static_cast<std::size_t>(window.left * image.channels());
  for (std::int64_t y = 0; y < window.height; ++y) {
    const std::span<std::uint8_t> to = out.row(y);
    std::memcpy(to.data(), image.row(window.top + y).data() + left, to.size());
  }
  return out;
}

}  // namespace

std::string_view name(Interpolation interpolation) noexcept { return names[static_cast<std::size_t>(interpolation)]; }

Image resize_window(const Image& image, std::int64_t height, std::int64_t width, Interpolation interpolation,
                    const Window& window) {
  if (image.height() < 1 || image.width() < 1 || height < 1 || width < 1) {
    throw Error(ErrorCode::invalid_argument, fmt::format("cannot resize an image of {} x {} to {} x {}", image.width(),
                                                         image.height(), width, height));
  }
  if (height == image.height() && width == image.width()) return cut(image, window);
  if (interpolation == Interpolation::nearest) return resize_nearest(image, height, width, window);
  const Taps columns = make_taps(image.width(), width, interpolation, window.left, window.width);
  const Taps rows = make_taps(image.height(), height, interpolation, window.top, window.height);
  if (height == image.height()) return resample_columns(image, columns, window.top, window.height);
  if (width == image.width()) return resample_rows(image, rows, window.left, window.width);
  // The first pass makes what the second will read.
  if (height < image.height() && image.height() - height > 2 * (image.width() - width)) {
    const std::int64_t left = columns.begin();
    return resample_columns(resample_rows(image, rows, left, columns.end() - left), columns.from_begin(), 0,
                            window.height);
  }
  const std::int64_t top = rows.begin();
  return resample_rows(resample_columns(image, columns, top, rows.end() - top), rows.from_begin(), 0, window.width);
}

Image resize(const Image& image, std::int64_t height, std::int64_t width, Interpolation interpolation) {
  return resize_window(image, height, width, interpolation, {0, 0, height, width});
}

}  // namespace flambeau::vision
