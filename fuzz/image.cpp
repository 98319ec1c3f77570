// JPEG and PNG, decoded and prepared.
#include <flambeau/vision.h>

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run(data, size, [](std::span<const std::byte> bytes) {
    const auto image = flambeau::vision::decode(bytes, {.max_pixels = 1 << 20, .max_file_bytes = 1 << 20});
    flambeau::vision::preprocess(image, {.resize = 32, .crop = 28});
  });
}
