// End records and the central directory.

#include "archive/zip_directory.h"

#include <algorithm>

#include <flambeau/error.h>

#include "archive/zip_format.h"
#include "base/checked.h"

namespace flambeau::archive::zip {
namespace {

struct End {
  std::uint64_t count = 0, size = 0, offset = 0;  // of the directory
  std::uint64_t position = 0;                     // of the first end record: the directory ends here
};

[[noreturn]] void refuse(const bytes::Source& source, std::uint64_t offset, const std::string& message,
                         ErrorCode code = ErrorCode::corrupt) {
  throw Error(code, message, {.file = source.name(), .offset = offset});
}

[[noreturn]] void no_directory(const bytes::Source& source, Window& window) {
  const std::string size = std::to_string(source.size()) + " bytes: ";
  const auto first = source.size() < 4 ? 0 : get<std::uint32_t>(window.at(0, 4), 0);
  if (first == local_signature || source.size() < 4)
    throw Error(ErrorCode::truncated, size + "no central directory: incomplete download?", {.file = source.name()});
  throw Error(ErrorCode::unknown_format, size + "not a zip archive", {.file = source.name()});
}

// The 16- or 32-bit field of the end record must say what the zip64 record says, or that it is too small for it.
bool agrees(std::uint64_t small, std::uint64_t large, std::uint64_t most) noexcept {
  return small == most || small == large;
}

void read_end64(const bytes::Source& source, Window& window, std::uint64_t locator,
                std::span<const std::byte> end_record, End& end) {
  const auto found = window.at(locator, locator_size);
  const auto position = get<std::uint64_t>(found, 8);
  if (get<std::uint32_t>(found, 4) != 0 || get<std::uint32_t>(found, 16) > 1)
    refuse(source, locator, "an archive over several disks", ErrorCode::unsupported);
  if (!base::inside(position, end64_size, locator))
    refuse(source, locator, "the zip64 locator points to byte " + std::to_string(position) + ", behind itself");
  const auto record = window.at(position, end64_size);
  if (get<std::uint32_t>(record, 0) != end64_signature)
    refuse(source, locator,
           "the zip64 locator points to byte " + std::to_string(position) + ", where no end record is");
  const auto length = get<std::uint64_t>(record, 4);
  if (length != locator - position - 12)
    refuse(source, position,
           "the zip64 end record is " + std::to_string(length) + " bytes long, " +
               std::to_string(locator - position - 12) + " lie before its locator");
  if (get<std::uint32_t>(record, 16) != 0 || get<std::uint32_t>(record, 20) != 0)
    refuse(source, position, "an archive over several disks", ErrorCode::unsupported);
  end.count = get<std::uint64_t>(record, 24);
  end.size = get<std::uint64_t>(record, 40);
  end.offset = get<std::uint64_t>(record, 48);
  end.position = position;
  if (get<std::uint64_t>(record, 32) != end.count || !agrees(get<std::uint16_t>(end_record, 8), end.count, 0xFFFF) ||
      !agrees(get<std::uint16_t>(end_record, 10), end.count, 0xFFFF) ||
      !agrees(get<std::uint32_t>(end_record, 12), end.size, in_zip64) ||
      !agrees(get<std::uint32_t>(end_record, 16), end.offset, in_zip64))
    refuse(source, position, "the zip64 end record and the end record disagree");
}

End find_end(const bytes::Source& source, Window& window) {
  if (source.size() < end_size) no_directory(source, window);
  const auto tail_size = static_cast<std::size_t>(std::min(source.size(), end_search));
  const std::uint64_t tail_start = source.size() - tail_size;
  // Mostly the record is the last thing in the file, and a small directory lies in the same page; only otherwise is the
  // whole tail read.
  std::uint64_t position = source.size() - end_size;
  const auto page = std::min<std::uint64_t>(source.size(), 4096);
  window.at(source.size() - page, static_cast<std::size_t>(page));
  if (get<std::uint32_t>(window.at(position, end_size), 0) != end_signature) {
    const auto tail = window.at(tail_start, tail_size);
    const std::string_view text(reinterpret_cast<const char*>(tail.data()), tail.size());
    const std::size_t found = text.rfind("PK\5\6", tail_size - end_size);
    if (found == text.npos) no_directory(source, window);
    position = tail_start + found;
  }
  std::array<std::byte, end_size> record{};
  const auto bytes = window.at(position, end_size);
  std::copy(bytes.begin(), bytes.end(), record.begin());

  const std::uint64_t comment = get<std::uint16_t>(record, 20);
  if (comment > source.size() - position - end_size)
    refuse(source, position,
           "the end record promises a comment of " + std::to_string(comment) + " bytes, " +
               std::to_string(source.size() - position - end_size) + " follow",
           ErrorCode::truncated);
  End end{get<std::uint16_t>(record, 10), get<std::uint32_t>(record, 12), get<std::uint32_t>(record, 16), position};
  const bool has_locator =
      position >= locator_size && get<std::uint32_t>(window.at(position - locator_size, 4), 0) == locator_signature;
  const auto disk = get<std::uint16_t>(record, 4), directory_disk = get<std::uint16_t>(record, 6);
  if (disk != directory_disk || (disk != 0 && !(has_locator && disk == 0xFFFF)))
    refuse(source, position, "an archive over several disks", ErrorCode::unsupported);
  if (has_locator) {
    read_end64(source, window, position - locator_size, record, end);
  } else if (get<std::uint16_t>(record, 8) != end.count) {
    refuse(source, position, "an archive over several disks", ErrorCode::unsupported);
  }
  if (!base::inside(end.offset, end.size, end.position) || end.offset + end.size != end.position)
    refuse(source, end.position,
           "the directory should lie at byte " + std::to_string(end.offset) + " and be " + std::to_string(end.size) +
               " bytes long, but its end record lies at byte " + std::to_string(end.position));
  return end;
}

// Replaces what the 32-bit fields could not hold.
void read_zip64(std::span<const std::byte> extra, Entry& entry, std::uint16_t& disk) {
  const bool wanted =
      entry.size == in_zip64 || entry.compressed_size == in_zip64 || entry.header_offset == in_zip64 || disk == 0xFFFF;
  if (!wanted) return;
  const Extra field = find_extra(extra, zip64_extra);
  if (!field.found) throw Error(ErrorCode::corrupt, "its zip64 field is missing");
  std::size_t used = 0;
  for (std::uint64_t* value : {&entry.size, &entry.compressed_size, &entry.header_offset}) {
    if (*value != in_zip64) continue;
    if (field.value.size() - used < 8) throw Error(ErrorCode::corrupt, "its zip64 field is too short");
    *value = get<std::uint64_t>(field.value, used);
    used += 8;
  }
  if (disk == 0xFFFF && field.value.size() - used >= 4) disk = get<std::uint32_t>(field.value, used) == 0 ? 0 : 1;
}

// `header` is the whole central header: fixed part, name, extra field, comment.
Listed parse(std::span<const std::byte> header, const Limits& limits) {
  Listed result;
  Entry& entry = result.entry;
  const auto name_size = get<std::uint16_t>(header, 28), extra_size = get<std::uint16_t>(header, 30);
  const auto name = header.subspan(central_size, name_size);
  const auto extra = header.subspan(central_size + name_size, extra_size);
  entry.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  try {
    if (name_size > limits.max_name_bytes)
      throw Error(ErrorCode::limit, "its name is over max_name_bytes (" + std::to_string(limits.max_name_bytes) + ")");
    if (const char* reason = unsafe_name(entry.name))
      throw Error(ErrorCode::corrupt, std::string("its name ") + reason);
    for (const std::uint16_t id : {zip64_extra, unicode_path_extra})
      if (find_extra(extra, id).broken)
        throw Error(ErrorCode::corrupt, "its extra field is cut or states a thing twice");
    // Some readers take the name from here: version, crc of the other name, name.
    const Extra other = find_extra(extra, unicode_path_extra);
    if (other.found && (other.value.size() < 5 || !std::ranges::equal(other.value.subspan(5), name)))
      throw Error(ErrorCode::corrupt, "it has a second name");

    result.flags = get<std::uint16_t>(header, 8);
    const auto method = get<std::uint16_t>(header, 10);
    entry.deflated = method == deflated;
    entry.crc32 = get<std::uint32_t>(header, 16);
    entry.compressed_size = get<std::uint32_t>(header, 20);
    entry.size = get<std::uint32_t>(header, 24);
    entry.header_offset = get<std::uint32_t>(header, 42);
    auto disk = get<std::uint16_t>(header, 34);
    read_zip64(extra, entry, disk);
    if (disk != 0) throw Error(ErrorCode::unsupported, "it lies on another disk");
    if (result.flags & flags_encrypted) throw Error(ErrorCode::unsupported, "it is encrypted");
    if (result.flags & ~(flag_utf8 | flag_descriptor | flag_deflate_level))
      throw Error(ErrorCode::unsupported, "its flags " + std::to_string(result.flags) + " are not known");
    if (method != stored && method != deflated)
      throw Error(ErrorCode::unsupported,
                  "its compression method " + std::to_string(method) + " is neither stored nor deflate");
    const std::uint32_t unix_mode = get<std::uint32_t>(header, 38) >> 16;
    if (get<std::uint16_t>(header, 4) >> 8 == 3 && (unix_mode & 0170000) == 0120000)
      throw Error(ErrorCode::corrupt, "it is a symbolic link");
    if (!entry.deflated && entry.size != entry.compressed_size)
      throw Error(ErrorCode::corrupt, "stored, but " + std::to_string(entry.size) + " bytes take up " +
                                          std::to_string(entry.compressed_size));
    if (entry.name.back() == '/' && entry.size != 0) throw Error(ErrorCode::corrupt, "a folder that holds bytes");
    if (entry.deflated && entry.size / std::max<std::uint64_t>(limits.max_inflated_ratio, 1) > entry.compressed_size)
      throw Error(ErrorCode::limit, "claims to inflate from " + std::to_string(entry.compressed_size) + " to " +
                                        std::to_string(entry.size) + " bytes, over max_inflated_ratio (" +
                                        std::to_string(limits.max_inflated_ratio) + ")");
  } catch (const Error& error) {
    throw error.at({.member = entry.name});
  }
  return result;
}

}  // namespace

Extra find_extra(std::span<const std::byte> extra, std::uint16_t id) noexcept {
  Extra result;
  while (extra.size() >= 4) {  // fewer are padding that some tools leave
    const auto field = get<std::uint16_t>(extra, 0), size = get<std::uint16_t>(extra, 2);
    if (size > extra.size() - 4) return {{}, false, true};
    if (field == id && result.found) return {{}, false, true};
    if (field == id) result = {extra.subspan(4, size), true, false};
    extra = extra.subspan(4u + size);
  }
  return result;
}

Directory read_directory(const bytes::Source& source, Window& window, const Limits& limits) {
  const End end = find_end(source, window);
  if (end.count == 0) refuse(source, end.position, "the archive holds no records");
  if (end.count > limits.max_entries)
    refuse(source, end.position,
           std::to_string(end.count) + " records, over max_entries (" + std::to_string(limits.max_entries) + ")",
           ErrorCode::limit);
  if (end.count > end.size / central_size)
    refuse(
        source, end.position,
        "a directory of " + std::to_string(end.size) + " bytes cannot list " + std::to_string(end.count) + " records");

  Directory directory;
  directory.offset = end.offset;
  directory.records.reserve(static_cast<std::size_t>(end.count));
  std::uint64_t position = end.offset, inflated = 0;
  for (std::uint64_t i = 0; i < end.count; ++i) {
    const std::uint64_t left = end.position - position;
    std::uint64_t length = central_size;
    if (length <= left) {
      const auto fixed = window.at(position, central_size);
      if (get<std::uint32_t>(fixed, 0) != central_signature)
        refuse(source, position, "no directory entry where number " + std::to_string(i) + " should be");
      length += get<std::uint16_t>(fixed, 28);
      length += get<std::uint16_t>(fixed, 30);
      length += get<std::uint16_t>(fixed, 32);
    }
    if (length > left)
      refuse(source, position,
             "a directory entry of " + std::to_string(length) + " bytes, the directory ends after " +
                 std::to_string(left));
    try {
      directory.records.push_back(parse(window.at(position, static_cast<std::size_t>(length)), limits));
    } catch (const Error& error) {
      throw error.at({.file = source.name(), .offset = position});
    }
    const Entry& entry = directory.records.back().entry;
    if (entry.deflated && (!base::checked_add(inflated, entry.size, inflated) || inflated > limits.max_inflated_total))
      throw Error(
          ErrorCode::limit,
          "the records inflate to over max_inflated_total (" + std::to_string(limits.max_inflated_total) + ") bytes",
          {.file = source.name(), .member = entry.name});
    position += length;
  }
  if (position != end.position)
    refuse(source, position,
           std::to_string(end.position - position) + " bytes of the directory lie behind its last entry");
  return directory;
}

}  // namespace flambeau::archive::zip
