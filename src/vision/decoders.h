#pragma once
// One decoder per image format, each from memory to RGB. They throw Error without a file name; decode_file adds it.

#include <cstddef>
#include <span>

#include <flambeau/vision.h>

namespace flambeau::vision {

bool looks_like_jpeg(std::span<const std::byte> bytes) noexcept;
bool looks_like_png(std::span<const std::byte> bytes) noexcept;
Image decode_jpeg(std::span<const std::byte> bytes, const DecodeOptions& options);
Image decode_png(std::span<const std::byte> bytes, const DecodeOptions& options);

/// Refuses more pixels than the options allow.
void check_pixels(std::uint64_t width, std::uint64_t height, const DecodeOptions& options);

}  // namespace flambeau::vision
