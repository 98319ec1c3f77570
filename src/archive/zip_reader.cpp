#include <algorithm>
#include <cstring>
#include <optional>

#include <flambeau/error.h>

#include "archive/crc.h"
#include "archive/inflate.h"
#include "archive/zip.h"
#include "archive/zip_directory.h"
#include "bytes/crc32.h"

namespace flambeau::archive {
namespace {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Eight bytes at a time with bit 5 set, so that case makes no difference. Equal hashes are told apart by the names: a
// forged one gains nothing.
std::uint64_t folded_hash(std::string_view name) noexcept {
  std::uint64_t hash = name.size();
  for (std::size_t at = 0; at < name.size(); at += sizeof hash) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, name.data() + at, std::min(sizeof eight, name.size() - at));
    hash = (hash ^ (eight | 0x2020202020202020)) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  return hash;
}

int compare_folded(std::string_view a, std::string_view b) noexcept {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const auto x = static_cast<unsigned char>(lower(a[i])), y = static_cast<unsigned char>(lower(b[i]));
    if (x != y) return x < y ? -1 : 1;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size();
}

// Torch can switch checksums off for a whole file, or leave holes in place of the storages (skip_data): then the field
// is 0 throughout. A lone 0 among others is a checksum like any other.
void find_unrecorded(std::vector<Entry>& entries, std::size_t prefix) {
  const auto in_data = [prefix](const Entry& entry) { return entry.name.compare(prefix, 5, "data/") == 0; };
  bool none = true;
  for (const Entry& entry : entries) {
    if (entry.size == 0 || entry.crc32 == 0) continue;
    if (in_data(entry)) return;
    none = false;
  }
  for (Entry& entry : entries)
    if (entry.size > 0 && (none || in_data(entry))) entry.crc_recorded = false;
}

}  // namespace

struct ZipReader::Impl {
  std::shared_ptr<const bytes::Source> source;
  Window window;  // small records mostly lie where it has been; later only looked into, as threads share it
  std::vector<Entry> entries{};
  std::vector<bytes::Slice> payloads{};  // of the entries, deflated ones as they lie in the file
  std::string root{};
  std::size_t prefix = 0;  // of the names: root and slash

  struct Slot {
    std::uint64_t hash;
    std::uint32_t index;
  };
  std::vector<Slot> slots{};  // by hash, then folded name, then name

  std::string_view bare(std::size_t index) const noexcept {
    return std::string_view(entries[index].name).substr(prefix);
  }

  std::size_t index(const Entry& entry) const noexcept { return static_cast<std::size_t>(&entry - entries.data()); }

  Impl(std::shared_ptr<const bytes::Source> from, Window with, const Limits& limits)
      : source(std::move(from)), window(std::move(with)) {
    zip::Directory directory = zip::read_directory(*source, window, limits);
    zip::check_layout(*source, window, directory);
    find_root(directory);
    entries.reserve(directory.records.size());
    for (zip::Listed& record : directory.records)
      if (record.entry.name.back() != '/') entries.push_back(std::move(record.entry));
    find_unrecorded(entries, prefix);
    index_names();
    payloads.reserve(entries.size());
    for (const Entry& entry : entries)
      payloads.emplace_back(*source, entry.data_offset, entry.compressed_size, entry.name,
                            entry.crc_recorded ? &entry.crc32 : nullptr);
  }

  void find_root(const zip::Directory& directory) {
    const std::string& first = directory.records.front().entry.name;
    const std::size_t slash = first.find('/');
    if (slash == first.npos) return;
    const std::string_view start = std::string_view(first).substr(0, slash + 1);
    for (const zip::Listed& record : directory.records)
      if (!record.entry.name.starts_with(start)) return;
    root = first.substr(0, slash);
    prefix = slash + 1;
  }

  static bool before(std::string_view a, std::string_view b) noexcept {
    const int order = compare_folded(a, b);
    return order != 0 ? order < 0 : a < b;
  }

  void index_names() {
    slots.reserve(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i)
      slots.push_back({folded_hash(bare(i)), static_cast<std::uint32_t>(i)});
    std::ranges::sort(slots, [this](const Slot& a, const Slot& b) {
      return a.hash != b.hash ? a.hash < b.hash : before(bare(a.index), bare(b.index));
    });
    for (std::size_t i = 1; i < slots.size(); ++i) {
      const std::string_view a = bare(slots[i - 1].index), b = bare(slots[i].index);
      if (slots[i - 1].hash != slots[i].hash || compare_folded(a, b) != 0) continue;
      const Place place{.file = source->name(), .member = entries[slots[i].index].name};
      if (a == b) throw Error(ErrorCode::corrupt, "two records bear this name", place);
      // Torch looks names up without regard to case; archives without a root (.npz) are read by exact name.
      if (!root.empty())
        throw Error(ErrorCode::corrupt, "differs only in case from '" + entries[slots[i - 1].index].name + "'", place);
    }
  }

  const Entry* find(std::string_view name) const noexcept {
    const std::uint64_t hash = folded_hash(name);
    auto slot = std::lower_bound(slots.begin(), slots.end(), hash,
                                 [](const Slot& a, std::uint64_t wanted) { return a.hash < wanted; });
    if (slot != slots.end() && slot->hash == hash && bare(slot->index) != name)  // names may differ in case only
      slot = std::lower_bound(slot, slots.end(), name, [&](const Slot& a, std::string_view wanted) {
        return a.hash == hash && before(bare(a.index), wanted);
      });
    return slot != slots.end() && bare(slot->index) == name ? &entries[slot->index] : nullptr;
  }
};

ZipReader::ZipReader(std::shared_ptr<const bytes::Source> source, Window window, const Limits& limits)
    : impl_(std::make_shared<Impl>(std::move(source), std::move(window), limits)) {}

ZipReader::ZipReader(std::shared_ptr<const bytes::Source> source, const Limits& limits)
    : ZipReader(source, Window(*source), limits) {}

const std::vector<Entry>& ZipReader::entries() const noexcept { return impl_->entries; }

const std::string& ZipReader::root() const noexcept { return impl_->root; }

std::string_view ZipReader::bare_name(const Entry& entry) const noexcept { return impl_->bare(impl_->index(entry)); }

const Entry* ZipReader::find(std::string_view name, const Entry* after) const noexcept {
  if (after) {
    const std::size_t next = impl_->index(*after) + 1;
    if (next < impl_->entries.size() && impl_->bare(next) == name) return &impl_->entries[next];
  }
  return impl_->find(name);
}

std::shared_ptr<const StorageSource> ZipReader::open(const Entry& entry) const {
  if (entry.deflated) return inflated(impl_->source, entry);
  return {impl_, &impl_->payloads[impl_->index(entry)]};
}

std::string ZipReader::read(const Entry& entry) const {
  std::string payload;
  const auto size = static_cast<std::size_t>(entry.size);
  const std::byte* const known = entry.deflated ? nullptr : impl_->window.find(entry.data_offset, size);
  if (known) {
    payload.assign(reinterpret_cast<const char*>(known), size);
  } else {
    payload.resize(size);
    open(entry)->read(0, std::as_writable_bytes(std::span(payload)));
  }
  if (entry.crc_recorded && !entry.deflated)
    check_crc(bytes::crc32(0, std::as_bytes(std::span(payload))), entry.crc32,
              {.file = impl_->source->name(), .member = entry.name});
  return payload;
}

}  // namespace flambeau::archive
