#include "archive/tar.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <unordered_set>

#include <flambeau/error.h>
#include <flambeau/escape.h>

#include "archive/window.h"
#include "archive/zip_format.h"
#include "base/checked.h"

namespace flambeau::archive {
namespace {

constexpr std::size_t block = 512;
using Block = std::span<const std::byte>;

std::string_view text(Block header, std::size_t at, std::size_t size) noexcept {
  const std::string_view field(reinterpret_cast<const char*>(header.data()) + at, size);
  return field.substr(0, std::min(field.find('\0'), size));
}

// Octal digits among blanks; or big-endian binary when the top bit is set (GNU). Nothing for anything else.
std::optional<std::uint64_t> number(Block header, std::size_t at, std::size_t size) noexcept {
  const auto first = std::to_integer<unsigned>(header[at]);
  if (first & 0x80) {
    std::uint64_t value = first & 0x3F;
    if (first & 0x40) return std::nullopt;  // negative
    for (std::size_t i = 1; i < size; ++i) {
      if (value >> 55 != 0) return std::nullopt;
      value = value << 8 | std::to_integer<unsigned>(header[at + i]);
    }
    return value;
  }
  std::string_view digits = text(header, at, size);
  while (digits.starts_with(' ')) digits.remove_prefix(1);
  while (digits.ends_with(' ')) digits.remove_suffix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
  if (!digits.empty() && (error != std::errc{} || end != digits.data() + digits.size())) return std::nullopt;
  return value;
}

// The sum of all bytes, its own field counted as blanks; old tars added signed bytes.
bool checksum_fits(Block header) noexcept {
  std::int64_t plain = 8 * ' ', as_signed = 8 * ' ';
  for (std::size_t i = 0; i < block; ++i) {
    if (i >= 148 && i < 156) continue;
    plain += std::to_integer<unsigned char>(header[i]);
    as_signed += static_cast<signed char>(std::to_integer<unsigned char>(header[i]));
  }
  const auto stated = number(header, 148, 8);
  return stated && (static_cast<std::int64_t>(*stated) == plain || static_cast<std::int64_t>(*stated) == as_signed);
}

bool all_zero(Block header) noexcept {
  return std::ranges::all_of(header, [](std::byte byte) { return byte == std::byte{0}; });
}

// What PAX and GNU headers say of the member that follows.
struct Override {
  std::string name{};
  std::optional<std::uint64_t> size{};
};

// PAX: "LENGTH KEY=VALUE\n" …; the length counts the whole line.
void parse_pax(std::string_view records, Override& next) {
  while (!records.empty()) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(records.data(), records.data() + records.size(), length);
    const auto used = static_cast<std::size_t>(end - records.data());
    if (error != std::errc{} || length <= used + 1 || length > records.size() || records[used] != ' ' ||
        records[length - 1] != '\n')
      throw Error(ErrorCode::corrupt, "a broken line in a pax header");
    const std::string_view line = records.substr(used + 1, length - used - 2);
    const std::size_t equals = line.find('=');
    if (equals == line.npos) throw Error(ErrorCode::corrupt, "a line without '=' in a pax header");
    const std::string_view key = line.substr(0, equals), value = line.substr(equals + 1);
    if (key == "path") next.name = value;
    if (key == "size") {
      std::uint64_t size = 0;
      const auto [last, bad] = std::from_chars(value.data(), value.data() + value.size(), size);
      if (value.empty() || bad != std::errc{} || last != value.data() + value.size())
        throw Error(ErrorCode::corrupt, "a pax size that is no number");
      next.size = size;
    }
    records.remove_prefix(length);
  }
}

std::string header_name(Block header) {
  std::string name(text(header, 0, 100));
  const std::string_view prefix = text(header, 345, 155);
  if (text(header, 257, 5) == "ustar" && std::to_integer<char>(header[262]) == '\0' && !prefix.empty())
    name = std::string(prefix) + "/" + name;
  return name;
}

}  // namespace

bool looks_like_tar(std::span<const std::byte> head) noexcept {
  return head.size() >= block && !all_zero(head.first(block)) && checksum_fits(head.first(block));
}

TarReader::TarReader(std::shared_ptr<const bytes::Source> source, const Limits& limits) : source_(std::move(source)) {
  Window window(*source_);
  const std::uint64_t end = source_->size();
  std::uint64_t position = 0;
  std::unordered_set<std::string> names;
  Override next;
  const auto refuse = [&](ErrorCode code, const std::string& message, const std::string& member = {}) {
    throw Error(code, message, {source_->name(), member, position, {}});
  };
  while (true) {
    // Torch's own files end with two blocks of zeros; one is enough, none means that the rest is missing.
    if (end - position < block)
      refuse(ErrorCode::truncated, std::to_string(end) + " bytes: the tar has no end: incomplete download?");
    const Block header = window.at(position, block);
    if (all_zero(header)) break;
    if (!checksum_fits(header)) {
      if (position == 0) refuse(ErrorCode::unknown_format, "not a tar archive");
      refuse(ErrorCode::corrupt, "the checksum of a tar header does not fit");
    }
    const char type = std::to_integer<char>(header[156]);
    const bool about_next = type == 'x' || type == 'L';
    Member member{header_name(header), 0, position + block};
    const auto stated = number(header, 124, 12);
    if (!stated) refuse(ErrorCode::corrupt, "the size of a tar member is no number", member.name);
    member.size = *stated;
    if (!about_next && type != 'g') {
      if (!next.name.empty()) member.name = next.name;
      if (next.size) member.size = *next.size;
      next = {};
    }
    std::uint64_t padded = 0;
    if (!base::checked_add(member.size, std::uint64_t{block - 1}, padded) ||
        !base::inside(member.data_offset, padded &= ~std::uint64_t{block - 1}, end))
      refuse(ErrorCode::truncated,
             std::to_string(member.size) + " bytes promised, " + std::to_string(end - member.data_offset) + " follow",
             member.name);

    if (about_next) {
      if (member.size > limits.max_name_bytes)
        refuse(ErrorCode::limit, "a tar header over max_name_bytes (" + std::to_string(limits.max_name_bytes) + ")");
      const Block bytes = window.at(member.data_offset, static_cast<std::size_t>(member.size));
      const std::string_view value(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      try {
        if (type == 'x') parse_pax(value, next);
      } catch (const Error& error) {
        throw error.at({.file = source_->name(), .offset = position});
      }
      if (type == 'L') next.name = value.substr(0, value.find('\0'));
    } else if (type == '0' || type == '\0' || type == '7') {
      if (const char* reason = zip::unsafe_name(member.name))
        refuse(ErrorCode::corrupt, std::string("its name ") + reason, member.name);
      if (!names.insert(member.name).second) refuse(ErrorCode::corrupt, "two members bear this name", member.name);
      if (members_.size() >= limits.max_entries)
        refuse(ErrorCode::limit, "more members than max_entries (" + std::to_string(limits.max_entries) + ")");
      members_.push_back(std::move(member));
    } else if (type != '5' && type != 'g') {
      refuse(ErrorCode::unsupported, std::string("a tar member of type '") + escape({&type, 1}) + "'", member.name);
    }
    position += block + padded;
  }
  if (members_.empty()) refuse(ErrorCode::corrupt, "the archive holds no members");
}

const TarReader::Member* TarReader::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(members_, name, &Member::name);
  return found == members_.end() ? nullptr : &*found;
}

std::shared_ptr<const StorageSource> TarReader::open(const Member& member) const {
  return bytes::slice(source_, member.data_offset, member.size, member.name, nullptr);
}

}  // namespace flambeau::archive
