#pragma once
/// Images in: decoding, Pillow's resize and torchvision's preprocessing, bit for bit.
///
/// Everything here gives the numbers that PIL (13.0) and torchvision (0.28) give for the same file: `decode` equals
/// `Image.open(f).convert('RGB')`, `resize` equals `Image.resize`, `preprocess` equals `weights.transforms()(image)`.
/// Threads: all functions are free of shared state. Errors: Error(not_found, io, unknown_format, truncated, corrupt,
/// unsupported, limit, invalid_argument).

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <flambeau/tensor.h>

namespace flambeau::vision {

/// Resampling filters, with Pillow's meaning: all but `nearest` widen with the scale when they shrink.
enum class Interpolation : std::uint8_t { nearest, bilinear, bicubic, box, hamming, lanczos };
/// "bilinear", …
std::string_view name(Interpolation interpolation) noexcept;

/// torchvision's ImageClassification preset: what an image goes through before a model sees it. A literal type.
struct Preset {
  std::int64_t resize = 256;  ///< length of the shorter edge; 0: no resize
  std::int64_t crop =
      224;  ///< edge of the square cut from the centre (black is added around smaller images); 0: no crop
  std::array<double, 3> mean{0.485, 0.456, 0.406};
  std::array<double, 3> std{0.229, 0.224, 0.225};
  Interpolation interpolation = Interpolation::bilinear;
  int channels = 3;  ///< 1: Pillow's convert('L') before the resize; only mean[0] and std[0] count
};

/// 8-bit pixels in own memory, row-major, channels interleaved (RGB, or gray). A value.
class Image {
 public:
  Image() = default;
  /// Black. Throws Error(invalid_argument) on sizes below 0 or other channels than 1 and 3, Error(limit) above 2^40
  /// bytes.
  Image(std::int64_t height, std::int64_t width, int channels = 3);

  std::int64_t height() const noexcept { return height_; }
  std::int64_t width() const noexcept { return width_; }
  int channels() const noexcept { return channels_; }
  std::span<const std::uint8_t> pixels() const noexcept { return pixels_; }
  std::span<std::uint8_t> pixels() noexcept { return pixels_; }
  /// One row: width × channels bytes.
  std::span<const std::uint8_t> row(std::int64_t y) const { return pixels().subspan(row_start(y), row_bytes()); }
  std::span<std::uint8_t> row(std::int64_t y) { return pixels().subspan(row_start(y), row_bytes()); }

 private:
  std::size_t row_bytes() const noexcept { return static_cast<std::size_t>(width_ * channels_); }
  std::size_t row_start(std::int64_t y) const noexcept { return static_cast<std::size_t>(y) * row_bytes(); }
  std::int64_t height_ = 0, width_ = 0;
  int channels_ = 3;
  std::vector<std::uint8_t> pixels_{};
};

struct DecodeOptions {
  /// A small file can claim a huge picture; Pillow stops at the same number.
  std::uint64_t max_pixels = 178'956'970;
  /// Bytes of one image file.
  std::uint64_t max_file_bytes = 1ull << 30;
};

/// JPEG (baseline, progressive, arithmetic; gray, YCbCr, RGB, CMYK, YCCK) or PNG (every colour type and depth), to RGB.
/// The content decides, never a name. Alpha is dropped, EXIF orientation is not applied: as Pillow. Unlike Pillow, a
/// JPEG whose entropy-coded data are damaged is refused rather than shown in gray.
Image decode(std::span<const std::byte> bytes, const DecodeOptions& options = {});
Image decode_file(const std::string& path, const DecodeOptions& options = {});

/// Pillow's convert('L'): (19595 R + 38470 G + 7471 B + 32768) >> 16. Itself if it is gray already.
Image to_gray(const Image& image);
/// Pillow's Image.resize on 8-bit pixels: two passes, rounded after each. Horizontal first, unless the height loses
/// more than twice what the width does: then Pillow 13 goes vertically first. Older ones never do, and differ by a
/// level there.
Image resize(const Image& image, std::int64_t height, std::int64_t width, Interpolation interpolation);
/// torchvision's Resize(size): the shorter edge becomes `size`, the longer one int(size × long / short).
Image resize_shorter_edge(const Image& image, std::int64_t size, Interpolation interpolation);
/// torchvision's CenterCrop(size): offsets round half to even; smaller images get black around them.
Image center_crop(const Image& image, std::int64_t size);

/// (1, C, H, W) float32: resize, crop, x / 255, (x − mean) / std, each step rounded to float32 as torchvision does.
Tensor preprocess(const Image& image, const Preset& preset);
Tensor preprocess(const std::string& path, const Preset& preset, const DecodeOptions& options = {});
/// (N, C, H, W); the files are shared out over `threads` (0: all processors). All images must come out equally large
/// (a crop sees to that), else Error(mismatch). The first file that cannot be read ends it.
Tensor preprocess(std::span<const std::string> paths, const Preset& preset, int threads = 0,
                  const DecodeOptions& options = {});

}  // namespace flambeau::vision
