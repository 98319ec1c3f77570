// The rarer containers of PyTorch, and files that are none.

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "bytes/scratch.h"
#include "torch/assemble.h"

namespace flambeau {
namespace {

using test::Pickle;
using testing::ElementsAre;
using testing::HasSubstr;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string error_of(const std::string& file, ErrorCode code) {
  try {
    load(bytes_of(file));
    return "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
}

TEST(UnknownFiles, AreNamed) {
  const auto said = [](std::string file) { return error_of(file, ErrorCode::unknown_format); };
  EXPECT_THAT(said(""), HasSubstr("empty file"));
  EXPECT_THAT(said("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n"),
              HasSubstr("git-lfs pointer"));
  EXPECT_THAT(said("<!DOCTYPE html><html><body>404</body></html>"), HasSubstr("HTML"));
  EXPECT_THAT(said("{\"error\": \"not found\"}"), HasSubstr("JSON"));
  EXPECT_THAT(said("\x7F"
                   "ELF\x02\x01\x01"),
              HasSubstr("ELF"));
  EXPECT_THAT(said("\x1F\x8B\x08\x08"), HasSubstr("gzip"));
  EXPECT_THAT(said("7z\xBC\xAF\x27\x1C"), HasSubstr("7z"));
  EXPECT_THAT(said("PYTORCH1 and more"), HasSubstr("preview release"));
  EXPECT_THAT(said("abc"), HasSubstr("text"));
  EXPECT_THAT(said(std::string(100, '\0')), HasSubstr("zeros"));
}

TEST(UnknownFiles, AZipThatIsCutIsNoZip) {
  EXPECT_THROW(load(bytes_of("PK\3\4")), Error);
  EXPECT_THROW(load(bytes_of(std::string("PK\3\4") + std::string(100, 'x'))), Error);
}

TEST(UnknownFiles, FoldersAndMissingFiles) {
  EXPECT_THROW(load(std::string("/nonexistent/model.pth")), Error);
  EXPECT_THROW(load(std::string("/tmp")), Error);
}

TEST(Load, TakesStreams) {
  std::stringstream stream(save_to_memory(Value("text")));
  EXPECT_EQ(load(stream).root().as_string(), "text");
  for (const char* unreadable : {"/no/such/file", "/tmp"}) {  // never opened; opened, but read in vain
    std::ifstream closed(unreadable);
    EXPECT_ERROR(load(closed), ErrorCode::io, "the stream cannot be read");
  }
}

TEST(BarePickle, IsReadWithoutAContainer) {
  const std::string stream = Pickle().raw("}").text("epoch").number(3).raw("s").stop();
  const Checkpoint checkpoint = load(bytes_of(stream));
  EXPECT_EQ(checkpoint.container().format, "pickle");
  EXPECT_EQ(checkpoint["epoch"].as_int(), 3);
  EXPECT_EQ(load(bytes_of("(dp0\nS'epoch'\nI3\ns.")).container().format, "pickle");  // protocol 0
  EXPECT_EQ(load(bytes_of(stream + "rest")).container().notes.size(), 1u);
}

TEST(BarePickle, HasNoStoragesOfItsOwn) {
  EXPECT_THAT(error_of(Pickle().tensor("0", 1, 0, {1}, {1}).stop(), ErrorCode::corrupt),
              HasSubstr("holds no storages"));
}

TEST(BarePickle, FilesInsideFilesEndSomewhere) {
  // Each level is a legacy file, inside the pickle as bytes, whose object is again such a pickle.
  std::string inner = save_to_memory(Value(1), {.format = SaveOptions::Format::legacy});
  const auto wrap = [](const std::string& file) {
    Pickle pickle;
    pickle.global("torch.storage", "_load_from_bytes").mark();
    std::string size(4, '\0');
    for (int i = 0; i < 4; ++i) size[static_cast<std::size_t>(i)] = static_cast<char>(file.size() >> (8 * i) & 0xFF);
    return pickle.raw("B" + size + file).tuple().reduce().stop();
  };
  EXPECT_EQ(load(bytes_of(wrap(inner))).root().as_int(), 1);
  const std::string magic = inner.substr(0, 15), version = inner.substr(15, 6);
  for (int level = 0; level < 10; ++level)
    inner = magic + version + std::string("\x80\x02}.") + wrap(inner) + std::string("\x80\x02].");
  EXPECT_THAT(error_of(wrap(inner), ErrorCode::limit), HasSubstr("max_nested_files"));
}

TEST(Pt2, OlderLayoutHoldsWholeFiles) {
  const Checkpoint checkpoint = load(std::string(FLAMBEAU_TEST_DATA) + "/old.pt2");
  EXPECT_EQ(checkpoint.container().format, "pt2");
  EXPECT_THAT(checkpoint["fc.weight"].as_tensor().data<float>(), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(checkpoint["scale"].as_tensor().data<float>(), ElementsAre(0.5f));
}

TEST(Pt2, WeightsMayShareRecordsAndBePickled) {
  const Checkpoint checkpoint = load(std::string(FLAMBEAU_TEST_DATA) + "/pickled.pt2", {.read = Read::copy});
  const Tensor& weight = checkpoint["w"].as_tensor();
  EXPECT_EQ(weight.strides(), (Shape{1, 3}));
  EXPECT_TRUE(weight.requires_grad());
  EXPECT_EQ(weight.storage(), checkpoint["tied"].as_tensor().storage());
  EXPECT_THAT(checkpoint["p"].as_tensor().data<std::int64_t>(), ElementsAre(7, 8));
}

/// One tar member, header and padding included.
std::string member(const std::string& name, const std::string& payload) {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(100, 8, std::string("0000644\0", 8));
  char size[13];
  std::snprintf(size, sizeof(size), "%011o", static_cast<unsigned>(payload.size()));
  header.replace(124, 12, std::string(size, 12));
  header.replace(148, 8, "        ");
  header[156] = '0';
  header.replace(257, 8,
                 std::string("ustar\0"
                             "00",
                             8));
  unsigned sum = 0;
  for (const unsigned char byte : header) sum += byte;
  char digits[8];
  std::snprintf(digits, sizeof(digits), "%06o", sum);
  header.replace(148, 7, std::string(digits, 7));
  return header + payload + std::string((512 - payload.size() % 512) % 512, '\0');
}

std::string little(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}

std::string tar_with(std::uint64_t numel, std::int64_t offset, const std::string& id) {
  const std::string storages = Pickle().number(1).stop() +
                               Pickle().mark().number(5).text("cpu").global("torch", "FloatStorage").tuple().stop() +
                               little(numel, 8) + std::string("\0\0\x80\x3F\0\0\0\x40", 8) + Pickle().raw("]").stop();
  const std::string tensors =
      Pickle().number(1).stop() + Pickle().mark().number(6).number(5).global("torch", "FloatTensor").tuple().stop() +
      little(1, 4) + little(0, 4) + little(1, 8) + little(1, 8) + little(static_cast<std::uint64_t>(offset), 8);
  return member("sys_info", Pickle().raw("}").stop()) + member("pickle", Pickle().text(id).raw("Q").stop()) +
         member("tensors", tensors) + member("storages", storages) + std::string(1024, '\0');
}

TEST(TorchTar, TensorsAreNumbered) {
  const std::string tar = tar_with(2, 1, "6");
  const Checkpoint checkpoint = load(bytes_of(tar));
  EXPECT_EQ(checkpoint.container().format, "torch-tar");
  EXPECT_THAT(checkpoint.root().as_tensor().data<float>(), ElementsAre(2.0f));
}

TEST(TorchTar, NumbersMustMeanSomething) {
  EXPECT_THAT(error_of(tar_with(2, 1, "7"), ErrorCode::corrupt), HasSubstr("nothing has the number 7"));
  EXPECT_THAT(error_of(tar_with(2, 2, "6"), ErrorCode::corrupt), HasSubstr("12 needed"));
  EXPECT_THAT(error_of(tar_with(2, -1, "6"), ErrorCode::corrupt), HasSubstr("offset -1"));
  EXPECT_THAT(error_of(tar_with(200, 0, "6"), ErrorCode::truncated), HasSubstr("needs 800 bytes"));
  EXPECT_THAT(error_of(tar_with(~0ull, 0, "6"), ErrorCode::corrupt), HasSubstr("holds -1 elements"));
}

}  // namespace
}  // namespace flambeau
