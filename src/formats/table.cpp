#include <flambeau/error.h>
#include <fmt/format.h>

#include <array>

#include "formats/bare_pickle.h"
#include "formats/dcp.h"
#include "formats/format.h"
#include "formats/gguf.h"
#include "formats/npy.h"
#include "formats/pt2.h"
#include "formats/safetensors.h"
#include "formats/shard_index.h"
#include "formats/torch_legacy.h"
#include "formats/torch_tar.h"
#include "formats/torch_zip.h"
#include "formats/torchscript.h"

namespace flambeau::formats {
namespace {

/// Rows for formats that know only bytes: they see the head, and the source.
template <auto Sniff>
bool by_head(const Input& input) {
  return input.source && Sniff(std::as_bytes(std::span(input.head)));
}
template <auto Read>
Checkpoint from_source(const Input& input, const LoadOptions& options) {
  return Read(input.source, options);
}

bool is_npz(const Input& input) { return input.zip && npz::sniff(*input.zip); }
Checkpoint read_npz(const Input& input, const LoadOptions& options) {
  return npz::read(*input.zip, input.source->name(), options);
}

/// An index names files beside it, so only a path will do.
bool is_shard_index(const Input& input) { return !input.path.empty() && by_head<shard_index::sniff>(input); }
Checkpoint read_shards(const Input& input, const LoadOptions& options) {
  return shard_index::read(input.path, options);
}

bool is_dcp(const Input& input) { return !input.source && dcp::sniff(input.path); }
Checkpoint read_dcp(const Input& input, const LoadOptions& options) { return dcp::read(input.path, options); }

constexpr std::array rows = {
    Format{"dcp", is_dcp, read_dcp},
    Format{"pt2", pt2::sniff, pt2::read},
    Format{"torchscript", torchscript::sniff, torchscript::read},
    Format{"torch-zip", torch_zip::sniff, torch_zip::read},
    Format{"npz", is_npz, read_npz},
    Format{"torch-tar", torch_tar::sniff, torch_tar::read},
    Format{"torch-legacy", torch_legacy::sniff, torch_legacy::read},
    Format{"safetensors", by_head<safetensors::sniff>, from_source<safetensors::read>},
    Format{"gguf", by_head<gguf::sniff>, from_source<gguf::read>},
    Format{"npy", by_head<npy::sniff>, from_source<npy::read>},
    Format{"shard-index", is_shard_index, read_shards},
    Format{"pickle", bare_pickle::sniff, bare_pickle::read},  // last: without a container little tells it from text
};

}  // namespace

std::span<const Format> table() noexcept { return rows; }

const Format& recognise(const Input& input) {
  for (const Format& row : rows)
    if (row.sniff(input)) return row;
  const std::string seen = look_alike(input);
  throw Error(ErrorCode::unknown_format,
              seen.empty() ? "no checkpoint that flambeau knows" : fmt::format("no checkpoint: this is {}", seen));
}

}  // namespace flambeau::formats
