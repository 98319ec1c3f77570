// Any format, from memory: load, list, describe, find the weights, write, and read back what was written.
#include <flambeau/checkpoint.h>
#include <flambeau/inspect.h>

#include <cstdlib>

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run(data, size, [](std::span<const std::byte> bytes) {
    const flambeau::LoadOptions options{.limits = fuzz::limits()};
    const flambeau::Checkpoint checkpoint = flambeau::load(bytes, options);
    const auto rows = flambeau::list(checkpoint, {.limits = {.max_visits = 1 << 20}});
    flambeau::to_json(checkpoint, rows);
    flambeau::repr(checkpoint.root());
    const std::string written = flambeau::save_to_memory(checkpoint.root());
    const flambeau::Checkpoint again = flambeau::load(std::as_bytes(std::span(written)), options);
    if (flambeau::list(again, {.limits = {.max_visits = 1 << 20}}).size() != rows.size()) std::abort();
  });
}
