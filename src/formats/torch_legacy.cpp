#include "formats/torch_legacy.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <array>

#include "base/checked.h"
#include "formats/graph.h"

namespace flambeau::formats {
namespace {

constexpr std::int64_t legacy_protocol = 1001;
constexpr std::string_view magic_bytes = "\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19";  // little-endian
constexpr std::uint64_t count_size = 8;

/// Stands for bytes that are not known yet; nothing reads them.
class PromisedSource final : public StorageSource {
 public:
  std::span<const std::byte> view() const noexcept override { return {}; }
  bool recorded_crc(std::uint32_t&) const noexcept override { return false; }
  Place place() const override { return {}; }
  void read(std::uint64_t, std::span<std::byte>) const override {
    throw Error(ErrorCode::internal, "a legacy storage was read before its place was known");
  }
};

/// First reading: takes note of every storage that the pickle names.
class NamedStorages final : public torch::Storages {
 public:
  std::shared_ptr<Storage> open(const torch::StorageId& id) override {
    ids.emplace(id.key, id);
    return Storage::from(std::make_shared<PromisedSource>(), id.nbytes, id.dtype);
  }
  std::shared_ptr<Storage> view(const torch::StorageId& root, std::uint64_t, std::uint64_t nbytes) override {
    return Storage::from(std::make_shared<PromisedSource>(), nbytes, root.dtype);
  }
  std::map<std::string_view, torch::StorageId> ids;
};

/// Second reading: every storage is a slice of the file.
class PlacedStorages final : public torch::Storages {
 public:
  PlacedStorages(std::shared_ptr<const bytes::Source> source, const LegacyLayout& layout, const LoadOptions& options)
      : source_(std::move(source)), layout_(layout), options_(options) {}

  std::shared_ptr<Storage> open(const torch::StorageId& id) override { return slice(id, 0, id.nbytes); }
  std::shared_ptr<Storage> view(const torch::StorageId& root, std::uint64_t offset, std::uint64_t nbytes) override {
    return slice(root, offset, nbytes);
  }
  void finish() { copies_.run(); }

 private:
  std::shared_ptr<Storage> slice(const torch::StorageId& id, std::uint64_t offset, std::uint64_t nbytes) {
    const auto found = layout_.storages.find(id.key);
    if (found == layout_.storages.end() || !base::inside(offset, nbytes, found->second.nbytes))
      throw Error(ErrorCode::corrupt, fmt::format("storage '{}' is not in the file's list of storages", id.key));
    auto bytes =
        bytes::slice(source_, found->second.offset + offset, nbytes, fmt::format("storage '{}'", id.key), nullptr);
    return make_storage(std::move(bytes), nbytes, id.dtype, options_, copies_);
  }
  std::shared_ptr<const bytes::Source> source_;
  const LegacyLayout& layout_;
  const LoadOptions& options_;
  Copies copies_;
};

std::uint64_t read_count(const bytes::Source& source, std::uint64_t offset) {
  std::array<std::byte, count_size> raw;
  source.read(offset, raw);
  std::uint64_t count = 0;
  for (std::size_t i = count_size; i-- > 0;) count = count << 8 | std::to_integer<std::uint64_t>(raw[i]);
  return count;
}

/// A key in the list of storages at `offset`.
std::string key_of(object::Ref item, std::uint64_t offset) {
  if (const auto number = object::int_value(item)) return std::to_string(*number);
  const auto key = object::text(item);
  if (!key)
    throw Error(ErrorCode::corrupt, fmt::format("a storage key is a {}", name(item.kind())), {.offset = offset});
  return std::string(*key);
}

/// The object's pickle, read for the storages that it names: calls stay inert, checkpoints inside it unread.
class FirstReading final : public pickle::Meaning {
 public:
  explicit FirstReading(const LoadOptions& options) : reader_(storages_, {options.limits, options.inert, {}, true}) {}
  void global(std::string_view module, std::string_view qualname) override { reader_.global(module, qualname); }
  std::optional<object::Ref> persistent(object::Heap& heap, object::Ref id) override {
    return reader_.persistent(heap, id);
  }
  const auto& ids() const noexcept { return storages_.ids; }

 private:
  NamedStorages storages_;
  torch::Reader reader_;
};

}  // namespace

bool is_legacy_magic(object::Ref ref) noexcept {
  const auto* const big = object::as<object::BigInteger>(ref);
  return big != nullptr && big->bytes == magic_bytes;
}

LegacyLayout legacy_layout(const bytes::Source& source, const LoadOptions& options) {
  const Pickled magic = read_pickle_at(source, 0, options);
  if (!is_legacy_magic(magic.result.root))
    throw Error(ErrorCode::corrupt, "the first pickle is not torch.save's magic number");
  const Pickled version = read_pickle_at(source, magic.end, options);
  const auto number = object::int_value(version.result.root);
  if (!number)
    throw Error(ErrorCode::corrupt, fmt::format("the protocol version is a {}", name(version.result.root.kind())));
  if (*number != legacy_protocol)
    throw Error(ErrorCode::unsupported, fmt::format("protocol version {}, {} is known", *number, legacy_protocol));
  const Pickled system =
      read_pickle_at(source, version.end, options);  // byte order and sizes of the writer: never used

  LegacyLayout layout;
  if (const auto* const dict = object::as<object::Dict>(system.result.root)) {
    const auto little = object::get(*dict, "little_endian");
    if (little && little->kind() == Kind::boolean && !little->boolean_value())
      layout.notes.emplace_back("written on a big-endian machine");
  } else {
    layout.notes.emplace_back("the description of the writing machine is no dict");
  }
  layout.object_begin = system.end;
  const Pickled object =
      read_pickle_at(source, system.end, options, [&] { return std::make_unique<FirstReading>(options); });
  layout.object_end = object.end;
  const auto& ids = static_cast<const FirstReading&>(*object.meaning).ids();

  const Pickled keys = read_pickle_at(source, object.end, options);
  const Kind kind = keys.result.root.kind();
  if (kind != Kind::list && kind != Kind::tuple)
    throw Error(ErrorCode::corrupt, fmt::format("the list of storages is a {}", name(kind)), {.offset = object.end});
  std::uint64_t at = keys.end;
  bool sorted = true;
  std::string twice;
  for (std::string before; const object::Ref item : object::as<object::Sequence>(keys.result.root)->items) {
    const std::string key = key_of(item, object.end);
    const auto id = ids.find(key);
    if (id == ids.end())
      throw Error(ErrorCode::corrupt, fmt::format("storage '{}' is listed, but the object does not name it", key),
                  {.offset = object.end});
    if (!base::inside(at, count_size, source.size()))
      throw Error(ErrorCode::truncated, fmt::format("storage '{}' begins where the file has ended", key),
                  {.offset = source.size()});
    const std::uint64_t numel = read_count(source, at);
    if (numel != id->second.numel)
      throw Error(ErrorCode::corrupt,
                  fmt::format("storage '{}' holds {} elements, {} needed", key, static_cast<std::int64_t>(numel),
                              id->second.numel),
                  {.offset = at});
    at += count_size;
    if (!base::inside(at, id->second.nbytes, source.size()))
      throw Error(ErrorCode::truncated,
                  fmt::format("storage '{}' needs {} bytes, {} are left", key, id->second.nbytes, source.size() - at),
                  {.offset = at});
    if (!layout.storages.insert_or_assign(key, LegacyLayout::Raw{at, id->second.nbytes}).second) twice = key;
    at += id->second.nbytes;
    sorted = sorted && before <= key;
    before = key;
  }
  if (!twice.empty()) layout.notes.push_back(fmt::format("storage '{}' is listed twice: its last data count", twice));
  if (!sorted) layout.notes.emplace_back("the storages are not sorted by key, as torch writes them");
  for (const auto& [key, id] : ids) {
    if (layout.storages.count(key) != 0) continue;
    if (id.nbytes > 0)
      throw Error(ErrorCode::corrupt,
                  fmt::format("storage '{}' of {} bytes is not in the file's list of storages", key, id.nbytes),
                  {.offset = object.end});
    layout.storages.emplace(key, LegacyLayout::Raw{at, 0});
  }
  layout.end = at;
  if (at < source.size()) layout.notes.push_back(fmt::format("{} bytes follow the last storage", source.size() - at));
  return layout;
}

object::Ref read_torch_legacy(object::Heap& heap, std::shared_ptr<const bytes::Source> source,
                              const LoadOptions& options, unsigned depth, Checkpoint::Container& about) {
  const LegacyLayout layout = legacy_layout(*source, options);
  std::string buffer;
  const auto stream = piece(*source, layout.object_begin, layout.object_end - layout.object_begin, buffer);
  PlacedStorages storages(source, layout, options);
  torch::Reader::Options meaning = reader_options(options, depth);
  meaning.legacy = true;
  torch::Reader reader(storages, std::move(meaning));
  const pickle::Result result = [&] {
    try {
      return pickle::read(stream, heap, reader, options.limits);
    } catch (const Error& error) {
      throw further(error, layout.object_begin);
    }
  }();
  storages.finish();
  reader.finish();
  about.pickle_protocol = result.protocol;
  about.notes = layout.notes;
  reader.append_notes(about.notes);
  return result.root;
}

namespace torch_legacy {

bool sniff(const Input& input) {
  if (!input.source || input.head.empty()) return false;
  try {
    object::Heap heap;
    pickle::Meaning inert;
    return is_legacy_magic(pickle::read(std::as_bytes(std::span(input.head)), heap, inert, Limits{}).root);
  } catch (const Error&) {
    return false;
  }
}

Checkpoint read(const Input& input, const LoadOptions& options) {
  auto heap = std::make_shared<object::Heap>();
  Checkpoint::Container about;
  about.format = "torch-legacy";
  const object::Ref root = read_torch_legacy(*heap, input.source, options, input.depth, about);
  Checkpoint checkpoint(Value(std::move(heap), root));
  checkpoint.container() = std::move(about);
  return checkpoint;
}

}  // namespace torch_legacy
}  // namespace flambeau::formats
