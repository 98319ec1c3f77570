#include "formats/graph.h"

#include <fmt/format.h>

#include <algorithm>

namespace flambeau::formats {

torch::Reader::Options reader_options(const LoadOptions& options, unsigned depth) {
  return {options.limits, options.inert, [options, depth](object::Heap& heap, std::string_view bytes) {
            return read_nested(heap, bytes::from_memory(std::string(bytes), "<nested file>"), options, depth + 1);
          }};
}

object::Ref read_nested(object::Heap& heap, std::shared_ptr<const bytes::Source> source, const LoadOptions& options,
                        unsigned depth) {
  if (depth > options.limits.max_nested_files)
    throw Error(ErrorCode::limit, fmt::format("files inside files nest deeper than max_nested_files, {}",
                                              options.limits.max_nested_files));
  Checkpoint::Container about;
  const Input input = open(source, options.limits, depth);
  if (input.zip) return read_torch_zip(heap, *input.zip, "data.pkl", "data/", options, depth, about);
  return read_torch_legacy(heap, std::move(source), options, depth, about);
}

std::shared_ptr<Storage> NoStorages::open(const torch::StorageId& id) {
  throw Error(ErrorCode::corrupt, fmt::format("storage '{}': this container holds no storages by key", id.key));
}

std::span<const std::byte> piece(const bytes::Source& source, std::uint64_t offset, std::uint64_t size,
                                 std::string& buffer) {
  if (offset > source.size())
    throw Error(ErrorCode::truncated, fmt::format("the file ends at byte {}, byte {} is needed", source.size(), offset),
                {source.name()});
  size = std::min(size, source.size() - offset);
  if (const auto all = source.view(); !all.empty()) return all.subspan(offset, size);
  buffer.resize(size);
  const auto into = std::as_writable_bytes(std::span(buffer));
  source.read(offset, into);
  return into;
}

Error further(const Error& error, std::uint64_t offset) {
  Place place = error.place();
  if (place.offset) *place.offset += offset;
  return Error(error.code(), error.message(), std::move(place));
}

namespace {

/// Small pickles around the object's: nothing in them has a meaning, but what is dangerous is dangerous here as well.
class Inert final : public pickle::Meaning {
 public:
  explicit Inert(bool tolerant) : tolerant_(tolerant) {}
  void global(std::string_view module, std::string_view qualname) override {
    if (!tolerant_) torch::refuse_dangerous(module, qualname);
  }

 private:
  bool tolerant_;
};

}  // namespace

Pickled read_pickle_at(const bytes::Source& source, std::uint64_t offset, const LoadOptions& options,
                       const std::function<std::unique_ptr<pickle::Meaning>()>& make_meaning,
                       pickle::Allowance allowance) {
  const Limits& limits = options.limits;
  constexpr std::uint64_t first_piece = 64ull << 10;
  const bool in_memory = !source.view().empty();
  for (std::uint64_t size = in_memory ? limits.max_pickle_bytes : first_piece;; size *= 8) {
    size = std::min(size, limits.max_pickle_bytes);
    std::string buffer;
    const auto bytes = piece(source, offset, size, buffer);
    const bool all = offset + bytes.size() == source.size() || bytes.size() == limits.max_pickle_bytes;
    Pickled pickled;
    pickled.heap = std::make_shared<object::Heap>();
    pickled.meaning = make_meaning ? make_meaning() : std::make_unique<Inert>(options.inert);
    try {
      pickled.result = pickle::read(bytes, *pickled.heap, *pickled.meaning, limits, allowance);
      pickled.end = offset + pickled.result.end;
      return pickled;
    } catch (const Error& error) {
      // A pickle that goes on behind the piece may fail in many ways; only the whole says which one counts.
      const bool final = error.code() == ErrorCode::forbidden || error.code() == ErrorCode::limit;
      if (!all && !final) continue;
      throw further(error, offset).at({source.name()});
    }
  }
}

}  // namespace flambeau::formats
