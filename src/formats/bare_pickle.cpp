#include "formats/bare_pickle.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include "formats/graph.h"

namespace flambeau::formats::bare_pickle {
namespace {

/// A plain pickle has no place for storages of its own.
class NoStorages final : public torch::Storages {
 public:
  std::shared_ptr<Storage> open(const torch::StorageId& id) override {
    throw Error(ErrorCode::corrupt,
                fmt::format("storage '{}': a pickle without a container holds no storages", id.key));
  }
};

/// Opcodes that a pickle of protocol 0 or 1 begins with.
constexpr std::string_view first_opcodes = "(])}lcdILKMJNSTUVXFGP";

}  // namespace

bool sniff(const Input& input) {
  constexpr unsigned char proto = 0x80;
  constexpr unsigned char newest_protocol = 5;
  if (!input.source || input.head.size() < 2) return false;
  const auto first = static_cast<unsigned char>(input.head[0]), second = static_cast<unsigned char>(input.head[1]);
  if (first == proto) return second >= 2 && second <= newest_protocol;
  if (first_opcodes.find(input.head[0]) == std::string_view::npos || input.source->size() > Limits{}.max_pickle_bytes)
    return false;
  // Without a mark at the start only the whole tells a pickle from text.
  try {
    std::string buffer;
    object::Heap heap;
    pickle::Meaning inert;
    pickle::read(piece(*input.source, 0, input.source->size(), buffer), heap, inert, Limits{});
    return true;
  } catch (const Error&) {
    return false;
  }
}

Checkpoint read(const Input& input, const LoadOptions& options) {
  if (input.source->size() > options.limits.max_pickle_bytes)
    throw Error(ErrorCode::limit, fmt::format("a pickle of {} bytes, max_pickle_bytes is {}", input.source->size(),
                                              options.limits.max_pickle_bytes));
  std::string buffer;
  const auto stream = piece(*input.source, 0, input.source->size(), buffer);
  auto heap = std::make_shared<object::Heap>();
  NoStorages storages;
  torch::Reader reader(storages, reader_options(options, input.depth));
  const pickle::Result result = pickle::read(stream, *heap, reader, options.limits);
  reader.finish();
  Checkpoint checkpoint(Value(std::move(heap), result.root));
  auto& about = checkpoint.container();
  about.format = "pickle";
  about.pickle_protocol = result.protocol;
  if (result.end < stream.size())
    about.notes.push_back(fmt::format("{} bytes follow the pickle's end", stream.size() - result.end));
  reader.append_notes(about.notes);
  return checkpoint;
}

}  // namespace flambeau::formats::bare_pickle
