#include "formats/bare_pickle.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include "formats/graph.h"
#include "pickle/opcodes.h"

namespace flambeau::formats::bare_pickle {
namespace {

/// Opcodes that a pickle of protocol 0 or 1 begins with.
constexpr std::string_view first_opcodes = "(])}lcdILKMJNSTUVXFGP";

}  // namespace

bool sniff(const Input& input) {
  if (!input.source) return false;
  if (pickle::begins_pickle(input.head)) return true;
  if (input.head.size() < 2 || first_opcodes.find(input.head[0]) == std::string_view::npos ||
      input.source->size() > Limits{}.max_pickle_bytes)
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
