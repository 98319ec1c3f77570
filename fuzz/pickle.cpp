// The pickle machine alone, without torch's meaning.
#include "pickle/reader.h"

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run(data, size, [](std::span<const std::byte> bytes) {
    flambeau::object::Heap heap;
    flambeau::pickle::Meaning meaning;
    flambeau::pickle::read(bytes, heap, meaning, fuzz::limits());
  });
}
