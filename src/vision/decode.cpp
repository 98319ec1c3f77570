#include <fmt/format.h>

#include "bytes/source.h"
#include "vision/decoders.h"

#include <flambeau/error.h>

namespace flambeau::vision {

void check_pixels(std::uint64_t width, std::uint64_t height, const DecodeOptions& options) {
  // Both formats keep sizes below 2^31, so the product fits.
  if (width * height > options.max_pixels) {
    throw Error(ErrorCode::limit,
                fmt::format("image of {} x {} has {} pixels, more than max_pixels = {} of DecodeOptions", width, height,
                            width * height, options.max_pixels));
  }
}

Image decode(std::span<const std::byte> bytes, const DecodeOptions& options) {
  if (bytes.size() > options.max_file_bytes) {
    throw Error(ErrorCode::limit, fmt::format("image file of {} bytes, more than max_file_bytes = {} of DecodeOptions",
                                              bytes.size(), options.max_file_bytes));
  }
  if (looks_like_jpeg(bytes)) return decode_jpeg(bytes, options);
  if (looks_like_png(bytes)) return decode_png(bytes, options);
  if (bytes.empty()) throw Error(ErrorCode::truncated, "0 bytes, a jpeg or png image expected");
  std::string head;
  for (const std::byte byte : bytes.first(std::min<std::size_t>(bytes.size(), 4))) {
    head += fmt::format(" {:02x}", static_cast<unsigned>(byte));
  }
  throw Error(ErrorCode::unknown_format, "neither jpeg nor png: starts with" + head);
}

Image decode_file(const std::string& path, const DecodeOptions& options) {
  const auto source = bytes::open_file(path, bytes::Access::pread);
  try {
    if (source->size() > options.max_file_bytes) {
      throw Error(ErrorCode::limit,
                  fmt::format("image file of {} bytes, more than max_file_bytes = {} of DecodeOptions", source->size(),
                              options.max_file_bytes));
    }
    std::vector<std::byte> content(static_cast<std::size_t>(source->size()));
    source->read(0, content);
    return decode(content, options);
  } catch (const Error& error) {
    throw error.at({.file = path});
  }
}

}  // namespace flambeau::vision
