// Reading archives: torch's own, rewritten ones, damaged ones.
#include <gtest/gtest.h>
#include <libdeflate.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <flambeau/error.h>

#include "archive/raw_zip.h"
#include "archive/zip.h"
#include "bytes/scratch.h"

namespace flambeau::archive {
namespace {

namespace fs = std::filesystem;

std::string file_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
std::string data(const std::string& name) { return file_text(fs::path(FLAMBEAU_TEST_DATA) / name); }

ZipReader reader(std::string file, const Limits& limits = {}) {
  return ZipReader(bytes::from_memory(std::move(file), "z.pth"), limits);
}

std::string deflate(const std::string& text) {
  libdeflate_compressor* machine = libdeflate_alloc_compressor(9);
  std::string out(libdeflate_deflate_compress_bound(machine, text.size()), '\0');
  out.resize(libdeflate_deflate_compress(machine, text.data(), text.size(), out.data(), out.size()));
  libdeflate_free_compressor(machine);
  return out;
}

RawRecord deflated_record(const std::string& name, const std::string& text) {
  return {.name = name,
          .payload = deflate(text),
          .method = zip::deflated,
          .size = static_cast<std::uint32_t>(text.size()),
          .crc = crc_of(text)};
}

TEST(ZipReader, ReadsWhatTorchWrites) {
  const ZipReader zip = reader(data("lin.pth"));
  EXPECT_EQ(zip.root(), "lin");
  std::vector<std::string> names;
  for (const Entry& entry : zip.entries()) names.push_back(entry.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"lin/data.pkl", "lin/.format_version", "lin/.storage_alignment", "lin/byteorder",
                                      "lin/data/0", "lin/data/1", "lin/version", "lin/.data/serialization_id"}));
  EXPECT_EQ(zip.read(*zip.find("version")), "3\n");
  EXPECT_EQ(zip.read(*zip.find("byteorder")), "little");
  EXPECT_EQ(zip.find("data/0")->size, 8u);
  for (const Entry& entry : zip.entries()) {
    EXPECT_EQ(entry.data_offset % 64, 0u);
    EXPECT_TRUE(entry.crc_recorded);
  }
}

TEST(ZipReader, FindsByExactNameWithoutRoot) {
  const ZipReader zip = reader(data("lin.pth"));
  EXPECT_EQ(zip.find("data.pkl"), &zip.entries()[0]);
  for (const char* absent : {"", "lin/data.pkl", "DATA.PKL", "data", "data/2", "data.pkl/"})
    EXPECT_EQ(zip.find(absent), nullptr) << absent;
}

TEST(ZipReader, ReadsEmptyRecordsAndDottedRoots) {
  const ZipReader zip = reader(data("empty.record.pth"));
  EXPECT_EQ(zip.root(), "empty.record");
  const Entry* empty = zip.find("data/1");
  ASSERT_NE(empty, nullptr);
  EXPECT_EQ(empty->size, 0u);
  EXPECT_EQ(zip.read(*empty), "");
  EXPECT_EQ(zip.read(*zip.find("data/2")), std::string(5, '\1'));
}

TEST(ZipReader, KnowsWhenChecksumsAreOff) {
  const ZipReader zip = reader(data("crc-off.pth"));
  for (const Entry& entry : zip.entries()) EXPECT_FALSE(entry.crc_recorded);
  std::uint32_t crc = 1;
  EXPECT_FALSE(zip.open(*zip.find("data/0"))->recorded_crc(crc));
  EXPECT_EQ(zip.read(*zip.find("data/0")), reader(data("lin.pth")).read(*reader(data("lin.pth")).find("data/0")));
}

TEST(ZipReader, KnowsHolesInPlaceOfStorages) {  // skip_data: only data/ has no checksums
  const std::vector<RawRecord> records = {{.name = "h/data.pkl", .payload = "x"},
                                          {.name = "h/data/0", .payload = std::string(8, '\0'), .crc = 0u},
                                          {.name = "h/data/1", .payload = std::string(4, '\0'), .crc = 0u}};
  const ZipReader zip = reader(raw_zip(records));
  EXPECT_TRUE(zip.find("data.pkl")->crc_recorded);
  EXPECT_FALSE(zip.find("data/0")->crc_recorded);
  EXPECT_EQ(zip.read(*zip.find("data/1")), std::string(4, '\0'));
}

TEST(ZipReader, OpensStoredRecordsAsSlices) {
  const std::string file = data("lin.pth");
  const ZipReader zip(bytes::borrow(std::as_bytes(std::span(file)), "lin.pth"), {});
  const Entry& entry = *zip.find("data/0");
  const auto source = zip.open(entry);
  EXPECT_EQ(static_cast<const void*>(source->view().data()), file.data() + entry.data_offset);
  EXPECT_EQ(source->place().file, "lin.pth");
  EXPECT_EQ(source->place().member, "lin/data/0");
  std::uint32_t crc = 0;
  EXPECT_TRUE(source->recorded_crc(crc));
  EXPECT_EQ(crc, crc_of(zip.read(entry)));
}

TEST(ZipReader, OutlivesItself) {
  std::shared_ptr<const StorageSource> stored, packed;
  {
    const ZipReader zip = reader(data("lin.pth"));
    stored = zip.open(*zip.find("byteorder"));
    const ZipReader deflated = reader(data("deflated.pth"));
    packed = deflated.open(*deflated.find("byteorder"));
  }
  for (const auto& source : {stored, packed}) {
    std::array<char, 6> text{};
    source->read(0, std::as_writable_bytes(std::span(text)));
    EXPECT_EQ(std::string(text.data(), 6), "little");
  }
}

TEST(ZipReader, InflatesWhatOtherToolsDeflated) {
  const ZipReader zip = reader(data("deflated.pth")), plain = reader(data("lin.pth"));
  ASSERT_EQ(zip.entries().size(), plain.entries().size());
  for (const Entry& entry : plain.entries()) {
    const Entry* twin = zip.find(entry.name.substr(4));
    ASSERT_NE(twin, nullptr);
    EXPECT_TRUE(twin->deflated);
    EXPECT_EQ(zip.read(*twin), plain.read(entry));
  }
}

TEST(ZipReader, InflatesOnceAndShowsIt) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += std::to_string(i) + ",";
  const ZipReader zip = reader(raw_zip({deflated_record("h/a", text)}));
  const auto source = zip.open(zip.entries()[0]);
  EXPECT_TRUE(source->view().empty());
  std::string all(text.size(), '\0');
  source->read(0, std::as_writable_bytes(std::span(all)));
  EXPECT_EQ(all, text);
  EXPECT_TRUE(source->view().empty());  // went straight to its target
  std::vector<std::thread> threads;
  std::array<std::string, 4> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    threads.emplace_back([&, i] {
      parts[i].resize(1000);
      source->read(i * 5000, std::as_writable_bytes(std::span(parts[i])));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < parts.size(); ++i) EXPECT_EQ(parts[i], text.substr(i * 5000, 1000));
  EXPECT_EQ(source->view().size(), text.size());
  std::array<std::byte, 2> into{};
  EXPECT_ERROR(source->read(text.size() - 1, into), ErrorCode::truncated, "the record holds");
}

TEST(ZipReader, BoundsDeflateBombs) {
  const std::string zeros(1 << 20, '\0');
  RawRecord bomb = deflated_record("h/a", zeros);
  EXPECT_EQ(reader(raw_zip({bomb})).entries()[0].size, zeros.size());
  EXPECT_ERROR(reader(raw_zip({bomb}), {.max_inflated_total = zeros.size() - 1}), ErrorCode::limit,
               "max_inflated_total");
  EXPECT_ERROR(reader(raw_zip({bomb, deflated_record("h/b", zeros)}), {.max_inflated_total = zeros.size()}),
               ErrorCode::limit, "max_inflated_total");
  EXPECT_ERROR(reader(raw_zip({bomb}), {.max_inflated_ratio = 100}), ErrorCode::limit, "max_inflated_ratio (100)");
  bomb.size = 0xFFFFFFF0u;  // a lie, told before anything is allocated
  EXPECT_ERROR(reader(raw_zip({bomb})), ErrorCode::limit, "max_inflated_ratio (1032)");
}

TEST(ZipReader, TellsBrokenDeflateStreams) {
  const auto error_of = [](const RawRecord& record, ErrorCode code, const std::string& fragment) {
    const ZipReader zip = reader(raw_zip({record}));
    EXPECT_ERROR(zip.read(zip.entries()[0]), code, fragment);
  };
  const RawRecord good = deflated_record("h/a", "hello hello hello hello");
  RawRecord record = good;
  record.size = *good.size - 1;
  error_of(record, ErrorCode::corrupt, "z.pth: h/a: inflates to more than the 22 bytes stated");
  record.size = *good.size + 1;
  error_of(record, ErrorCode::corrupt, "bytes inflate to 23, stated are 24");
  record = good;
  record.payload += "xx";
  error_of(record, ErrorCode::corrupt, "bytes inflate to 23, stated are 23");
  record.payload = good.payload.substr(0, good.payload.size() - 3);
  error_of(record, ErrorCode::corrupt, "its deflate stream is broken");
  record.payload = std::string(10, '\xff');
  error_of(record, ErrorCode::corrupt, "its deflate stream is broken");
  record = good;
  record.crc = 1u;
  error_of(record, ErrorCode::checksum, "recorded is 00000001");
}

TEST(ZipReader, RefusesEveryPrefix) {
  for (const char* name : {"lin.pth", "deflated.pth", "empty.record.pth"}) {
    const std::string whole = data(name);
    ASSERT_GT(whole.size(), 1000u);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_ERROR(reader(whole.substr(0, length)), ErrorCode::truncated,
                   std::to_string(length) + " bytes: no central directory: incomplete download?");
    }
  }
}

TEST(ZipReader, FindsEveryFlippedBitOfAPayload) {
  const std::string whole = data("lin.pth");
  const ZipReader good = reader(whole);
  for (const Entry& entry : good.entries()) {
    for (std::uint64_t bit = 0; bit < 8 * entry.size; ++bit) {
      std::string bad = whole;
      bad[static_cast<std::size_t>(entry.data_offset + bit / 8)] ^= static_cast<char>(1 << bit % 8);
      EXPECT_ERROR(reader(bad).read(entry), ErrorCode::checksum, entry.name);
    }
  }
}

// Of all bits of a file, payload or not: an error, or the very same records.
TEST(ZipReader, NoFlippedBitChangesWhatIsRead) {
  for (const char* name : {"lin.pth", "deflated.pth"}) {
    const std::string whole = data(name);
    const ZipReader good = reader(whole);
    std::vector<std::string> payloads;
    for (const Entry& entry : good.entries()) payloads.push_back(good.read(entry));
    std::size_t refused = 0;
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
      std::string bad = whole;
      bad[bit / 8] ^= static_cast<char>(1 << bit % 8);
      try {
        const ZipReader zip = reader(bad);
        ASSERT_EQ(zip.entries().size(), payloads.size()) << bit;
        for (std::size_t i = 0; i < payloads.size(); ++i) {
          ASSERT_EQ(zip.entries()[i].name, good.entries()[i].name) << bit;
          ASSERT_EQ(zip.read(zip.entries()[i]), payloads[i]) << bit;
        }
      } catch (const Error&) {
        ++refused;
      }
    }
    EXPECT_GT(refused, 4 * whole.size()) << name;  // the rest: padding, dates, versions
  }
}

TEST(ZipReader, TakesJunkBehindTheEndAsFarAsTorchLooks) {
  const std::string whole = data("lin.pth");
  EXPECT_NO_THROW(reader(whole + std::string(100, 'j')));
  EXPECT_NO_THROW(reader(whole + std::string(65535, '\0')));
  EXPECT_ERROR(reader(whole + std::string(65536, '\0')), ErrorCode::truncated, "no central directory");
}

// Everything that torch and other tools wrote for the fixtures, through a mapping and through pread.
TEST(ZipReader, ReadsEveryRealArchive) {
  if (!fs::exists(FLAMBEAU_SHARED)) GTEST_SKIP() << "no " FLAMBEAU_SHARED;
  int count = 0;
  for (const auto& item : fs::recursive_directory_iterator(FLAMBEAU_SHARED)) {
    if (!item.is_regular_file() || item.path().extension() == ".distcp") continue;  // several archives in a row
    std::array<char, 4> head{};
    std::ifstream(item.path(), std::ios::binary).read(head.data(), 4);
    if (std::string_view(head.data(), 4) != "PK\3\4") continue;
    ++count;
    SCOPED_TRACE(item.path());
    try {
      const ZipReader mapped(bytes::open_file(item.path(), bytes::Access::map), {});
      const ZipReader read(bytes::open_file(item.path(), bytes::Access::pread), {});
      ASSERT_EQ(mapped.entries().size(), read.entries().size());
      for (std::size_t i = 0; i < mapped.entries().size(); ++i) {
        EXPECT_EQ(mapped.entries()[i].data_offset, read.entries()[i].data_offset);
        EXPECT_TRUE(mapped.read(mapped.entries()[i]) == read.read(read.entries()[i]));
      }
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_GT(count, 300);
}

}  // namespace
}  // namespace flambeau::archive
