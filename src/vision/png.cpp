#include <csetjmp>

#include <array>
#include <cstring>
#include <string>

#include <png.h>

#include <fmt/format.h>

#include "vision/decoders.h"

#include <flambeau/error.h>

namespace flambeau::vision {
namespace {

// deflate cannot do better.
constexpr std::uint64_t max_inflated_ratio = 1032;

/// As in jpeg.cpp: libpng's error callback jumps to the step that called it; steps keep plain locals only.
struct Decoder {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::span<const std::byte> bytes{};
  std::size_t position = 0;
  ErrorCode code = ErrorCode::corrupt;
  std::array<char, 256> message{};
  std::jmp_buf jump{};
  png_uint_32 width = 0, height = 0;
  int depth = 0, color = 0, passes = 1;
  std::size_t row_bytes = 0;

  explicit Decoder(std::span<const std::byte> input) : bytes(input) {}
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }

  bool read_header() noexcept;
  bool read_rows(std::uint8_t* raw) noexcept;
  [[noreturn]] void raise() const { throw Error(code, std::string("png: ") + message.data()); }
};

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  Decoder& decoder = *static_cast<Decoder*>(png_get_error_ptr(png));
  std::size_t length = std::min(std::strlen(text), decoder.message.size() - 1);
  for (std::size_t i = 0; i < length; ++i) {
    const char c = text[i];
    decoder.message[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  std::longjmp(decoder.jump, 1);
}

void on_read(png_structp png, png_bytep into, std::size_t size) {
  Decoder& decoder = *static_cast<Decoder*>(png_get_io_ptr(png));
  if (size > decoder.bytes.size() - decoder.position) {
    decoder.code = ErrorCode::truncated;
    std::array<char, 128> text{};
    fmt::format_to_n(text.data(), text.size() - 1, "{} bytes at byte {} needed, {} left", size, decoder.position,
                     decoder.bytes.size() - decoder.position);
    png_error(png, text.data());
  }
  std::memcpy(into, decoder.bytes.data() + decoder.position, size);
  decoder.position += size;
}

bool Decoder::read_header() noexcept {
  if (setjmp(jump) != 0) return false;  // NOLINT: the C library's way
  png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, [](png_structp, png_const_charp) {});
  if (png != nullptr) info = png_create_info_struct(png);
  if (info == nullptr) {
    code = ErrorCode::limit;
    fmt::format_to_n(message.data(), message.size() - 1, "no memory for the decoder");
    return false;
  }
  png_set_read_fn(png, this, on_read);
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // max_pixels decides
  // Only IHDR, PLTE, tRNS, IDAT and IEND: colour profiles and texts do not change pixels here, as in Pillow.
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);  // of every chunk, as Pillow
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(png, info);
  png_get_IHDR(png, info, &width, &height, &depth, &color, nullptr, nullptr, nullptr);
  if (color == PNG_COLOR_TYPE_PALETTE) {
    png_set_packing(png);
  } else if (depth < 8) {
    png_set_expand_gray_1_2_4_to_8(png);
  } else if (depth == 16 && color != PNG_COLOR_TYPE_GRAY) {
    png_set_strip_16(png);  // Pillow keeps the high byte
  }
  if ((color & PNG_COLOR_MASK_ALPHA) != 0) png_set_strip_alpha(png);
  passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  row_bytes = png_get_rowbytes(png, info);
  return true;
}

bool Decoder::read_rows(std::uint8_t* raw) noexcept {
  if (setjmp(jump) != 0) return false;  // NOLINT
  for (int pass = 0; pass < passes; ++pass) {
    for (png_uint_32 y = 0; y < height; ++y) png_read_row(png, raw + y * row_bytes, nullptr);
  }
  png_set_crc_action(png, PNG_CRC_NO_CHANGE, PNG_CRC_QUIET_USE);  // Pillow does not look at those behind the pixels
  png_read_end(png, nullptr);
  return true;
}

using Palette = std::array<std::array<std::uint8_t, 3>, 256>;

/// Entries that the file leaves out are black, as in Pillow.
Palette palette_of(const Decoder& decoder) {
  Palette palette{};
  png_colorp colors = nullptr;
  int count = 0;
  png_get_PLTE(decoder.png, decoder.info, &colors, &count);
  for (int i = 0; i < count; ++i)
    palette[static_cast<std::size_t>(i)] = {colors[i].red, colors[i].green, colors[i].blue};
  return palette;
}

}  // namespace

bool looks_like_png(std::span<const std::byte> bytes) noexcept {
  constexpr std::array<unsigned char, 8> signature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  return bytes.size() >= signature.size() && std::memcmp(bytes.data(), signature.data(), signature.size()) == 0;
}

Image decode_png(std::span<const std::byte> bytes, const DecodeOptions& options) {
  Decoder decoder(bytes);
  if (!decoder.read_header()) decoder.raise();
  check_pixels(decoder.width, decoder.height, options);
  const int bits = decoder.depth * png_get_channels(decoder.png, decoder.info);
  const std::uint64_t needed = (std::uint64_t{decoder.width} * static_cast<unsigned>(bits) + 7) / 8 * decoder.height;
  if (needed / max_inflated_ratio > bytes.size()) {
    throw Error(ErrorCode::truncated,
                fmt::format("png: {} bytes cannot hold {} x {} pixels", bytes.size(), decoder.width, decoder.height));
  }
  Image image(decoder.height, decoder.width);
  if (decoder.color == PNG_COLOR_TYPE_RGB || decoder.color == PNG_COLOR_TYPE_RGB_ALPHA) {
    if (!decoder.read_rows(image.pixels().data())) decoder.raise();
    return image;
  }

  std::vector<std::uint8_t> raw(decoder.row_bytes * decoder.height);
  if (!decoder.read_rows(raw.data())) decoder.raise();
  const std::span<std::uint8_t> pixels = image.pixels();
  const std::size_t count = pixels.size() / 3;
  if (decoder.color == PNG_COLOR_TYPE_PALETTE) {
    const Palette palette = palette_of(decoder);
    for (std::size_t i = 0; i < count; ++i) std::memcpy(&pixels[3 * i], palette[raw[i]].data(), 3);
  } else if (decoder.depth == 16 && decoder.color == PNG_COLOR_TYPE_GRAY) {
    // Pillow's mode I;16 is clipped, not scaled.
    for (std::size_t i = 0; i < count; ++i) std::memset(&pixels[3 * i], raw[2 * i] == 0 ? raw[2 * i + 1] : 255, 3);
  } else {
    for (std::size_t i = 0; i < count; ++i) std::memset(&pixels[3 * i], raw[i], 3);
  }
  return image;
}

}  // namespace flambeau::vision
