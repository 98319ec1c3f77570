// Writing archives: torch's bytes exactly.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
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

ZipReader reader(std::string file) { return ZipReader(bytes::from_memory(std::move(file)), {}); }

struct Item {
  std::string name{};
  std::string payload{};
};

std::string written(const std::string& root, const std::vector<Item>& items, ZipOptions options = {}) {
  bytes::MemorySink sink;
  ZipWriter writer(sink, root, options);
  for (const Item& item : items) writer.add(item.name, item.payload);
  writer.finish();
  return sink.take();
}

// The archive's own records, written again; those that finish() adds are left to it.
std::string rebuilt(const ZipReader& zip) {
  ZipOptions options;
  if (const Entry* alignment = zip.find(".storage_alignment"))
    options.alignment = static_cast<std::uint32_t>(std::stoul(zip.read(*alignment)));
  options.crc32 = std::ranges::any_of(zip.entries(), &Entry::crc32);
  std::vector<Item> items;
  for (const Entry& entry : zip.entries()) {
    const std::string name = std::string(zip.bare_name(entry));
    if (name == "version") break;
    items.push_back({name, zip.read(entry)});
  }
  return written(zip.root(), items, options);
}

TEST(ZipWriter, ReproducesTorchsFiles) {
  for (const char* name : {"lin.pth", "empty.record.pth", "crc-off.pth", "alignment-1.pth"}) {
    const std::string file = file_text(fs::path(FLAMBEAU_TEST_DATA) / name);
    ASSERT_FALSE(file.empty()) << name;
    EXPECT_TRUE(rebuilt(reader(file)) == file) << name;
  }
}

TEST(ZipWriter, ReproducesEveryFixture) {
  if (!fs::exists(FLAMBEAU_SHARED)) GTEST_SKIP() << "no " FLAMBEAU_SHARED;
  int count = 0;
  for (const auto& item : fs::recursive_directory_iterator(FLAMBEAU_SHARED "/fixtures/torch-2.13")) {
    if (!item.is_regular_file() || item.path().extension() == ".distcp") continue;
    const std::string file = file_text(item.path());
    if (!file.starts_with("PK\3\4")) continue;
    const ZipReader zip = reader(file);
    const Entry* version = zip.find("version");
    // Other tools write no zip64 end records; TorchScript deflates its code; skip_data leaves out the checksums of
    // data/ only.
    if (!zip.find(".data/serialization_id") || file.find("PK\6\7") == file.npos || !version ||
        zip.read(*version) != "3\n" || std::ranges::any_of(zip.entries(), &Entry::deflated) ||
        item.path().stem() == "zip-skip-data")
      continue;
    ++count;
    const std::string again = rebuilt(zip);
    EXPECT_TRUE(file.starts_with(again) &&
                file.size() - again.size() == (item.path().stem() == "zip-then-100-bytes" ? 100u : 0u))
        << item.path();
  }
  EXPECT_GE(count, 150);
}

// The tables of reference/pth-format.md 4.2: where headers, paddings and payloads lie.
TEST(ZipWriter, LaysRecordsOutAsTheTablesSay) {
  struct Row {
    std::string name;
    std::uint64_t header, pad, data, size;
  };
  const auto check = [](const std::string& root, const std::vector<Row>& rows, std::uint64_t given) {
    std::vector<Item> items;
    for (std::size_t i = 0; i < given; ++i) items.push_back({rows[i].name, std::string(rows[i].size, 'x')});
    const std::string file = written(root, items);
    const ZipReader zip = reader(file);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      SCOPED_TRACE(rows[i].name);
      const Entry& entry = zip.entries()[i];
      EXPECT_EQ(entry.name, root + "/" + rows[i].name);
      EXPECT_EQ(entry.header_offset, rows[i].header);
      EXPECT_EQ(entry.data_offset, rows[i].data);
      EXPECT_EQ(entry.size, rows[i].size);
      const std::size_t extra = rows[i].header + 30 + entry.name.size();
      EXPECT_EQ(file.substr(extra, 2), "FB");
      EXPECT_EQ(static_cast<unsigned char>(file[extra + 2]), rows[i].pad);
      EXPECT_EQ(file.substr(extra + 4, rows[i].pad), std::string(rows[i].pad, 'Z'));
      EXPECT_EQ(extra + 4 + rows[i].pad, rows[i].data);
    }
    return file;
  };
  check("lin",
        {{"data.pkl", 0, 18, 64, 290},
         {"data/0", 370, 34, 448, 8},
         {"data/1", 472, 60, 576, 4},
         {"version", 596, 63, 704, 2}},
        3);
  const std::string file = check("tensor_2d",
                                 {{"data.pkl", 0, 12, 64, 171},
                                  {".format_version", 251, 10, 320, 1},
                                  {".storage_alignment", 337, 49, 448, 2},
                                  {"byteorder", 466, 57, 576, 6},
                                  {"data/0", 598, 56, 704, 24},
                                  {"version", 744, 37, 832, 2},
                                  {".data/serialization_id", 850, 44, 960, 40}},
                                 5);
  EXPECT_EQ(file.size(), 1591u);
  EXPECT_EQ(file.substr(1016, 4), "PK\1\2");
  EXPECT_EQ(file.substr(1493, 4), "PK\6\6");
  EXPECT_EQ(file.substr(1549, 4), "PK\6\7");
  EXPECT_EQ(file.substr(1569, 4), "PK\5\6");
}

TEST(ZipWriter, AddsByteorderLateWhenThereIsNone) {
  const ZipReader zip = reader(written("a", {{"data.pkl", "x"}}));
  std::vector<std::string> names;
  for (const Entry& entry : zip.entries()) names.push_back(entry.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a/data.pkl", "a/version", "a/byteorder", "a/.data/serialization_id"}));
  EXPECT_EQ(zip.read(zip.entries()[2]), "little");
  const ZipReader early = reader(written("a", {{"byteorder", "big"}}));
  EXPECT_EQ(early.entries().size(), 3u);
  EXPECT_EQ(early.read(early.entries()[0]), "big");
}

TEST(ZipWriter, AlignsEveryRecord) {
  const std::vector<Item> items = {
      {"data.pkl", "abc"}, {"data/0", std::string(1000, 'x')}, {"data/1", ""}, {"data/2", "y"}};
  for (const std::uint32_t alignment : {1u, 2u, 3u, 63u, 64u, 100u, 4096u, 65535u, 65536u}) {
    const ZipReader zip = reader(written("root", items, {.alignment = alignment}));
    for (const Entry& entry : zip.entries()) EXPECT_EQ(entry.data_offset % alignment, 0u) << alignment << entry.name;
    EXPECT_EQ(zip.read(*zip.find("data/0")), items[1].payload);
  }
  bytes::MemorySink sink;
  for (const std::uint32_t alignment : {0u, 65537u, 70000u, 0xFFFFFFFFu})
    EXPECT_ERROR(ZipWriter(sink, "root", {.alignment = alignment}), ErrorCode::invalid_argument,
                 "is not from 1 to 65536");
}

TEST(ZipWriter, RefusesNamesThatNoReaderShouldSee) {
  bytes::MemorySink sink;
  ZipWriter writer(sink, "root");
  writer.add("data/0", "x");
  EXPECT_ERROR(writer.add("data/0", "y"), ErrorCode::invalid_argument, "root/data/0: written twice");
  for (const char* bad : {"", "../x", "/x", "a\\b", "a\nb", "a/", "\xff"})
    EXPECT_ERROR(writer.add(bad, ""), ErrorCode::invalid_argument, "the record's name ");
  EXPECT_ERROR(writer.add(std::string(70000, 'x'), ""), ErrorCode::invalid_argument, "over 65535 bytes long");
  EXPECT_ERROR(ZipWriter(sink, "..").add("data.pkl", ""), ErrorCode::invalid_argument, "leaves its folder");
  EXPECT_ERROR(ZipWriter(sink, "").add("data.pkl", ""), ErrorCode::invalid_argument, "is absolute");
}

TEST(ZipWriter, TakesNamesInAnyScript) {
  const ZipReader zip = reader(written("größe 大", {{"data.pkl", "x"}}));
  EXPECT_EQ(zip.root(), "größe 大");
  EXPECT_EQ(zip.read(*zip.find("data.pkl")), "x");
}

TEST(ZipWriter, ChecksumsPiecesOfAnySize) {
  std::string payload(7 << 20, '\0');
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(i * 2654435761u >> 11);
  for (const std::size_t piece : {std::size_t{100000}, std::size_t{1} << 20, std::size_t{3} << 20, payload.size()}) {
    bytes::MemorySink sink;
    ZipWriter writer(sink, "root");
    writer.add("data/0", payload.size(), [&](bytes::Sink& out) {
      for (std::size_t at = 0; at < payload.size(); at += piece) out.write(std::string_view(payload).substr(at, piece));
    });
    writer.finish();
    const ZipReader zip = reader(sink.take());
    EXPECT_EQ(zip.find("data/0")->crc32, crc_of(payload));
    EXPECT_TRUE(zip.read(*zip.find("data/0")) == payload);
  }
}

TEST(ZipWriter, HoldsProducersToTheirPromise) {
  bytes::MemorySink sink;
  ZipWriter writer(sink, "root");
  EXPECT_ERROR(writer.add("a", 5, [](bytes::Sink& out) { out.write("four"); }), ErrorCode::invalid_argument,
               "root/a: 4 bytes produced, 5 promised");
  EXPECT_ERROR(writer.add("b", 5, [](bytes::Sink& out) { out.write("sixsix"); }), ErrorCode::invalid_argument,
               "root/b: 6 bytes produced where 5 were left");
  EXPECT_ERROR(writer.add("c", 5, [](bytes::Sink&) { throw Error(ErrorCode::cancelled, "stop"); }),
               ErrorCode::cancelled, "root/c: stop");
}

// A sink that fails while the second thread still looks at the payload.
TEST(ZipWriter, PassesOnFailuresOfTheSink) {
  class Full final : public bytes::Sink {
   public:
    void write(std::span<const std::byte> bytes) override {
      if (bytes.size() > 1000) throw Error(ErrorCode::io, "no space");
    }
  };
  Full sink;
  ZipWriter writer(sink, "root");
  EXPECT_ERROR(writer.add("data/0", std::string(8 << 20, 'x')), ErrorCode::io, "no space");
}

// Archives of many gigabytes that hold zeros: only what is not zero is kept.
class Hollow final : public bytes::Sink, public bytes::Source {
 public:
  using bytes::Sink::write;
  void write(std::span<const std::byte> bytes) override {
    if (bytes.size() < 4096)
      pieces_.emplace(size_, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    size_ += bytes.size();
  }
  std::uint64_t size() const noexcept override { return size_; }
  const std::string& name() const noexcept override { return name_; }
  std::span<const std::byte> view() const noexcept override { return {}; }
  void read(std::uint64_t offset, std::span<std::byte> into) const override {
    std::ranges::fill(into, std::byte{0});
    auto piece = pieces_.upper_bound(offset);
    if (piece != pieces_.begin()) --piece;
    for (; piece != pieces_.end() && piece->first < offset + into.size(); ++piece) {
      for (std::size_t i = 0; i < piece->second.size(); ++i) {
        const std::uint64_t at = piece->first + i;
        if (at >= offset && at < offset + into.size()) into[at - offset] = static_cast<std::byte>(piece->second[i]);
      }
    }
  }
  std::string text(std::uint64_t offset, std::size_t size) const {
    std::string out(size, '\0');
    read(offset, std::as_writable_bytes(std::span(out)));
    return out;
  }

 private:
  std::map<std::uint64_t, std::string> pieces_{};
  std::uint64_t size_ = 0;
  std::string name_ = "hollow.pth";
};

template <class... T>
std::string fields(T... values) {
  std::string out;
  (zip::put<T>(out, values), ...);
  return out;
}

TEST(ZipWriter, SwitchesToZip64AsTorchDoes) {
  using u16 = std::uint16_t;
  using u32 = std::uint32_t;
  using u64 = std::uint64_t;
  const auto hollow = std::make_shared<Hollow>();
  ZipWriter writer(*hollow, "r", {.crc32 = false});
  const std::vector<std::byte> zeros(64 << 20);
  const auto add = [&](const std::string& name, u64 size) {
    writer.add(name, size, [&](bytes::Sink& sink) {
      for (u64 left = size; left > 0;) {
        const auto piece = static_cast<std::size_t>(std::min<u64>(left, zeros.size()));
        sink.write(std::span(zeros).first(piece));
        left -= piece;
      }
    });
  };
  add("below", 0xFFFFFFFE);  // the last size without a zip64 field
  add("large", 0xFFFFFFFF);  // begins past 2^32: size and offset
  add("far", 16);
  add("empty", 0);
  writer.finish();

  const ZipReader zip(hollow, {});
  EXPECT_EQ(zip.find("below")->size, 0xFFFFFFFEu);
  const Entry &below = *zip.find("below"), &large = *zip.find("large"), &far = *zip.find("far"),
              &empty = *zip.find("empty");
  EXPECT_EQ(large.size, 0xFFFFFFFFu);
  EXPECT_GT(large.header_offset, 0xFFFFFFFFu);
  for (const Entry& entry : zip.entries()) EXPECT_EQ(entry.data_offset % 64, 0u);

  const auto extra = [&](const Entry& entry, std::size_t size) {
    return hollow->text(entry.header_offset + 30 + entry.name.size(), size);
  };
  EXPECT_EQ(extra(below, 2), "FB");
  EXPECT_EQ(extra(large, 30), fields(u16{1}, u16{24}, u64{large.size}, u64{0}, u64{large.header_offset}) + "FB");
  EXPECT_EQ(extra(far, 14), fields(u16{1}, u16{8}, u64{far.header_offset}) + "FB");
  EXPECT_EQ(hollow->text(below.data_offset + below.size, 16),
            fields(u32{zip::descriptor_signature}, u32{0}, u32{0xFFFFFFFE}, u32{0xFFFFFFFE}));
  EXPECT_EQ(hollow->text(large.data_offset + large.size, 24),
            fields(u32{zip::descriptor_signature}, u32{0}, u64{large.size}, u64{large.size}));
  EXPECT_EQ(hollow->text(far.data_offset + 16, 24), fields(u32{zip::descriptor_signature}, u32{0}, u64{16}, u64{16}));
  EXPECT_EQ(hollow->text(empty.data_offset, 4), "PK\3\4");  // no descriptor

  // Directory and end records: 22 + 20 + 56 bytes from the end.
  const std::string end = hollow->text(hollow->size() - 98, 98);
  EXPECT_EQ(end.substr(76), fields(u32{zip::end_signature}, u32{0}, u16{7}, u16{7}) + end.substr(88, 4) +
                                fields(u32{0xFFFFFFFF}, u16{0}));
  u64 directory = 0;
  std::memcpy(&directory, end.data() + 48, 8);
  const std::string central = hollow->text(directory, static_cast<std::size_t>(hollow->size() - 98 - directory));
  const auto of_large = central.find("r/large");
  EXPECT_EQ(central.substr(of_large + 7, 28),
            fields(u16{1}, u16{24}, u64{large.size}, u64{large.size}, u64{large.header_offset}));
  EXPECT_EQ(central.substr(of_large - 46 + 20, 8), std::string(8, '\xff'));
  EXPECT_EQ(central.substr(of_large - 4, 4), std::string(4, '\xff'));
  EXPECT_EQ(central.substr(central.find("r/far") + 5, 12), fields(u16{1}, u16{8}, u64{far.header_offset}));
}

TEST(ZipWriter, WritesManyRecords) {
  bytes::MemorySink sink;
  ZipWriter writer(sink, "r", {.alignment = 1});
  for (int i = 0; i < 70000; ++i) writer.add("data/" + std::to_string(i), "");
  writer.finish();
  const ZipReader zip = reader(sink.take());
  EXPECT_EQ(zip.entries().size(), 70003u);
  EXPECT_EQ(zip.find("data/69999"), &zip.entries()[69999]);
}

}  // namespace
}  // namespace flambeau::archive
