#pragma once
// Zips with any field wrong: everything is written as told, nothing is checked.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "archive/zip_format.h"
#include "bytes/crc32.h"

namespace flambeau::archive {

inline std::uint32_t crc_of(const std::string& text) { return bytes::crc32(0, std::as_bytes(std::span(text))); }

struct RawRecord {
  std::string name{}, payload{};  // the payload as it lies in the file
  std::uint16_t flags = 0, method = 0;
  std::optional<std::uint32_t> size{}, compressed{}, crc{};  // both headers; the payload's by default
  // Where the local header deviates from the directory.
  std::optional<std::string> local_name{};
  std::optional<std::uint16_t> local_flags{}, local_method{};
  std::optional<std::uint32_t> local_size{}, local_compressed{}, local_crc{};
  std::string local_extra{}, extra{};
  std::string before{}, after{};  // bytes around the record
  std::optional<std::uint32_t> offset{};
  std::uint16_t made_by = 0, disk = 0;
  std::uint32_t attributes = 0;
  bool listed = true, written = true;
};

struct RawEnd {
  std::string before_directory{}, after_directory{}, comment{}, trailing{};
  std::optional<std::uint16_t> count{}, count_here{}, comment_size{};
  std::optional<std::uint32_t> size{}, offset{};
  std::uint16_t disk = 0;
  // The zip64 end record and its locator.
  bool zip64 = false;
  std::optional<std::uint64_t> count64{}, count64_here{}, size64{}, offset64{}, length64{}, position64{};
  std::uint32_t disks = 1;
};

inline std::string raw_zip(const std::vector<RawRecord>& records, const RawEnd& end = {}) {
  using zip::put;
  std::string file, directory;
  std::uint16_t count = 0;
  for (const RawRecord& record : records) {
    const auto own_size = static_cast<std::uint32_t>(record.payload.size());
    const std::uint32_t compressed = record.compressed.value_or(own_size), size = record.size.value_or(own_size);
    const std::uint32_t crc = record.crc.value_or(crc_of(record.payload));
    const std::string local_name = record.local_name.value_or(record.name);
    file += record.before;
    const auto offset = static_cast<std::uint32_t>(file.size());
    if (record.written) {
      put<std::uint32_t>(file, zip::local_signature);
      put<std::uint16_t>(file, 20);
      put<std::uint16_t>(file, record.local_flags.value_or(record.flags));
      put<std::uint16_t>(file, record.local_method.value_or(record.method));
      put<std::uint32_t>(file, 0);
      put<std::uint32_t>(file, record.local_crc.value_or(crc));
      put<std::uint32_t>(file, record.local_compressed.value_or(compressed));
      put<std::uint32_t>(file, record.local_size.value_or(size));
      put<std::uint16_t>(file, static_cast<std::uint16_t>(local_name.size()));
      put<std::uint16_t>(file, static_cast<std::uint16_t>(record.local_extra.size()));
      file += local_name + record.local_extra + record.payload;
    }
    file += record.after;
    if (!record.listed) continue;
    ++count;
    put<std::uint32_t>(directory, zip::central_signature);
    put<std::uint16_t>(directory, record.made_by);
    put<std::uint16_t>(directory, 20);
    put<std::uint16_t>(directory, record.flags);
    put<std::uint16_t>(directory, record.method);
    put<std::uint32_t>(directory, 0);
    put<std::uint32_t>(directory, crc);
    put<std::uint32_t>(directory, compressed);
    put<std::uint32_t>(directory, size);
    put<std::uint16_t>(directory, static_cast<std::uint16_t>(record.name.size()));
    put<std::uint16_t>(directory, static_cast<std::uint16_t>(record.extra.size()));
    put<std::uint16_t>(directory, 0);
    put<std::uint16_t>(directory, record.disk);
    put<std::uint16_t>(directory, 0);
    put<std::uint32_t>(directory, record.attributes);
    put<std::uint32_t>(directory, record.offset.value_or(offset));
    directory += record.name + record.extra;
  }
  file += end.before_directory;
  const auto offset = file.size();
  file += directory + end.after_directory;
  if (end.zip64) {
    const std::uint64_t position = file.size();
    put<std::uint32_t>(file, zip::end64_signature);
    put<std::uint64_t>(file, end.length64.value_or(zip::end64_size - 12));
    put<std::uint32_t>(file, 0x002D031E);
    put<std::uint64_t>(file, 0);
    put<std::uint64_t>(file, end.count64_here.value_or(end.count64.value_or(count)));
    put<std::uint64_t>(file, end.count64.value_or(count));
    put<std::uint64_t>(file, end.size64.value_or(directory.size()));
    put<std::uint64_t>(file, end.offset64.value_or(offset));
    put<std::uint32_t>(file, zip::locator_signature);
    put<std::uint32_t>(file, 0);
    put<std::uint64_t>(file, end.position64.value_or(position));
    put<std::uint32_t>(file, end.disks);
  }
  put<std::uint32_t>(file, zip::end_signature);
  put<std::uint16_t>(file, end.disk);
  put<std::uint16_t>(file, end.disk);
  put<std::uint16_t>(file, end.count_here.value_or(end.count.value_or(count)));
  put<std::uint16_t>(file, end.count.value_or(count));
  put<std::uint32_t>(file, end.size.value_or(static_cast<std::uint32_t>(directory.size())));
  put<std::uint32_t>(file, end.offset.value_or(static_cast<std::uint32_t>(offset)));
  put<std::uint16_t>(file, end.comment_size.value_or(static_cast<std::uint16_t>(end.comment.size())));
  return file + end.comment + end.trailing;
}

}  // namespace flambeau::archive
