// The zip directory and every record of a reasonable size.
#include "archive/zip.h"

#include "bytes/source.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run(data, size, [](std::span<const std::byte> bytes) {
    const flambeau::archive::ZipReader reader(flambeau::bytes::borrow(bytes), fuzz::limits());
    for (const auto& entry : reader.entries()) {
      if (entry.size > 1 << 20) continue;
      try {
        reader.read(entry);
      } catch (const flambeau::Error&) {  // one bad record says nothing about the next
      }
    }
  });
}
