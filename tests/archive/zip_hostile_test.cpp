// Every way in which a zip can lie (reference/security.md 1.6): each is refused with its code.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <flambeau/error.h>

#include "archive/raw_zip.h"
#include "archive/zip.h"
#include "bytes/scratch.h"

namespace flambeau::archive {
namespace {

using namespace std::string_literals;

ZipReader reader(std::string file, const Limits& limits = {}) {
  return ZipReader(bytes::from_memory(std::move(file), "h.pth"), limits);
}

std::string descriptor(const std::string& payload, bool wide = false, std::uint32_t crc_error = 0) {
  std::string text;
  zip::put<std::uint32_t>(text, zip::descriptor_signature);
  zip::put<std::uint32_t>(text, crc_of(payload) + crc_error);
  for (int i = 0; i < 2; ++i)
    wide ? zip::put<std::uint64_t>(text, payload.size())
         : zip::put<std::uint32_t>(text, static_cast<std::uint32_t>(payload.size()));
  return text;
}

std::string field(std::uint16_t id, const std::string& value) {
  std::string text;
  zip::put<std::uint16_t>(text, id);
  zip::put<std::uint16_t>(text, static_cast<std::uint16_t>(value.size()));
  return text + value;
}

std::string u64(std::uint64_t value) {
  std::string text;
  zip::put<std::uint64_t>(text, value);
  return text;
}

#define EXPECT_REFUSED(file, code, fragment) EXPECT_ERROR(reader(file), ErrorCode::code, fragment)

const RawRecord good{.name = "h/data.pkl", .payload = "hello"};
const RawRecord other{.name = "h/data/0", .payload = "world!"};

TEST(HostileZip, TheStartingPointIsFine) {
  const ZipReader zip = reader(raw_zip({good, other}));
  EXPECT_EQ(zip.root(), "h");
  ASSERT_EQ(zip.entries().size(), 2u);
  EXPECT_EQ(zip.read(*zip.find("data.pkl")), "hello");
  EXPECT_EQ(zip.read(*zip.find("data/0")), "world!");
  EXPECT_EQ(reader(raw_zip({good, other}, {.zip64 = true})).entries().size(), 2u);
}

TEST(HostileZip, WhatIsNoZip) {
  EXPECT_REFUSED("", truncated, "h.pth: 0 bytes: no central directory: incomplete download?");
  EXPECT_REFUSED("PK\3\4", truncated, "4 bytes: no central directory: incomplete download?");
  EXPECT_REFUSED(std::string(100, 'x'), unknown_format, "100 bytes: not a zip archive");
  EXPECT_REFUSED(raw_zip({}), corrupt, "the archive holds no records");
}

TEST(HostileZip, EndRecords) {
  const std::string whole = raw_zip({good});
  // A second archive in the comment, behind the first, or an end record in the comment that points to nowhere.
  EXPECT_REFUSED(raw_zip({good}, {.comment = raw_zip({other})}), corrupt, "the directory should lie");
  EXPECT_REFUSED(raw_zip({good}, {.trailing = raw_zip({other})}), corrupt, "the directory should lie");
  EXPECT_REFUSED(raw_zip({good}, {.comment = whole.substr(whole.size() - 22)}), corrupt, "the directory should lie");
  EXPECT_REFUSED(raw_zip({{.name = "h/a", .payload = whole, .listed = false}, other}), corrupt, "does not list");
  EXPECT_REFUSED(raw_zip({good}, {.comment_size = std::uint16_t{5}}), truncated, "a comment of 5 bytes, 0 follow");
  EXPECT_REFUSED(raw_zip({good}, {.trailing = std::string(70000, '\0')}), truncated, "no central directory");
}

TEST(HostileZip, CountsAndSizesOfTheDirectory) {
  EXPECT_REFUSED(raw_zip({good, other}, {.count = std::uint16_t{1}}), corrupt, "behind its last entry");
  EXPECT_REFUSED(
      raw_zip({good}, {.after_directory = "PK\1\2" + std::string(42, '\xff'), .count = std::uint16_t{2}, .size = 102u}),
      corrupt, "a directory entry of 196651 bytes, the directory ends after 46");
  EXPECT_REFUSED(raw_zip({good}, {.after_directory = std::string(46, 'x'), .count = std::uint16_t{2}, .size = 102u}),
                 corrupt, "no directory entry where number 1 should be");
  EXPECT_REFUSED(raw_zip({good, other}, {.count = std::uint16_t{9}}), corrupt, "cannot list 9 records");
  EXPECT_REFUSED(raw_zip({good, other}, {.count_here = std::uint16_t{1}}), unsupported, "several disks");
  EXPECT_REFUSED(raw_zip({good}, {.size = 5u}), corrupt, "be 5 bytes long");
  EXPECT_REFUSED(raw_zip({good}, {.size = 0xFFFFFFFFu}), corrupt, "be 4294967295 bytes long");
  EXPECT_REFUSED(raw_zip({good}, {.offset = 3u}), corrupt, "should lie at byte 3");
  EXPECT_REFUSED(raw_zip({good}, {.offset = 0xFFFFFFFFu}), corrupt, "should lie at byte 4294967295");
  EXPECT_REFUSED(raw_zip({good}, {.after_directory = "PK\5\5\0\0"s, .size = 62u}), corrupt, "behind its last entry");
  EXPECT_REFUSED(raw_zip({good}, {.disk = 1}), unsupported, "several disks");
}

TEST(HostileZip, Zip64EndRecord) {
  EXPECT_REFUSED(raw_zip({good}, {.zip64 = true, .count64 = 2u}), corrupt, "disagree");
  EXPECT_REFUSED(raw_zip({good}, {.zip64 = true, .count64_here = 2u}), corrupt, "disagree");
  EXPECT_REFUSED(raw_zip({good}, {.zip64 = true, .size64 = 1u}), corrupt, "disagree");
  EXPECT_REFUSED(raw_zip({good}, {.zip64 = true, .offset64 = 1u}), corrupt, "disagree");
  EXPECT_REFUSED(raw_zip({good}, {.zip64 = true, .length64 = 45u}), corrupt, "45 bytes long, 44 lie");
  EXPECT_REFUSED(raw_zip({good}, {.zip64 = true, .length64 = ~0ull}), corrupt, "bytes long, 44 lie");
  EXPECT_REFUSED(raw_zip({good}, {.zip64 = true, .position64 = ~0ull}), corrupt, "behind itself");
  EXPECT_REFUSED(raw_zip({good}, {.zip64 = true, .position64 = 0u}), corrupt, "where no end record is");
  EXPECT_REFUSED(raw_zip({good}, {.zip64 = true, .disks = 2}), unsupported, "several disks");
  EXPECT_REFUSED(raw_zip({good}, {.count = std::uint16_t{0xFFFF}, .zip64 = true, .count64 = 1ull << 40}), limit,
                 "max_entries");
  EXPECT_REFUSED(raw_zip({good}, {.count = std::uint16_t{0xFFFF}, .zip64 = true, .count64 = 9000000u}), corrupt,
                 "cannot list 9000000 records");
  EXPECT_REFUSED(raw_zip({good}, {.offset = 0xFFFFFFFFu, .zip64 = true, .offset64 = ~0ull}), corrupt, "should lie");
}

TEST(HostileZip, Zip64FieldsOfRecords) {
  RawRecord record = good;
  record.size = record.compressed = 0xFFFFFFFFu;
  EXPECT_REFUSED(raw_zip({record}), corrupt, "h/data.pkl: byte 45: its zip64 field is missing");
  record.extra = field(zip::zip64_extra, u64(5));
  EXPECT_REFUSED(raw_zip({record}), corrupt, "its zip64 field is too short");
  record.extra = field(zip::zip64_extra, u64(5) + u64(5)) + field(zip::zip64_extra, u64(6) + u64(6));
  EXPECT_REFUSED(raw_zip({record}), corrupt, "states a thing twice");
  record.extra = "\1\0\x40\0"s + u64(5);
  EXPECT_REFUSED(raw_zip({record}), corrupt, "its extra field is cut");
  record.extra = field(zip::zip64_extra, u64(~0ull) + u64(~0ull));
  EXPECT_REFUSED(raw_zip({record}), corrupt, "overlaps the directory");
  record.extra = record.local_extra = field(zip::zip64_extra, u64(5) + u64(5));
  EXPECT_EQ(reader(raw_zip({record})).entries()[0].size, 5u);
  record.local_extra = field(zip::zip64_extra, u64(4) + u64(4));
  EXPECT_REFUSED(raw_zip({record}), corrupt, "differ in size or checksum");
}

TEST(HostileZip, OffsetsOfRecords) {
  RawRecord record = other;
  for (const std::uint32_t offset : {0xFFFFFFFEu, 5000u, 70u}) {
    record.offset = offset;
    EXPECT_THROW(reader(raw_zip({good, record})), Error) << offset;
  }
  record.offset = 0u;
  EXPECT_REFUSED(raw_zip({good, record}), corrupt, "overlaps 'h/data.pkl'");
  record.offset = 46u;
  EXPECT_REFUSED(raw_zip({good, record}), corrupt, "byte 45: 1 bytes that belong to no record");
  EXPECT_REFUSED("XX" + raw_zip({good, other}).substr(2), corrupt,
                 "h/data.pkl: byte 0: no local header where the directory says");
}

TEST(HostileZip, PrefixesGapsAndHiddenRecords) {
  RawRecord record = good;
  record.before = "#!/bin/sh\n";
  EXPECT_REFUSED(raw_zip({record}), corrupt, "h.pth: byte 0: 10 bytes that belong to no record");
  record.before = std::string(10, '\0');
  EXPECT_REFUSED(raw_zip({record}), corrupt, "belong to no record");
  RawRecord hidden = other;
  hidden.listed = false;
  EXPECT_REFUSED(raw_zip({hidden, good}), corrupt, "h.pth: byte 0: a record that the directory does not list");
  EXPECT_REFUSED(raw_zip({good, hidden, other}), corrupt, "byte 45: a record that the directory does not list");
  EXPECT_REFUSED(raw_zip({good, hidden}), corrupt, "byte 45: a record that the directory does not list");
  EXPECT_REFUSED(raw_zip({good}, {.before_directory = "junk"}), corrupt, "byte 45: 4 bytes that belong to no record");
  EXPECT_REFUSED(raw_zip({good}, {.before_directory = std::string(100000, '\0') + "x"}), corrupt,
                 "byte 100045: 1 bytes that belong to no record");
  EXPECT_NO_THROW(reader(raw_zip({good}, {.before_directory = std::string(100000, '\0')})));
  RawRecord absent = other;
  absent.written = false;
  EXPECT_REFUSED(raw_zip({good, absent}), corrupt, "overlaps the directory");
}

TEST(HostileZip, OverlappingRecords) {
  // The quoted kernel of a zip bomb: one payload, many headers.
  RawRecord outer = good, inner{.name = "h/data/0", .payload = "x"};
  const std::string nested = raw_zip({inner}).substr(0, 39);  // a local header with its byte
  outer.payload = nested;
  inner.written = false;
  inner.offset = 40u;
  EXPECT_REFUSED(raw_zip({outer, inner}), corrupt, "h/data/0: byte 40: overlaps 'h/data.pkl', which ends at byte 79");
  RawRecord twice = good;
  twice.name = "h/b";
  twice.written = false;
  twice.offset = 0u;
  EXPECT_REFUSED(raw_zip({good, twice}), corrupt, "overlaps");
  RawRecord huge = good;
  huge.size = huge.compressed = 100u;
  EXPECT_REFUSED(raw_zip({huge}), corrupt, "h/data.pkl: byte 0: overlaps the directory at byte 45");
}

TEST(HostileZip, NamesTwice) {
  EXPECT_REFUSED(raw_zip({good, other, good}), corrupt, "h/data.pkl: two records bear this name");
  RawRecord upper = good;
  upper.name = "h/DATA.pkl";
  EXPECT_REFUSED(raw_zip({good, other, upper}), corrupt, "differs only in case from");
  EXPECT_NO_THROW(reader(raw_zip({{.name = "w.npy", .payload = "1"}, {.name = "W.npy", .payload = "2"}})));
  EXPECT_REFUSED(raw_zip({{.name = "w.npy"}, {.name = "w.npy"}}), corrupt, "two records");
}

TEST(HostileZip, Names) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "is empty"},
      {"/etc/passwd", "is absolute"},
      {"h/../../x", "leaves its folder"},
      {"..", "leaves its folder"},
      {"h/..", "leaves its folder"},
      {"h//x", "has an empty part"},
      {"h/./x", "has an empty part"},
      {"h//", "has an empty part"},
      {"h\\..\\x", "contains a backslash"},
      {"C:/x", "names a drive"},
      {"h/x\0.pkl"s, "contains a NUL"},
      {"h/\x1b[2J", "contains a control character"},
      {"h/a\nb", "contains a control character"},
      {"h/\xff\xfe", "is not UTF-8"},
      {"h/\xed\xa0\x80", "is not UTF-8"},
  };
  for (const auto& [bad, reason] : cases) EXPECT_REFUSED(raw_zip({{.name = bad}}), corrupt, "its name " + reason);
  for (const char* fine : {"h/größe 大.pkl", "h/a b", "h/..x", "h/x..", "h/...", "x:y/z", "h/.data/version"})
    EXPECT_NO_THROW(reader(raw_zip({{.name = fine}}))) << fine;
  EXPECT_ERROR(reader(raw_zip({good}), {.max_name_bytes = 9}), ErrorCode::limit, "max_name_bytes (9)");
}

TEST(HostileZip, TwoNamesForOneRecord) {
  RawRecord record = good;
  record.local_name = "h/data.pkI";
  EXPECT_REFUSED(raw_zip({record}), corrupt, "different names");
  record.local_name = "h/data";
  EXPECT_REFUSED(raw_zip({record}), corrupt, "different names");
  record.local_name.reset();
  record.extra = field(zip::unicode_path_extra, "\1\0\0\0\0h/evil.pkl"s);
  EXPECT_REFUSED(raw_zip({record}), corrupt, "it has a second name");
  record.extra = field(zip::unicode_path_extra, "\1\0\0\0\0h/data.pkl"s);
  EXPECT_NO_THROW(reader(raw_zip({record})));
}

TEST(HostileZip, FlagsAndMethods) {
  for (const auto flags : std::initializer_list<std::uint16_t>{0x0001, 0x0040, 0x2000, 0x0041})
    EXPECT_REFUSED(raw_zip({{.name = "h/a", .flags = flags}}), unsupported, "it is encrypted");
  for (const auto flags : std::initializer_list<std::uint16_t>{0x0010, 0x0020, 0x0080, 0x8000})
    EXPECT_REFUSED(raw_zip({{.name = "h/a", .flags = flags}}), unsupported, "are not known");
  for (const auto method : std::initializer_list<std::uint16_t>{1, 9, 12, 14, 93, 95, 99})
    EXPECT_REFUSED(raw_zip({{.name = "h/a", .method = method}}), unsupported,
                   "compression method " + std::to_string(method));
  RawRecord record = good;
  record.local_method = 8;
  EXPECT_REFUSED(raw_zip({record}), corrupt, "differ in the compression method");
  record.local_method.reset();
  record.local_flags = 0x0001;
  EXPECT_REFUSED(raw_zip({record}), corrupt, "differ in flags");
  record.local_flags = 0x0008;
  EXPECT_REFUSED(raw_zip({record}), corrupt, "differ in flags");
  record.local_flags = 0x0800;
  EXPECT_NO_THROW(reader(raw_zip({record})));
}

TEST(HostileZip, SizesAndChecksumsInTwoPlaces) {
  RawRecord record = good;
  record.size = 9u;
  EXPECT_REFUSED(raw_zip({record}), corrupt, "stored, but 9 bytes take up 5");
  for (auto member : {&RawRecord::local_size, &RawRecord::local_compressed, &RawRecord::local_crc}) {
    record = good;
    record.*member = 0u;
    EXPECT_REFUSED(raw_zip({record}), corrupt, "differ in size or checksum");
    record.flags = 0x0008;  // then they follow in the descriptor
    record.after = descriptor("hello");
    EXPECT_NO_THROW(reader(raw_zip({record})));
    record.*member = 4u;
    EXPECT_REFUSED(raw_zip({record}), corrupt, "differ in size or checksum");
  }
}

TEST(HostileZip, Descriptors) {
  RawRecord record = good;
  record.flags = 0x0808;
  EXPECT_REFUSED(raw_zip({record}), corrupt, "byte 45: its data descriptor is missing");
  EXPECT_REFUSED(raw_zip({record, other}), corrupt, "its data descriptor is missing");
  record.after = descriptor("hello", false, 1);
  EXPECT_REFUSED(raw_zip({record, other}), corrupt, "data descriptor is missing or differs");
  record.after = descriptor("hell");
  EXPECT_REFUSED(raw_zip({record, other}), corrupt, "data descriptor is missing or differs");
  for (const bool wide : {false, true}) {
    for (const std::size_t skipped : {0u, 4u}) {  // the signature is optional
      record.after = descriptor("hello", wide).substr(skipped);
      const ZipReader zip = reader(raw_zip({record, other}));
      EXPECT_EQ(zip.read(zip.entries()[0]), "hello");
    }
  }
  record.after += "x";
  EXPECT_REFUSED(raw_zip({record, other}), corrupt, "1 bytes that belong to no record");
}

TEST(HostileZip, LinksFoldersAndDisks) {
  RawRecord record = good;
  record.made_by = 3 << 8;
  record.attributes = 0120777u << 16;
  EXPECT_REFUSED(raw_zip({record}), corrupt, "it is a symbolic link");
  record.attributes = 0100644u << 16;
  EXPECT_NO_THROW(reader(raw_zip({record})));
  record.disk = 1;
  EXPECT_REFUSED(raw_zip({record}), unsupported, "it lies on another disk");
  EXPECT_REFUSED(raw_zip({{.name = "h/", .payload = "x"}, good}), corrupt, "a folder that holds bytes");
  const ZipReader zip = reader(raw_zip({{.name = "h/"}, good, {.name = "h/data/"}, other}));
  EXPECT_EQ(zip.root(), "h");
  EXPECT_EQ(zip.entries().size(), 2u);
}

TEST(HostileZip, TooManyRecords) {
  std::vector<RawRecord> records;
  for (int i = 0; i < 20; ++i) records.push_back({.name = "h/" + std::to_string(i)});
  EXPECT_ERROR(reader(raw_zip(records), {.max_entries = 19}), ErrorCode::limit, "20 records, over max_entries (19)");
  EXPECT_NO_THROW(reader(raw_zip(records), {.max_entries = 20}));
}

TEST(HostileZip, PayloadsThatDoNotMatchTheirChecksum) {
  RawRecord record = good;
  record.crc = 0x12345678u;
  const ZipReader zip = reader(raw_zip({record}));
  EXPECT_ERROR(zip.read(zip.entries()[0]), ErrorCode::checksum,
               "h.pth: h/data.pkl: its bytes have crc-32 3610a686, recorded is 12345678");
  // One zero among real checksums is damage; zeros throughout mean that the writer left them out.
  record.crc = 0u;
  const ZipReader one = reader(raw_zip({record, other}));
  EXPECT_ERROR(one.read(one.entries()[0]), ErrorCode::checksum, "recorded is 00000000");
  const ZipReader all = reader(raw_zip({record, {.name = "h/data/0", .payload = "x", .crc = 0u}}));
  EXPECT_FALSE(all.entries()[0].crc_recorded);
  EXPECT_EQ(all.read(all.entries()[0]), "hello");
}

}  // namespace
}  // namespace flambeau::archive
