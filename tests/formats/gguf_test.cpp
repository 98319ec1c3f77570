#include "formats/gguf.h"

#include "formats/neighbours.h"

namespace flambeau::formats::gguf {
namespace {

using namespace flambeau::formats::test;
using testing::HasSubstr;

Checkpoint read_bytes(std::string file) { return read(bytes::from_memory(std::move(file), "x.gguf"), {}); }
std::string text(const std::string& value) { return raw(static_cast<std::uint64_t>(value.size())) + value; }
std::string key(const std::string& name, std::uint32_t type, const std::string& value) {
  return text(name) + raw(type) + value;
}
std::string info(const std::string& name, const std::vector<std::uint64_t>& dims, std::uint32_t type,
                 std::uint64_t offset) {
  std::string result = text(name) + raw(static_cast<std::uint32_t>(dims.size()));
  for (const auto dim : dims) result += raw(dim);
  return result + raw(type) + raw(offset);
}
std::string file_of(const std::vector<std::string>& infos, const std::vector<std::string>& keys, std::size_t data_bytes,
                    std::uint32_t version = 3) {
  std::string file = "GGUF" + raw(version) + raw(static_cast<std::uint64_t>(infos.size())) +
                     raw(static_cast<std::uint64_t>(keys.size()));
  for (const auto& one : keys) file += one;
  for (const auto& one : infos) file += one;
  file.resize((file.size() + 31) / 32 * 32);
  return file + std::string(data_bytes, '\1');
}

TEST(Gguf, TheFixtureReadsAsTheManifestSays) {
  FLAMBEAU_NEEDS_FIXTURES();
  const std::string path = "torch-2.13/gguf/tiny.gguf";
  for (const auto mode : {Read::map, Read::lazy, Read::copy}) {
    const auto checkpoint =
        read(bytes::open_file(fixtures + path, mode == Read::map ? bytes::Access::map : bytes::Access::pread),
             {.read = mode});
    expect_like_manifest(checkpoint, path);
    EXPECT_EQ(checkpoint["q8_0"].as_tensor().shape(), (Shape{2, 34}));
    EXPECT_THAT(checkpoint.container().metadata, testing::Contains(testing::Pair("general.architecture", "fixture")));
  }
}

TEST(Gguf, ValuesOfEveryTypeAreKeptOrSkipped) {
  const std::string strings = raw(std::uint32_t{8}) + raw(std::uint64_t{2}) + text("x") + text("yy");
  const auto checkpoint = read_bytes(
      file_of({},
              {key("u8", 0, "\x07"), key("f", 6, raw(1.5f)), key("yes", 7, "\1"), key("s", 8, text("hé")),
               key("a", 9, strings), key("n", 9, raw(std::uint32_t{5}) + raw(std::uint64_t{3}) + std::string(12, 'x')),
               key("d", 12, raw(0.25)), key("long", 8, text(std::string(70000, 'x')))},
              0, 2));
  using testing::Pair;
  EXPECT_THAT(checkpoint.container().metadata,
              testing::ElementsAre(Pair("u8", "7"), Pair("f", "1.5"), Pair("yes", "true"), Pair("s", "hé"),
                                   Pair("a", "[array of 2 values]"), Pair("n", "[array of 3 values]"),
                                   Pair("d", "0.25"), Pair("long", "[string of 70000 bytes]")));
}

TEST(Gguf, BrokenFilesAreRefusedWithTheReason) {
  const auto bad = [](ErrorCode code, const std::string& message, const std::string& file) {
    expect_error(code, message, [&] { (void)read_bytes(file); });
  };
  const auto tensors = [](std::vector<std::string> infos, std::size_t data) { return file_of(infos, {}, data); };
  constexpr std::uint64_t huge = std::uint64_t{1} << 62;
  const auto corrupt = ErrorCode::corrupt, truncated = ErrorCode::truncated;
  bad(corrupt, "does not start with 'GGUF'", "GGML" + std::string(40, '\0'));
  bad(ErrorCode::unsupported, "gguf version 1", file_of({}, {}, 0, 1));
  bad(ErrorCode::unsupported, "big-endian", file_of({}, {}, 0, 0x03000000));
  bad(truncated, "tensors need at least 24 bytes each", "GGUF" + raw(3u) + raw(huge) + raw(std::uint64_t{0}));
  bad(truncated, "keys need at least 14 bytes each", "GGUF" + raw(3u) + raw(std::uint64_t{0}) + raw(huge));
  bad(truncated, "a string needs", file_of({}, {key("s", 8, raw(huge))}, 0));
  bad(corrupt, "an array of 4611686018427387904 values of 8 bytes",
      file_of({}, {key("s", 9, raw(10u) + raw(huge))}, 0));
  bad(corrupt, "an array of value type 9", file_of({}, {key("s", 9, raw(9u) + raw(std::uint64_t{1}))}, 0));
  bad(corrupt, "value type 13", file_of({}, {key("s", 13, "x")}, 0));
  bad(corrupt, "a boolean of 2", file_of({}, {key("s", 7, "\2")}, 0));
  bad(corrupt, "key 's' stands twice", file_of({}, {key("s", 0, "x"), key("s", 0, "x")}, 0));
  bad(corrupt, "a key of 0 bytes", file_of({}, {key("", 0, "x")}, 0));
  bad(corrupt, "an alignment of 0", file_of({}, {key("general.alignment", 4, raw(0u))}, 0));
  bad(corrupt, "an alignment of 33", file_of({}, {key("general.alignment", 4, raw(33u))}, 0));
  bad(corrupt, "value type 8, 4 (uint32) needed", file_of({}, {key("general.alignment", 8, text("32"))}, 0));
  bad(corrupt, "5 dimensions", tensors({info("t", {1, 1, 1, 1, 1}, 0, 0)}, 4));
  bad(corrupt, "overflows", tensors({info("t", {huge, 2}, 0, 0)}, 4));
  bad(corrupt, "overflows", tensors({info("t", {1, huge, huge}, 0, 0)}, 4));
  bad(corrupt, "a row of 33 elements, blocks of Q8_0 hold 32", tensors({info("t", {33}, 8, 0)}, 68));
  bad(ErrorCode::unsupported, "ggml type 4", tensors({info("t", {32}, 4, 0)}, 68));
  bad(corrupt, "an offset of 8, a multiple of 32", tensors({info("t", {1}, 0, 8)}, 12));
  bad(corrupt, "an offset of 64, 32 needed", tensors({info("t", {1}, 0, 0), info("u", {1}, 0, 64)}, 68));
  bad(corrupt, "an offset of 0, 32 needed", tensors({info("t", {1}, 0, 0), info("u", {1}, 0, 0)}, 36));
  bad(corrupt, "tensor 't' stands twice", tensors({info("t", {1}, 0, 0), info("t", {1}, 0, 32)}, 36));
  bad(truncated, "the tensors take 8 bytes, 7 follow", tensors({info("t", {2}, 0, 0)}, 7));
  bad(corrupt, "64 follow the header", tensors({info("t", {2}, 0, 0)}, 64));
}

TEST(Gguf, EmptyTensorsAndFinalPaddingAreFine) {
  EXPECT_EQ(read_bytes(file_of({info("t", {0, 3}, 0, 0), info("u", {2}, 0, 0)}, {}, 8))["t"].as_tensor().shape(),
            (Shape{3, 0}));
  EXPECT_EQ(read_bytes(file_of({info("u", {2}, 0, 0)}, {}, 32))["u"].as_tensor().numel(), 2);
}

TEST(Gguf, EveryPrefixAndEveryChangedByte) {
  expect_robust(file_of({info("t", {2, 3}, 0, 0), info("q", {32}, 8, 32)},
                        {key("a", 8, text("b")), key("c", 9, raw(8u) + raw(std::uint64_t{1}) + text("x"))}, 66),
                read_bytes);
}

}  // namespace
}  // namespace flambeau::formats::gguf
