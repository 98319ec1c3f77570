#include "formats/dcp.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/dcp_pieces.h"
#include "formats/flat.h"
#include "formats/graph.h"
#include "torch/rebuild.h"

namespace flambeau::formats::dcp {
namespace {

using object::Ref;

constexpr std::string_view metadata_name = ".metadata";

/// Where an item lies.
struct Stored {
  std::optional<Shape> offsets{};  ///< of the piece; none for values that are no tensors
  std::string file{};
  std::uint64_t offset = 0, length = 0;
};

[[noreturn]] void fail(std::string message) { throw Error(ErrorCode::corrupt, std::move(message)); }

const object::Object& instance(Ref ref, std::string_view what) {
  const auto* const found = object::as<object::Object>(ref);
  if (found == nullptr) fail(fmt::format("{} is a {}, an object needed", what, name(ref.kind())));
  return *found;
}
/// "Metadata" of "torch.distributed.checkpoint.metadata.Metadata".
std::string class_of(const object::Object& object) {
  const std::string full = object::global_name(object.callable);
  return full.substr(full.rfind('.') + 1);
}
Ref field(const object::Object& object, std::string_view name) {
  const auto found = object::attribute(object, name);
  if (!found) fail(fmt::format("a {} without '{}'", class_of(object), name));
  return *found;
}
const object::Dict& dict(Ref ref, std::string_view what) {
  const auto* const found = object::as<object::Dict>(ref);
  if (found == nullptr) fail(fmt::format("{} is a {}, a dict needed", what, name(ref.kind())));
  return *found;
}
std::string_view text(Ref ref, std::string_view what) {
  const auto found = object::text(ref);
  if (!found) fail(fmt::format("{} is a {}, a string needed", what, name(ref.kind())));
  return *found;
}
std::uint64_t count(Ref ref, std::string_view what) {
  const auto found = object::int_value(ref);
  if (!found || *found < 0) fail(fmt::format("{} is no non-negative integer", what));
  return static_cast<std::uint64_t>(*found);
}

Shape shape_of(Ref ref, std::string_view what, const Limits& limits) {
  auto shape = torch::dimensions(ref, limits);
  if (!shape) fail(fmt::format("{} is no torch.Size", what));
  if (std::ranges::any_of(*shape, [](std::int64_t size) { return size < 0; }))
    fail(fmt::format("{} holds a negative number", what));
  return std::move(*shape);
}

DType dtype_of(Ref properties) {
  const auto& object = instance(properties, "properties");
  const auto* const state = object::as<object::Sequence>(object.state);
  const Ref dtype = state != nullptr && !state->items.empty() ? state->items[0] : field(object, "dtype");
  const std::string name = object::global_name(dtype);
  const auto known = name.starts_with("torch.") ? dtype_named(name) : std::nullopt;
  if (!known) throw Error(ErrorCode::unsupported, fmt::format("dtype '{}' is not known", name));
  return *known;
}

class Reader {
 public:
  Reader(std::string folder, const LoadOptions& options)
      : folder_(std::move(folder)), options_(options), builder_("dcp", folder_, options) {
    if (!folder_.empty() && folder_.back() != '/') folder_ += '/';
  }

  Checkpoint read() {
    const std::string path = folder_ + std::string(metadata_name);
    try {
      const auto& metadata = read_metadata(path);
      read_storage(metadata);
      for (const auto& [key, value] : dict(field(metadata, "state_dict_metadata"), "state_dict_metadata").items) {
        const std::string_view name = text(key, "a name in state_dict_metadata");
        try {
          add(name, instance(value, "a value of state_dict_metadata"));
        } catch (const Error& error) {
          throw error.at({.file = {}, .member = {}, .offset = {}, .tensor = std::string(name)});
        }
      }
      note_origin(metadata);
    } catch (const Error& error) {
      throw error.at({.file = path, .member = {}, .offset = {}, .tensor = {}});
    }
    return builder_.finish();
  }

  void each_item(const Visit& visit) {
    read_storage(read_metadata(folder_ + std::string(metadata_name)));
    for (const auto& [name, items] : stored_)
      for (const Stored& stored : items) visit(stored.file + ": " + name, part(stored));
  }

 private:
  const object::Object& read_metadata(const std::string& path) {
    const auto source = bytes::open_file(path, bytes::Access::pread);
    metadata_ = read_pickle_at(*source, 0, options_);
    const auto& result = metadata_.result;
    builder_.container().pickle_protocol = result.protocol;
    const auto* const root = object::as<object::Object>(result.root);
    const std::string name =
        root != nullptr ? object::global_name(root->callable) : std::string(flambeau::name(result.root.kind()));
    if (name != "torch.distributed.checkpoint.metadata.Metadata" &&
        name != "torch.distributed._shard.checkpoint.metadata.Metadata")
      throw Error(ErrorCode::unsupported, fmt::format("the metadata is a {}, not torch's Metadata", name));
    return *root;
  }

  void read_storage(const object::Object& metadata) {
    for (const auto& [key, value] : dict(field(metadata, "storage_data"), "storage_data").items) {
      const auto& index = instance(key, "a key of storage_data");
      const auto& info = instance(value, "a value of storage_data");
      if (class_of(info) != "_StorageInfo")
        throw Error(ErrorCode::unsupported, fmt::format("items are stored by {}, not by torch's file-system writer",
                                                        object::global_name(info.callable)));
      if (const auto transforms = object::attribute(info, "transform_descriptors");
          transforms && !transforms->is_none())
        if (const auto* const list = object::as<object::Sequence>(*transforms); list == nullptr || !list->items.empty())
          throw Error(ErrorCode::unsupported, "items are stored through stream transforms (compressed)");
      Stored stored;
      if (const auto offset = object::attribute(index, "offset"); offset && !offset->is_none())
        stored.offsets = shape_of(*offset, "offset", options_.limits);
      stored.file = text(field(info, "relative_path"), "relative_path");
      check_inner_path(stored.file, {});
      stored.offset = count(field(info, "offset"), "offset");
      stored.length = count(field(info, "length"), "length");
      stored_[std::string(text(field(index, "fqn"), "fqn"))].push_back(std::move(stored));
    }
  }

  void add(std::string_view name, const object::Object& metadata) {
    const auto found = stored_.find(name);
    if (found == stored_.end()) fail("storage_data has no item for it");
    if (class_of(metadata) == "BytesStorageMetadata") return builder_.add(name, item(found->second.front()));
    if (class_of(metadata) != "TensorStorageMetadata")
      throw Error(ErrorCode::unsupported,
                  fmt::format("it is described by a {}", object::global_name(metadata.callable)));

    const DType dtype = dtype_of(field(metadata, "properties"));
    Shape shape = shape_of(field(metadata, "size"), "size", options_.limits);
    std::vector<Piece> pieces = pieces_of(metadata);
    check_tiling(shape, pieces);
    std::map<Shape, const Stored*> by_offset;
    for (const auto& stored : found->second)
      if (stored.offsets) by_offset.emplace(*stored.offsets, &stored);
    Ref whole{};
    for (auto& piece : pieces) {
      const auto stored = by_offset.find(piece.offsets);
      if (stored == by_offset.end())
        fail(fmt::format("storage_data has no item for the piece at {}", to_string(piece.offsets)));
      whole = item(*stored->second);
      const auto* const node = object::as<object::TensorNode>(whole);
      if (node == nullptr)
        fail(fmt::format("the item at {} is a {}, a tensor needed", to_string(piece.offsets),
                         flambeau::name(whole.kind())));
      if (node->tensor.dtype() != dtype || node->tensor.shape() != piece.sizes || node->tensor.is_meta())
        fail(fmt::format("the item at {} is {} of shape {}, {} of shape {} needed", to_string(piece.offsets),
                         flambeau::name(node->tensor.dtype()), to_string(node->tensor.shape()), flambeau::name(dtype),
                         to_string(piece.sizes)));
      piece.tensor = node->tensor;
    }
    if (pieces.size() == 1) return builder_.add(name, whole);
    const std::uint64_t nbytes = Tensor::meta(shape, dtype).nbytes();
    auto source = assembled(shape, dtype, std::move(pieces));
    builder_.add(name, std::move(source), nbytes, dtype, std::move(shape));
  }

  std::vector<Piece> pieces_of(const object::Object& metadata) const {
    const auto* const chunks = object::as<object::Sequence>(field(metadata, "chunks"));
    if (chunks == nullptr) fail("chunks is no list");
    std::vector<Piece> pieces;
    for (const Ref ref : chunks->items) {
      const auto& chunk = instance(ref, "a chunk");
      pieces.push_back({shape_of(field(chunk, "offsets"), "offsets", options_.limits),
                        shape_of(field(chunk, "sizes"), "sizes", options_.limits),
                        {}});
    }
    return pieces;
  }

  /// The root of an item, a torch.save stream of its own, in the builder's heap.
  Ref item(const Stored& stored) { return read_nested(builder_.heap(), part(stored), options_, 1); }

  std::shared_ptr<const bytes::Source> part(const Stored& stored) {
    auto& source = files_[stored.file];
    if (!source) source = bytes::open_file(folder_ + stored.file, access_of(options_));
    return bytes::part(source, stored.offset, stored.length);
  }

  void note_origin(const object::Object& metadata) {
    auto& texts = builder_.container().metadata;
    const auto keep = [&](const object::Object& object, std::string_view key) {
      if (const auto value = object::attribute(object, key))
        if (const auto found = object::text(*value)) texts.emplace_back(key, *found);
    };
    keep(metadata, "version");
    if (const auto meta = object::attribute(metadata, "storage_meta"))
      if (const auto* const storage = object::as<object::Object>(*meta)) keep(*storage, "save_id");
  }

  std::string folder_;
  const LoadOptions& options_;
  FlatBuilder builder_;
  Pickled metadata_{};
  std::map<std::string, std::vector<Stored>, std::less<>> stored_{};
  std::map<std::string, std::shared_ptr<const bytes::Source>> files_{};
};

}  // namespace

bool sniff(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  return fs::is_regular_file(fs::path(folder) / metadata_name, ignored) ||
         fs::is_regular_file(fs::path(folder) / "__0.metadata", ignored);
}

Checkpoint read(const std::string& folder, const LoadOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::path(folder) / metadata_name, ignored))
    throw Error(ErrorCode::unsupported, "a distributed checkpoint whose ranks kept their own metadata (no .metadata)",
                {.file = folder, .member = {}, .offset = {}, .tensor = {}});
  return Reader(folder, options).read();
}

void each_item(const std::string& folder, const LoadOptions& options, const Visit& visit) {
  Reader(folder, options).each_item(visit);
}

}  // namespace flambeau::formats::dcp
