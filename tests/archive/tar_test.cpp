// The tar container of the first PyTorch releases.
#include "archive/tar.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include <flambeau/error.h>

#include "bytes/scratch.h"

namespace flambeau::archive {
namespace {

using namespace std::string_literals;

std::string octal(std::uint64_t value, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; value >>= 3) text[i] = static_cast<char>('0' + (value & 7));
  return text;
}

std::string padded(std::string text, std::size_t size) {
  text.resize(size, '\0');
  return text;
}

std::string header(const std::string& name, const std::string& size, char type = '0', const std::string& prefix = "") {
  std::string block = padded(name, 100) + padded("0000644", 8) + std::string(16, '\0') + padded(size, 12) +
                      padded(octal(0, 11), 12) + "        " + type;
  block = padded(block, 257) +
          "ustar\0"
          "00"s;
  block = padded(padded(block, 345) + prefix, 512);
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  return block.replace(148, 8, octal(sum, 6) + "\0 "s);
}

std::string member(const std::string& name, const std::string& payload, char type = '0',
                   const std::string& prefix = "") {
  return header(name, octal(payload.size(), 11), type, prefix) + padded(payload, (payload.size() + 511) / 512 * 512);
}

const std::string end(1024, '\0');

TarReader reader(std::string file, const Limits& limits = {}) {
  return TarReader(bytes::from_memory(std::move(file), "t.pth"), limits);
}

std::string text(const TarReader& tar, const std::string& name) {
  const TarReader::Member* found = tar.find(name);
  if (!found) return "(absent)";
  std::string out(static_cast<std::size_t>(found->size), '\0');
  tar.open(*found)->read(0, std::as_writable_bytes(std::span(out)));
  return out;
}

TEST(Tar, ReadsTheMembersOfAFixture) {
  const std::string path = FLAMBEAU_SHARED "/fixtures/torch-2.13/containers/tar-0.1-era.pth";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path;
  for (const bytes::Access access : {bytes::Access::map, bytes::Access::pread}) {
    const TarReader tar(bytes::open_file(path, access), {});
    ASSERT_EQ(tar.members().size(), 4u);
    for (const char* name : {"sys_info", "pickle", "tensors", "storages"})
      EXPECT_EQ(text(tar, name).substr(0, 2), "\x80\x02") << name;
    EXPECT_EQ(text(tar, "sys_info").size(), 0164u);
    EXPECT_EQ(tar.find("version"), nullptr);
  }
}

TEST(Tar, ReadsPlainMembersAndLeavesFoldersOut) {
  const TarReader tar =
      reader(member("folder/", "", '5') + member("a", "hello") + member("b", std::string(1000, 'b'), '\0') +
             member("c", "", '7') + member("d", "deep", '0', "some/prefix") + end);
  EXPECT_EQ(tar.members().size(), 4u);
  EXPECT_EQ(text(tar, "a"), "hello");
  EXPECT_EQ(text(tar, "b"), std::string(1000, 'b'));
  EXPECT_EQ(text(tar, "c"), "");
  EXPECT_EQ(text(tar, "some/prefix/d"), "deep");
  EXPECT_EQ(tar.open(tar.members()[0])->place().member, "a");
}

TEST(Tar, UnderstandsPaxAndGnuHeaders) {
  const std::string name(150, 'n');
  const TarReader pax =
      reader(member("pax", "12 comment=\n160 path=" + name + "\n9 size=3\n", 'x').substr(0, 1024) +
             header("short", octal(0, 11)) + padded("abc", 512) + member("next", "own name and size") + end);
  EXPECT_EQ(text(pax, name), "abc");
  EXPECT_EQ(text(pax, "next"), "own name and size");
  const TarReader gnu = reader(member("././@LongLink", name + "\0"s, 'L') + member("short", "abc") + end);
  EXPECT_EQ(text(gnu, name), "abc");
  const TarReader binary = reader(header("a", "\x80\0\0\0\0\0\0\0\0\0\0\5"s) + padded("hello", 512) + end);
  EXPECT_EQ(text(binary, "a"), "hello");
  const TarReader blanks =
      reader(header("a", "          5 ") + padded("hello", 512) + member("g", "10 a=bcde\n", 'g') + end);
  EXPECT_EQ(text(blanks, "a"), "hello");
}

TEST(Tar, IsRecognisedByItsChecksum) {
  const std::string file = member("a", "hello") + end;
  EXPECT_TRUE(looks_like_tar(std::as_bytes(std::span(file))));
  EXPECT_FALSE(looks_like_tar(std::as_bytes(std::span(file).first(511))));
  EXPECT_FALSE(looks_like_tar(std::as_bytes(std::span(end))));
  for (std::size_t bit = 0; bit < 8 * 512; ++bit) {
    std::string bad = file;
    bad[bit / 8] ^= static_cast<char>(1 << bit % 8);
    if (bit / 8 >= 148 && bit / 8 < 156) continue;  // the field itself: blanks and NULs in it mean the same
    EXPECT_FALSE(looks_like_tar(std::as_bytes(std::span(bad)))) << bit;
  }
}

TEST(Tar, RefusesEveryPrefix) {
  const std::string file = member("a", "hello") + member("b", std::string(600, 'b'));
  for (std::size_t length = 0; length <= file.size(); ++length)
    EXPECT_ERROR(reader(file.substr(0, length)), ErrorCode::truncated, "");
  EXPECT_NO_THROW(reader(file + end));
}

TEST(Tar, RefusesWhatIsBroken) {
  const std::string good = member("a", "hello");
  EXPECT_ERROR(reader(std::string(512, 'x')), ErrorCode::unknown_format, "not a tar archive");
  EXPECT_ERROR(reader(good + std::string(512, 'x')), ErrorCode::corrupt, "byte 1024: the checksum of a tar header");
  EXPECT_ERROR(reader(end), ErrorCode::corrupt, "holds no members");
  EXPECT_ERROR(reader(good + good + end), ErrorCode::corrupt, "a: byte 1024: two members bear this name");
  EXPECT_ERROR(reader(header("a", octal(100000, 11)) + end), ErrorCode::truncated,
               "100000 bytes promised, 1024 follow");
  EXPECT_ERROR(reader(header("a", "77777777777") + end), ErrorCode::truncated, "8589934591 bytes promised");
  EXPECT_ERROR(reader(header("a", "\x80" + std::string(3, '\0') + std::string(8, '\x0f')) + end), ErrorCode::truncated,
               "promised");
  EXPECT_ERROR(reader(header("a", std::string(12, '\xff')) + end), ErrorCode::corrupt, "is no number");
  EXPECT_ERROR(reader(header("a", "\x80\1" + std::string(10, '\0')) + end), ErrorCode::corrupt, "is no number");
  EXPECT_ERROR(reader(header("a", "12x") + end), ErrorCode::corrupt, "is no number");
  for (const char type : {'1', '2', '3', '6', 'S'})
    EXPECT_ERROR(reader(member("a", "", type) + end), ErrorCode::unsupported, "a tar member of type '"s + type);
  for (const char* name : {"", "/a", "../a", "a\\b"})
    EXPECT_ERROR(reader(member(name, "") + end), ErrorCode::corrupt, "its name ");
  for (const char* pax : {"x", "5 ab\n", "99 path=a\n", "9 path=ab", "9 size=x\n", "8 size=\n", "0 path=a\n"})
    EXPECT_ERROR(reader(member("p", pax, 'x') + good + end), ErrorCode::corrupt, "pax");
  EXPECT_ERROR(reader(member("p", std::string(2000, 'x'), 'L') + good + end, {.max_name_bytes = 1999}),
               ErrorCode::limit, "max_name_bytes (1999)");
  EXPECT_ERROR(reader(good + member("b", "") + end, {.max_entries = 1}), ErrorCode::limit, "max_entries (1)");
}

}  // namespace
}  // namespace flambeau::archive
