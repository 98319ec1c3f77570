// The front door: flambeau::load.

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <istream>

#include "formats/format.h"

namespace flambeau {
namespace formats {
namespace {

constexpr std::uint64_t head_size = 4096;

Checkpoint read(const Input& input, const LoadOptions& options) {
  const Place place{input.source ? input.source->name() : input.path};
  try {
    Checkpoint checkpoint = recognise(input).read(input, options);
    checkpoint.container().file = place.file;
    return checkpoint;
  } catch (const Error& error) {
    throw error.at(place);
  }
}

/// Null for a folder. Only what cannot be opened is asked whether it is one.
std::shared_ptr<const bytes::Source> open_unless_folder(const std::string& path, bytes::Access access) {
  try {
    return bytes::open_file(path, access);
  } catch (const Error&) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) throw;
    return nullptr;
  }
}

}  // namespace

Input open(std::shared_ptr<const bytes::Source> source, const Limits& limits, unsigned depth) {
  constexpr std::string_view zip_mark = "PK\3\4";
  Input input;
  input.depth = depth;
  archive::Window window(*source);
  const auto head = window.at(0, static_cast<std::size_t>(std::min(head_size, source->size())));
  input.head.assign(reinterpret_cast<const char*>(head.data()), head.size());
  if (input.head.starts_with(zip_mark)) {
    try {
      input.zip = std::make_shared<archive::ZipReader>(source, std::move(window), limits);
    } catch (const Error& error) {
      throw error.at({source->name()});
    }
  }
  input.source = std::move(source);
  return input;
}

Input open(const std::string& path, bytes::Access access, const Limits& limits) {
  Input input;
  if (auto source = open_unless_folder(path, access)) input = open(std::move(source), limits);
  input.path = path;
  return input;
}

}  // namespace formats

Checkpoint load(const std::string& path, const LoadOptions& options) {
  const auto access = options.read == Read::map ? bytes::Access::map : bytes::Access::pread;
  return formats::read(formats::open(path, access, options.limits), options);
}

Checkpoint load(std::span<const std::byte> bytes, const LoadOptions& options) {
  return formats::read(formats::open(bytes::borrow(bytes), options.limits), options);
}

Checkpoint load(std::istream& stream, const LoadOptions& options) {
  std::string all;
  for (std::array<char, 1 << 16> block; stream;) {
    stream.read(block.data(), block.size());
    all.append(block.data(), static_cast<std::size_t>(stream.gcount()));
  }
  // Failed without having met the end: it was not open, or the system refused.
  if (!stream.eof()) throw Error(ErrorCode::io, "the stream cannot be read", {"<stream>"});
  return formats::read(formats::open(bytes::from_memory(std::move(all), "<stream>"), options.limits), options);
}

}  // namespace flambeau
