// Sources: mapped files, files read piece by piece, memory, slices of them.
#include "bytes/source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <limits>

#include <flambeau/error.h>

#include "bytes/scratch.h"

namespace flambeau::bytes {
namespace {

std::string all_of(const Source& source) {
  std::string text(static_cast<std::size_t>(source.size()), '\0');
  source.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

class Files : public testing::TestWithParam<Access> {
 protected:
  Scratch scratch_{};
};
INSTANTIATE_TEST_SUITE_P(Access, Files, testing::Values(Access::map, Access::pread),
                         [](const auto& each) { return each.param == Access::map ? "map" : "pread"; });

TEST_P(Files, GiveTheirBytes) {
  const std::string path = scratch_.file("a.bin", "0123456789");
  const auto source = open_file(path, GetParam());
  EXPECT_EQ(source->size(), 10u);
  EXPECT_EQ(source->name(), path);
  EXPECT_EQ(all_of(*source), "0123456789");
  std::array<char, 3> middle{};
  source->read(4, std::as_writable_bytes(std::span(middle)));
  EXPECT_EQ(std::string(middle.data(), 3), "456");
  EXPECT_EQ(source->view().size(), GetParam() == Access::map ? 10u : 0u);
}

TEST_P(Files, MayBeEmpty) {
  const auto source = open_file(scratch_.file("empty", ""), GetParam());
  EXPECT_EQ(source->size(), 0u);
  EXPECT_EQ(all_of(*source), "");
  EXPECT_TRUE(source->view().empty());
}

TEST(MappedFiles, WhatCannotBeMappedIsRead) {
  const std::string path = "/sys/kernel/mm/transparent_hugepage/enabled";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no sysfs";
  const auto source = open_file(path, Access::map);
  EXPECT_TRUE(source->view().empty());
  std::array<std::byte, 1> first{};
  EXPECT_NO_THROW(source->read(0, first));
}

TEST_P(Files, RefuseToReadPastTheEnd) {
  const auto source = open_file(scratch_.file("a.bin", "0123456789"), GetParam());
  std::array<std::byte, 4> into{};
  EXPECT_ERROR(source->read(7, into), ErrorCode::truncated, "a.bin: byte 7: 4 bytes wanted, the file ends at 10");
  EXPECT_ERROR(source->read(std::numeric_limits<std::uint64_t>::max() - 1, into), ErrorCode::truncated, "wanted");
  EXPECT_NO_THROW(source->read(6, into));
  EXPECT_NO_THROW(source->read(10, std::span<std::byte>()));
}

TEST_P(Files, MustExistAndBeRegular) {
  EXPECT_ERROR(open_file(scratch_.path("none.pth"), GetParam()), ErrorCode::not_found,
               "none.pth: cannot open: no such file or directory");
  EXPECT_ERROR(open_file(scratch_.file("f", "") + "/x", GetParam()), ErrorCode::not_found, "not a directory");
  EXPECT_ERROR(open_file(scratch_.path(""), GetParam()), ErrorCode::io, "cannot read: is a directory");
  const std::string fifo = scratch_.path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_ERROR(open_file(fifo, GetParam()), ErrorCode::io, "is no regular file");  // and must not wait for a writer
  EXPECT_ERROR(open_file(fifo, GetParam(), 10), ErrorCode::io, "nothing comes through the pipe");
  EXPECT_ERROR(open_file("/dev/zero", GetParam(), 10), ErrorCode::io, "is no regular file");
}

TEST_P(Files, OpenThroughSymbolicLinks) {
  std::filesystem::create_symlink(scratch_.file("real", "abc"), scratch_.path("link"));
  EXPECT_EQ(all_of(*open_file(scratch_.path("link"), GetParam())), "abc");
}

TEST_P(Files, TellWhenTheyAreCutMeanwhile) {
  const std::string path = scratch_.file("a.bin", std::string(10000, 'x'));
  const auto source = open_file(path, GetParam());
  std::filesystem::resize_file(path, 5000);
  std::array<std::byte, 2000> into{};
  EXPECT_NO_THROW(source->read(0, into));
  EXPECT_ERROR(source->read(4000, into), ErrorCode::truncated,
               "a.bin: byte 5000: the file was cut while it was read: 1000 more bytes wanted of 10000");
}

TEST(Memory, IsTakenOrBorrowed) {
  const auto own = from_memory("abc");
  EXPECT_EQ(own->name(), "<memory>");
  EXPECT_EQ(all_of(*own), "abc");
  const std::string text = "defg";
  const auto lent = borrow(std::as_bytes(std::span(text)), "<stream>");
  EXPECT_EQ(static_cast<const void*>(lent->view().data()), text.data());
  std::array<std::byte, 5> into{};
  EXPECT_ERROR(lent->read(0, into), ErrorCode::truncated, "<stream>: byte 0: 5 bytes wanted, the data ends at 4");
}

TEST(Slice, IsAWindowWithItsOwnBounds) {
  const auto record = slice(from_memory("0123456789", "m.pth"), 2, 5, "m/data/0", nullptr);
  EXPECT_EQ(record->place().file, "m.pth");
  EXPECT_EQ(record->place().member, "m/data/0");
  EXPECT_EQ(record->view().size(), 5u);
  std::array<char, 3> into{};
  record->read(2, std::as_writable_bytes(std::span(into)));
  EXPECT_EQ(std::string(into.data(), 3), "456");
  EXPECT_ERROR(record->read(3, std::as_writable_bytes(std::span(into))), ErrorCode::truncated,
               "m.pth: m/data/0: byte 3: 3 bytes wanted, the record holds 5");
  std::uint32_t crc = 9;
  EXPECT_FALSE(record->recorded_crc(crc));
  EXPECT_EQ(crc, 9u);
}

TEST(Slice, KeepsTheRecordedCrc) {
  const std::uint32_t recorded = 0xcbf43926;
  const auto record = slice(from_memory("123456789"), 0, 9, "", &recorded);
  std::uint32_t crc = 0;
  EXPECT_TRUE(record->recorded_crc(crc));
  EXPECT_EQ(crc, recorded);
  EXPECT_EQ(record->place().file, "<memory>");
  EXPECT_EQ(record->place().offset, 0u);
}

TEST(Slice, MustLieInsideItsSource) {
  EXPECT_ERROR(slice(from_memory("0123456789", "m.pth"), 8, 3, "m/data/0", nullptr), ErrorCode::truncated,
               "m.pth: m/data/0: byte 8: 3 bytes promised, the file ends at 10");
  EXPECT_THROW(slice(from_memory("0"), std::numeric_limits<std::uint64_t>::max(), 2, "", nullptr), Error);
  EXPECT_NO_THROW(slice(from_memory("0123456789"), 10, 0, "", nullptr));
}

TEST(Slice, OfAFileThatIsCutNamesTheMember) {
  Scratch scratch;
  const std::string path = scratch.file("a.pth", std::string(100, 'x'));
  const auto record = slice(open_file(path, Access::pread), 40, 60, "a/data/0", nullptr);
  std::filesystem::resize_file(path, 50);
  std::array<std::byte, 60> into{};
  EXPECT_ERROR(record->read(0, into), ErrorCode::truncated, "a.pth: a/data/0: byte 0: the file was cut");
  EXPECT_TRUE(record->view().empty());
}

TEST(Part, IsASourceOfItsOwn) {
  const auto middle = part(from_memory("0123456789", "m.pth"), 3, 4);
  EXPECT_EQ(middle->size(), 4u);
  EXPECT_EQ(all_of(*middle), "3456");
  std::array<std::byte, 2> into{};
  EXPECT_ERROR(middle->read(3, into), ErrorCode::truncated, "m.pth: byte 3: 2 bytes wanted");
  EXPECT_ERROR(part(middle, 2, 3), ErrorCode::truncated, "promised");
}

TEST(MemorySink, Collects) {
  MemorySink sink;
  sink.write("ab");
  sink.write(std::as_bytes(std::span("cd", 2)));
  EXPECT_EQ(sink.text(), "abcd");
  EXPECT_EQ(sink.take(), "abcd");
}

}  // namespace
}  // namespace flambeau::bytes
