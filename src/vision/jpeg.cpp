#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE

#include <array>
#include <string>

#include <jerror.h>
#include <jpeglib.h>

#include <fmt/format.h>

#include "vision/decoders.h"

#include <flambeau/error.h>

namespace flambeau::vision {
namespace {

// Real progressive files have about ten scans; each one costs a pass over all coefficients.
constexpr int max_scans = 500;
// A Huffman-coded 8 x 8 block takes at least one bit.
constexpr std::uint64_t max_pixels_per_byte = 8 * 64;

/// libjpeg reports errors by calling back; the callbacks jump to the step that called libjpeg. No object with a
/// destructor may live between a step's setjmp and its calls, so the steps are functions of plain locals.
struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  ErrorCode code = ErrorCode::corrupt;
  std::array<char, JMSG_LENGTH_MAX> message{};

  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&info); }

  bool read_header(std::span<const std::byte> bytes) noexcept;
  bool start() noexcept;
  bool read_rows(std::uint8_t* const* rows, unsigned count) noexcept;
  bool finish() noexcept;
  [[noreturn]] void raise() const;
};

Decoder& self(j_common_ptr info) { return *static_cast<Decoder*>(info->client_data); }

[[noreturn]] void fail(j_common_ptr info, ErrorCode code) {
  Decoder& decoder = self(info);
  decoder.code = code;
  info->err->format_message(info, decoder.message.data());
  std::longjmp(decoder.jump, 1);
}

[[noreturn]] void on_error(j_common_ptr info) {
  switch (info->err->msg_code) {
    case JERR_INPUT_EOF:
    case JERR_INPUT_EMPTY:
      fail(info, ErrorCode::truncated);
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOT_COMPILED:
      fail(info, ErrorCode::unsupported);
    default:
      fail(info, ErrorCode::corrupt);
  }
}

void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;  // trace
  switch (info->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_EXTRANEOUS_DATA:  // padding between segments: common in files of cameras, harmless
    case JWRN_TOO_MUCH_DATA:
      return;
    case JWRN_JPEG_EOF:
      fail(info, ErrorCode::truncated);
    default:
      fail(info, ErrorCode::corrupt);
  }
}

void on_progress(j_common_ptr info) {
  Decoder& decoder = self(info);
  if (decoder.info.input_scan_number <= max_scans) return;
  fmt::format_to_n(decoder.message.data(), decoder.message.size() - 1, "more than {} scans", max_scans);
  decoder.code = ErrorCode::limit;
  std::longjmp(decoder.jump, 1);
}

bool Decoder::read_header(std::span<const std::byte> bytes) noexcept {
  info.err = jpeg_std_error(&errors);
  errors.error_exit = on_error;
  errors.emit_message = on_message;
  errors.output_message = [](j_common_ptr) {};
  info.client_data = this;
  if (setjmp(jump) != 0) return false;  // NOLINT: the C library's way
  jpeg_create_decompress(&info);
  progress.progress_monitor = on_progress;
  info.progress = &progress;
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&info, TRUE);
  return true;
}

bool Decoder::start() noexcept {
  if (setjmp(jump) != 0) return false;  // NOLINT
  info.out_color_space = info.num_components == 4 ? JCS_CMYK : JCS_RGB;
  // Pillow's pixels: the accurate integer transform and smooth chroma upsampling.
  info.dct_method = JDCT_ISLOW;
  info.do_fancy_upsampling = TRUE;
  jpeg_start_decompress(&info);
  return true;
}

bool Decoder::read_rows(std::uint8_t* const* rows, unsigned count) noexcept {
  if (setjmp(jump) != 0) return false;  // NOLINT
  for (unsigned done = 0; done < count;) {
    done += jpeg_read_scanlines(&info, const_cast<JSAMPARRAY>(rows) + done, count - done);
  }
  return true;
}

bool Decoder::finish() noexcept {
  if (setjmp(jump) != 0) return false;  // NOLINT
  jpeg_finish_decompress(&info);
  return true;
}

void Decoder::raise() const {
  std::string text = message.data();
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  throw Error(code, "jpeg: " + text);
}

/// CMYK as Pillow reads it (always inverted, as Adobe writes it) to RGB as Pillow converts it.
void cmyk_to_rgb(std::span<const std::uint8_t> cmyk, std::span<std::uint8_t> rgb) {
  for (std::size_t x = 0; x < rgb.size() / 3; ++x) {
    const int white = cmyk[4 * x + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      const int product = (255 - cmyk[4 * x + c]) * white + 128;
      rgb[3 * x + c] = static_cast<std::uint8_t>(std::max(0, white - (((product >> 8) + product) >> 8)));
    }
  }
}

}  // namespace

bool looks_like_jpeg(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= 3 && bytes[0] == std::byte{0xff} && bytes[1] == std::byte{0xd8} && bytes[2] == std::byte{0xff};
}

Image decode_jpeg(std::span<const std::byte> bytes, const DecodeOptions& options) {
  Decoder decoder;
  if (!decoder.read_header(bytes)) decoder.raise();
  const jpeg_decompress_struct& info = decoder.info;
  check_pixels(info.image_width, info.image_height, options);
  if (info.num_components != 1 && info.num_components != 3 && info.num_components != 4) {
    throw Error(ErrorCode::unsupported, fmt::format("jpeg: {} components; 1, 3 or 4 are read", info.num_components));
  }
  const std::uint64_t pixels = std::uint64_t{info.image_width} * info.image_height;
  if (!info.arith_code && pixels > bytes.size() * max_pixels_per_byte) {
    throw Error(ErrorCode::truncated,
                fmt::format("jpeg: {} bytes cannot hold {} x {} pixels, {} at least needed", bytes.size(),
                            info.image_width, info.image_height, pixels / max_pixels_per_byte));
  }
  Image image(info.image_height, info.image_width);
  if (!decoder.start()) decoder.raise();

  const bool cmyk = info.num_components == 4;
  std::vector<std::uint8_t> buffer(cmyk ? 4 * static_cast<std::size_t>(image.width()) : 0);
  constexpr std::int64_t batch = 16;
  std::array<std::uint8_t*, batch> rows{};
  for (std::int64_t y = 0; y < image.height();) {
    const std::int64_t count = cmyk ? 1 : std::min(batch, image.height() - y);
    for (std::int64_t i = 0; i < count; ++i) rows[static_cast<std::size_t>(i)] = image.row(y + i).data();
    if (cmyk) rows[0] = buffer.data();
    if (!decoder.read_rows(rows.data(), static_cast<unsigned>(count))) decoder.raise();
    if (cmyk) cmyk_to_rgb(buffer, image.row(y));
    y += count;
  }
  if (!decoder.finish()) decoder.raise();
  return image;
}

}  // namespace flambeau::vision
