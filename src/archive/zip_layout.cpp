// Local headers, and what lies between the records.

#include <algorithm>
#include <cstring>

#include <flambeau/error.h>

#include "archive/zip_directory.h"
#include "archive/zip_format.h"
#include "base/checked.h"

namespace flambeau::archive::zip {
namespace {

// Walks the records in the order in which they lie in the file.
class Layout {
 public:
  Layout(const bytes::Source& source, Window& window, std::uint64_t directory)
      : source_(source), window_(window), directory_(directory) {}

  /// The first of `records`; the others follow it.
  void next(std::span<Listed* const> records) {
    Listed& record = *records.front();
    const Entry& entry = record.entry;
    if (entry.header_offset < end_) overlap(entry);
    look_ahead(records);
    if (!previous_ && entry.header_offset > 0)
      hidden(0, entry.header_offset);  // not even zeros: torch wants PK at once
    check_gap(entry.header_offset);
    previous_ = &record;
    end_ = read_local(record);
  }
  /// What lies between the last record and the directory.
  void finish() { check_gap(directory_); }

 private:
  [[noreturn]] void refuse(const Entry& entry, std::uint64_t offset, const std::string& message) const {
    throw Error(ErrorCode::corrupt, message, {source_.name(), entry.name, offset, {}});
  }
  [[noreturn]] void overlap(const Entry& entry) const {
    refuse(entry, entry.header_offset,
           "overlaps '" + previous_->entry.name + "', which ends at byte " + std::to_string(end_));
  }

  // Reads the next headers at once, over payloads that cost less than another read would.
  void look_ahead(std::span<Listed* const> records) {
    constexpr std::uint64_t short_payload = 8192, most = 65536;
    std::uint64_t end = end_;  // of what shall be read
    for (const Listed* record : records) {
      const Entry& entry = record->entry;
      const std::uint64_t size = local_size + entry.name.size();
      if (entry.header_offset - end > short_payload || !base::inside(entry.header_offset, size, directory_)) break;
      const std::uint64_t from = end == end_ ? end_ : entry.header_offset;  // the first with the descriptor before it
      if (window_.find(from, static_cast<std::size_t>(entry.header_offset + size - from))) break;
      if (entry.header_offset + size - end_ > most) break;
      end = entry.header_offset + size;
    }
    if (end > end_) window_.read(end_, static_cast<std::size_t>(end - end_));
  }

  // Returns where the payload ends.
  std::uint64_t read_local(Listed& record) {
    Entry& entry = record.entry;
    const std::uint64_t start = entry.header_offset;
    const auto outside = [&] { refuse(entry, start, "overlaps the directory at byte " + std::to_string(directory_)); };
    const std::uint64_t wanted = local_size + entry.name.size();
    if (!base::inside(start, wanted, directory_)) outside();
    const auto header = window_.at(start, static_cast<std::size_t>(wanted));
    if (get<std::uint32_t>(header, 0) != local_signature)
      refuse(entry, start, "no local header where the directory says");
    const auto name = header.subspan(local_size);
    if (get<std::uint16_t>(header, 26) != name.size() || std::memcmp(name.data(), entry.name.data(), name.size()) != 0)
      refuse(entry, start, "the local header and the directory give the record different names");
    // How the deflate level and the name are noted makes no difference to any reader of these bytes.
    const auto differ = static_cast<std::uint16_t>(get<std::uint16_t>(header, 6) ^ record.flags);
    if (differ & ~(flag_deflate_level | flag_utf8))
      refuse(entry, start, "the local header and the directory differ in flags");
    if (get<std::uint16_t>(header, 8) != (entry.deflated ? deflated : stored))
      refuse(entry, start, "the local header and the directory differ in the compression method");
    const std::uint32_t crc = get<std::uint32_t>(header, 14);
    std::uint64_t compressed = get<std::uint32_t>(header, 18), size = get<std::uint32_t>(header, 22);
    const std::size_t extra_size = get<std::uint16_t>(header, 28);
    entry.data_offset = start + wanted + extra_size;
    if (!base::inside(entry.data_offset, entry.compressed_size, directory_)) outside();

    const bool later = (record.flags & flag_descriptor) != 0;  // zeros may stand here, the descriptor follows
    if (!later && (size == in_zip64 || compressed == in_zip64)) {
      const Extra field = find_extra(window_.at(start + wanted, extra_size), zip64_extra);
      if (field.found && field.value.size() >= 16) {
        size = get<std::uint64_t>(field.value, 0);
        compressed = get<std::uint64_t>(field.value, 8);
      }
    }
    const auto right = [later](std::uint64_t local, std::uint64_t listed) {
      return local == listed || (later && (local == 0 || local == in_zip64));
    };
    if (!right(size, entry.size) || !right(compressed, entry.compressed_size) || !right(crc, entry.crc32))
      refuse(entry, start, "the local header and the directory differ in size or checksum");
    return entry.data_offset + entry.compressed_size;
  }

  // Length of the previous record's descriptor if one that agrees with the directory lies at end_; 0 if there is none.
  std::uint64_t descriptor(std::uint64_t room) {
    const Entry& entry = previous_->entry;
    for (const std::uint64_t length : {24u, 16u, 20u, 12u}) {
      if (length > room) continue;
      const auto bytes = window_.at(end_, static_cast<std::size_t>(length));
      const std::size_t at = length % 8 == 0 ? 4 : 0;  // with or without signature
      if (at == 4 && get<std::uint32_t>(bytes, 0) != descriptor_signature) continue;
      const bool wide = length >= 20;
      const std::uint64_t compressed = wide ? get<std::uint64_t>(bytes, at + 4) : get<std::uint32_t>(bytes, at + 4);
      const std::uint64_t size = wide ? get<std::uint64_t>(bytes, at + 12) : get<std::uint32_t>(bytes, at + 8);
      if (get<std::uint32_t>(bytes, at) == entry.crc32 && compressed == entry.compressed_size && size == entry.size)
        return length;
    }
    return 0;
  }

  // Between end_ and `next` there may be the descriptor of the record before, and zeros.
  void check_gap(std::uint64_t next) {
    if (previous_ && (previous_->flags & flag_descriptor)) {
      const std::uint64_t length = descriptor(next - end_);
      if (length == 0) refuse(previous_->entry, end_, "its data descriptor is missing or differs from the directory");
      end_ += length;
    }
    while (end_ < next) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(next - end_, 65536));
      const auto piece = window_.at(end_, size);
      const auto found = std::ranges::find_if(piece, [](std::byte byte) { return byte != std::byte{0}; });
      if (found != piece.end()) hidden(end_ + static_cast<std::uint64_t>(found - piece.begin()), next);
      end_ += size;
    }
  }

  [[noreturn]] void hidden(std::uint64_t offset, std::uint64_t next) {
    const Place place{.file = source_.name(), .offset = offset};
    if (next - offset >= 4 && get<std::uint32_t>(window_.at(offset, 4), 0) == local_signature)
      throw Error(ErrorCode::corrupt, "a record that the directory does not list", place);
    throw Error(ErrorCode::corrupt, std::to_string(next - offset) + " bytes that belong to no record", place);
  }

  const bytes::Source& source_;
  Window& window_;
  std::uint64_t directory_;
  std::uint64_t end_ = 0;  // everything before is accounted for
  const Listed* previous_ = nullptr;
};

}  // namespace

void check_layout(const bytes::Source& source, Window& window, Directory& directory) {
  std::vector<Listed>& records = directory.records;
  Layout layout(source, window, directory.offset);
  std::vector<Listed*> order(records.size());
  std::ranges::transform(records, order.begin(), [](Listed& record) { return &record; });
  const auto offset = [](const Listed* record) { return record->entry.header_offset; };
  if (!std::ranges::is_sorted(order, {}, offset)) std::ranges::sort(order, {}, offset);
  for (std::size_t i = 0; i < order.size(); ++i) layout.next(std::span(order).subspan(i));
  layout.finish();
}

}  // namespace flambeau::archive::zip
