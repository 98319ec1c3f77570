// torch.save's zip container: data.pkl and one record per storage.

#include "formats/torch_zip.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>
#include <unordered_map>

#include "formats/graph.h"

namespace flambeau::formats {
namespace {

constexpr std::int64_t newest_version = 10;  // kMaxSupportedFileFormatVersion of torch 2.13

/// A payload whose elements are big-endian. Their width may become known late (untyped storages), but before they are
/// read.
class SwappedSource final : public StorageSource {
 public:
  SwappedSource(std::shared_ptr<const StorageSource> source, std::uint64_t nbytes, DType dtype)
      : source_(std::move(source)), nbytes_(nbytes), width_(width_of(dtype)) {}

  void element_type(DType dtype) noexcept { width_ = width_of(dtype); }

  std::span<const std::byte> view() const noexcept override { return {}; }
  bool recorded_crc(std::uint32_t&) const noexcept override {
    return false;
  }  // it is that of the bytes before swapping
  std::string describe() const override { return source_->describe(); }
  void read(std::uint64_t offset, std::span<std::byte> into) const override {
    std::call_once(checked_, [this] { Storage::from(source_, nbytes_, DType::uint8)->each_block([](auto) {}); });
    const std::uint64_t width = width_;
    const std::uint64_t begin = offset / width * width,
                        end = std::min(nbytes_, (offset + into.size() + width - 1) / width * width);
    std::vector<std::byte> whole(end - begin);
    source_->read(begin, whole);
    for (std::size_t at = 0; at + width <= whole.size(); at += width)
      std::reverse(whole.begin() + static_cast<std::ptrdiff_t>(at),
                   whole.begin() + static_cast<std::ptrdiff_t>(at + width));
    std::copy_n(whole.begin() + static_cast<std::ptrdiff_t>(offset - begin), into.size(), into.begin());
  }

 private:
  static std::uint64_t width_of(DType dtype) noexcept {
    return info(dtype).kind == DTypeClass::complex ? itemsize(dtype) / 2 : itemsize(dtype);
  }
  std::shared_ptr<const StorageSource> source_;
  std::uint64_t nbytes_;
  std::atomic<std::uint64_t> width_;
  mutable std::once_flag checked_{};
};

class ZipStorages final : public torch::Storages {
 public:
  ZipStorages(const archive::ZipReader& zip, const std::string& folder, bool big_endian, const LoadOptions& options)
      : zip_(zip), folder_(folder), big_endian_(big_endian), options_(options) {}

  std::shared_ptr<Storage> open(const torch::StorageId& id) override {
    const archive::Entry* const entry = zip_.find(std::string(folder_).append(id.key), last_);
    if (entry == nullptr)
      throw Error(ErrorCode::corrupt,
                  fmt::format("storage '{}': the archive has no record '{}{}'", id.key, folder_, id.key));
    if (entry->size != id.nbytes)
      throw Error(entry->size < id.nbytes ? ErrorCode::truncated : ErrorCode::corrupt,
                  fmt::format("storage '{}': record '{}' holds {} bytes, {} needed ({} elements of {} bytes)", id.key,
                              entry->name, entry->size, id.nbytes, id.numel, itemsize(id.dtype)));
    last_ = entry;
    auto source = zip_.open(*entry);
    if (!big_endian_) return make_storage(std::move(source), id.nbytes, id.dtype, options_, copies_);
    auto swapped = std::make_shared<SwappedSource>(std::move(source), id.nbytes, id.dtype);
    auto storage = make_storage(swapped, id.nbytes, id.dtype, options_, copies_);
    swapped_.emplace(storage.get(), std::move(swapped));
    return storage;
  }
  void element_type(const Storage& storage, DType dtype) override {
    if (const auto found = swapped_.find(&storage); found != swapped_.end()) found->second->element_type(dtype);
  }
  void finish() { copies_.run(); }

 private:
  const archive::ZipReader& zip_;
  std::string folder_;
  bool big_endian_;
  const LoadOptions& options_;
  const archive::Entry* last_ = nullptr;  // the records mostly lie in the order in which the pickle names them
  Copies copies_;
  std::unordered_map<const Storage*, std::shared_ptr<SwappedSource>> swapped_;
};

}  // namespace

namespace {

/// A record that holds one word, read without believing its size.
std::string word(const archive::ZipReader& zip, const archive::Entry& entry) {
  constexpr std::uint64_t longest = 64;
  if (entry.size > longest)
    throw Error(ErrorCode::corrupt, fmt::format("a record of {} bytes, at most {} expected", entry.size, longest),
                {{}, entry.name});
  return zip.read(entry);
}

}  // namespace

void check_zip_version(const archive::ZipReader& zip) {
  const archive::Entry* entry = zip.find(".data/version");
  if (entry == nullptr) entry = zip.find("version");
  if (entry == nullptr) throw Error(ErrorCode::corrupt, "the archive has no version record");
  const std::string text = word(zip, *entry);
  std::int64_t version = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), version);
  if (parsed.ec != std::errc{})
    throw Error(ErrorCode::corrupt, fmt::format("the version '{:.20}' is no number", text), {{}, entry->name});
  if (version < 1 || version > newest_version)
    throw Error(ErrorCode::unsupported,
                fmt::format("format version {}, versions 1 to {} are known", version, newest_version),
                {{}, entry->name});
}

bool is_big_endian(const archive::ZipReader& zip) {
  const archive::Entry* const entry = zip.find("byteorder");
  if (entry == nullptr) return false;
  const std::string order = word(zip, *entry);
  if (order != "little" && order != "big")
    throw Error(ErrorCode::unsupported, fmt::format("byte order '{:.20}', 'little' and 'big' are known", order),
                {{}, entry->name});
  return order == "big";
}

object::Ref read_torch_zip(object::Heap& heap, const archive::ZipReader& zip, const std::string& pickle,
                           const std::string& folder, const LoadOptions& options, unsigned depth,
                           Checkpoint::Container& about) {
  const archive::Entry* const entry = zip.find(pickle);
  if (entry == nullptr) throw Error(ErrorCode::corrupt, fmt::format("the archive has no record '{}'", pickle));
  if (entry->size > options.limits.max_pickle_bytes)
    throw Error(
        ErrorCode::limit,
        fmt::format("a pickle of {} bytes, max_pickle_bytes is {}", entry->size, options.limits.max_pickle_bytes),
        {{}, entry->name});
  check_zip_version(zip);
  about.big_endian = is_big_endian(zip);
  about.root_name = zip.root();
  const std::string stream = zip.read(*entry);
  ZipStorages storages(zip, folder, about.big_endian, options);
  torch::Reader reader(storages, reader_options(options, depth));
  const pickle::Result result = [&] {
    try {
      return pickle::read(std::as_bytes(std::span(stream)), heap, reader, options.limits);
    } catch (const Error& error) {
      throw error.at({{}, entry->name});
    }
  }();
  storages.finish();
  reader.finish();
  about.pickle_protocol = result.protocol;
  if (result.end < stream.size())
    about.notes.push_back(fmt::format("{}: {} bytes follow the pickle's end", entry->name, stream.size() - result.end));
  reader.append_notes(about.notes);
  return result.root;
}

namespace torch_zip {

bool sniff(const Input& input) { return input.zip && input.zip->find("data.pkl") != nullptr; }

Checkpoint read(const Input& input, const LoadOptions& options) {
  auto heap = std::make_shared<object::Heap>();
  Checkpoint::Container about;
  about.format = "torch-zip";
  const object::Ref root = read_torch_zip(*heap, *input.zip, "data.pkl", "data/", options, input.depth, about);
  Checkpoint checkpoint(Value(std::move(heap), root));
  checkpoint.container() = std::move(about);
  return checkpoint;
}

}  // namespace torch_zip
}  // namespace flambeau::formats
