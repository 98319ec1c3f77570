#pragma once
// What damage to a file does: bits flipped, ends cut off. Shared by the everyday sample and the slow sweep.

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "archive/zip.h"
#include "formats/neighbours.h"

namespace flambeau::formats::test {

struct Whole {
  std::string name, bytes;
};

/// The reference files of at most `most` bytes that are one file each, with an extra one of each container that is
/// always larger.
inline std::vector<Whole> small_fixtures(std::uint64_t most) {
  std::vector<Whole> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(fixtures)) {
    const std::string extension = entry.path().extension().string();
    if (!entry.is_regular_file() || extension == ".json" || extension == ".py" || extension == ".md") continue;
    if (entry.path().string().find(".metadata") != std::string::npos || extension == ".distcp") continue;
    const bool tar = entry.path().string().find("tar-0.1") != std::string::npos;
    if (entry.file_size() > (tar ? 20000 : most)) continue;
    found.push_back({std::filesystem::relative(entry.path(), fixtures).string(), slurp(entry.path().string())});
  }
  std::sort(found.begin(), found.end(), [](const Whole& a, const Whole& b) { return a.name < b.name; });
  return found;
}

/// What a file holds, every payload read, as the bytes that saving it gives; the error's text where loading fails.
struct Meaning {
  bool loaded = false;
  std::string text{};
  ErrorCode code{};
  bool operator==(const Meaning&) const = default;
};
inline Meaning meaning_of(const std::string& file) {
  Meaning meaning;
  Checkpoint checkpoint;
  try {
    checkpoint = load(bytes_of(file), {.read = Read::copy});
    meaning.loaded = true;
  } catch (const Error& error) {
    meaning.text = error.what();
    meaning.code = error.code();
    return meaning;
  }
  try {
    meaning.text = save_to_memory(checkpoint.root());
  } catch (const Error& error) {  // some readable trees cannot be written
    meaning.text = error.what();
    meaning.code = error.code();
  }
  return meaning;
}

/// Cuts the file at `size`: it must be refused, or hold the same all the same (junk behind the end, a second save).
inline void expect_cut_is_seen(const Whole& file, const Meaning& whole, std::size_t size) {
  const Meaning cut = meaning_of(file.bytes.substr(0, size));
  if (cut.loaded && cut != whole) ADD_FAILURE() << file.name << " cut at " << size << " loads as something else";
}

/// Flips a bit: the file must be refused, or hold the same (padding, dates, what nothing reads).
inline void expect_flip_is_seen(const Whole& file, const Meaning& whole, std::uint64_t bit) {
  std::string bytes = file.bytes;
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
  const Meaning flipped = meaning_of(bytes);
  if (flipped.loaded && flipped != whole)
    ADD_FAILURE() << file.name << " with bit " << bit << " flipped loads as something else";
}

/// Whether all that the file holds stands under checksums: zip archives whose writer did not switch them off. Legacy,
/// tar, pickle, safetensors, npy and gguf files have none: a flipped bit of their payload is another value, nobody can
/// tell.
inline bool is_checked(const Whole& file) {
  if (!file.bytes.starts_with("PK\3\4")) return false;
  const archive::ZipReader zip(bytes::borrow(bytes_of(file.bytes)), Limits{});
  return std::ranges::all_of(zip.entries(), [](const archive::Entry& entry) { return entry.crc_recorded; });
}

/// A payload of an archive that has a checksum.
struct Payload {
  std::uint64_t offset, size;
  bool deflated;
};
inline std::vector<Payload> checked_payloads(const Whole& file) {
  std::vector<Payload> found;
  if (!file.bytes.starts_with("PK\3\4")) return found;
  const archive::ZipReader zip(bytes::borrow(bytes_of(file.bytes)), Limits{});
  for (const archive::Entry& entry : zip.entries())
    if (entry.crc_recorded && entry.size > 0 && entry.name.find("/data/") != std::string::npos)
      found.push_back({entry.data_offset, entry.compressed_size, entry.deflated});
  return found;
}

/// Flips a bit of a payload: loading it into memory fails with `checksum`. (Some bits of a deflate stream mean nothing;
/// others break it, which is `corrupt`.)
inline void expect_payload_flip_is_found(const Whole& file, const Meaning& whole, const Payload& payload,
                                         std::uint64_t bit) {
  std::string bytes = file.bytes;
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
  const Meaning flipped = meaning_of(bytes);
  const bool found = !flipped.loaded && flipped.code == ErrorCode::checksum;
  const bool harmless = payload.deflated && (flipped.loaded ? flipped == whole : flipped.code == ErrorCode::corrupt);
  EXPECT_TRUE(found || harmless) << file.name << " bit " << bit << ": " << (flipped.loaded ? "it loads" : flipped.text);
}

}  // namespace flambeau::formats::test
