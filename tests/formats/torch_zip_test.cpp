#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "archive/zip.h"
#include "no_threads.h"
#include "torch/assemble.h"

namespace flambeau {
namespace {

using test::Pickle;
using testing::ElementsAre;
using testing::HasSubstr;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

/// A folder that disappears with the test.
struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("flambeau-formats-" + std::to_string(::getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const char* name) const { return (path / name).string(); }
};

/// A zip with one pickle and some more records, as another tool may write it.
std::string zip_of(const std::string& pickle, const std::vector<std::pair<std::string, std::string>>& records) {
  bytes::MemorySink sink;
  archive::ZipWriter zip(sink, "archive");
  zip.add("data.pkl", pickle);
  for (const auto& [name, payload] : records) zip.add(name, payload);
  zip.finish();
  return sink.take();
}

StateDict two_layers() {
  StateDict state;
  const float weight[] = {1, 2, 3, 4, 5, 6};
  state.set("fc.weight", Tensor::of<float>({2, 3}, weight));
  state.set("fc.bias", Tensor::zeros({2}, DType::float64));
  state.set_metadata({{"", 1}, {"fc", 1}});
  return state;
}

std::string error_of(const std::string& file, const LoadOptions& options = {}) {
  try {
    load(bytes_of(file), options);
    return "no error";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(TorchZip, SavedIsLoadedAgain) {
  const std::string file = save_to_memory(two_layers().to_value());
  for (const Read read : {Read::map, Read::lazy, Read::copy}) {
    const Checkpoint checkpoint = load(bytes_of(file), {.read = read});
    EXPECT_EQ(checkpoint.container().format, "torch-zip");
    EXPECT_EQ(checkpoint.container().root_name, "archive");
    const StateDict state = checkpoint.state_dict();
    ASSERT_EQ(state.size(), 2u);
    EXPECT_TRUE(state["fc.weight"].equal(two_layers()["fc.weight"]));
    EXPECT_EQ(state.version("fc"), 1);
  }
  // Saving what was loaded gives the same bytes.
  EXPECT_EQ(save_to_memory(load(bytes_of(file)).root()), file);
}

TEST(TorchZip, ACopyNeedsNoSecondThread) {
  StateDict state;
  state.set("large", Tensor::zeros({5 << 20}));
  const std::string file = save_to_memory(state.to_value());
  const test::NoThreads none;
  EXPECT_TRUE(load(bytes_of(file), {.read = Read::copy}).state_dict()["large"].equal(state["large"]));
}

TEST(TorchZip, RecordsStandInTorchsOrder) {
  const std::string file = save_to_memory(two_layers().to_value());
  const archive::ZipReader zip(bytes::borrow(bytes_of(file)), Limits{});
  std::vector<std::string> names;
  for (const auto& entry : zip.entries()) names.push_back(entry.name);
  EXPECT_THAT(names, ElementsAre("archive/data.pkl", "archive/.format_version", "archive/.storage_alignment",
                                 "archive/byteorder", "archive/data/0", "archive/data/1", "archive/version",
                                 "archive/.data/serialization_id"));
}

TEST(TorchZip, RootIsTheFilesStem) {
  const Folder folder;
  save(two_layers(), folder / "a.v2.pth");
  EXPECT_EQ(load(folder / "a.v2.pth").container().root_name, "a.v2");
  save(two_layers(), folder / "plain");
  EXPECT_EQ(load(folder / "plain").container().root_name, "plain");
  save(two_layers(), folder / "größe.pth");
  EXPECT_EQ(load(folder / "größe.pth").container().root_name, "archive");
  EXPECT_THROW(save(two_layers(), folder / ".pth"), Error);
}

TEST(TorchZip, StoragesMustHaveTheSizeThatTheirIdStates) {
  const std::string pickle = Pickle().tensor("0", 3, 0, {3}, {1}).stop();
  EXPECT_THAT(error_of(zip_of(pickle, {{"data/0", std::string(8, '\0')}})),
              HasSubstr("storage '0': record 'archive/data/0' holds 8 bytes, 12 needed"));
  EXPECT_THAT(error_of(zip_of(pickle, {{"data/0", std::string(16, '\0')}})), HasSubstr("holds 16 bytes, 12 needed"));
  EXPECT_THAT(error_of(zip_of(pickle, {{"data/1", std::string(12, '\0')}})),
              HasSubstr("the archive has no record 'data/0'"));
  EXPECT_EQ(error_of(zip_of(pickle, {{"data/0", std::string(12, '\0')}})), "no error");
}

TEST(TorchZip, BigEndianStoragesAreSwapped) {
  const std::string pickle = Pickle().mark().tensor("0", 2, 0, {2}, {1}).tuple().stop();
  const std::string file = zip_of(pickle, {{"byteorder", "big"}, {"data/0", std::string("\x3F\x80\0\0\xC0\0\0\0", 8)}});
  for (const Read read : {Read::map, Read::copy}) {
    const Checkpoint checkpoint = load(bytes_of(file), {.read = read});
    EXPECT_TRUE(checkpoint.container().big_endian);
    EXPECT_THAT(checkpoint.root().at(0).as_tensor().data<float>(), ElementsAre(1.0f, -2.0f));
  }
  EXPECT_THAT(error_of(zip_of(pickle, {{"byteorder", "middle"}, {"data/0", std::string(8, '\0')}})),
              HasSubstr("byte order 'middle'"));
}

TEST(TorchZip, WrongBytesAreNeverLoadedInSilence) {
  std::string file = save_to_memory(two_layers().to_value());
  const StateDict good = load(bytes_of(file)).state_dict();
  for (std::size_t at = 0; at < file.size(); ++at) {
    file[at] = static_cast<char>(file[at] ^ 0x10);
    try {
      const Checkpoint checkpoint = load(bytes_of(file), {.read = Read::copy});
      // What still loads holds the same values.
      const StateDict state = checkpoint.state_dict();
      ASSERT_EQ(state.size(), good.size()) << at;
      for (const auto& entry : good) {
        const Tensor* const tensor = state.find(entry.name);
        ASSERT_TRUE(tensor != nullptr && tensor->equal(entry.tensor)) << "byte " << at << " " << entry.name;
      }
    } catch (const Error&) {
    }
    file[at] = static_cast<char>(file[at] ^ 0x10);
  }
}

TEST(TorchZip, TruncationIsAlwaysSeen) {
  const std::string file = save_to_memory(two_layers().to_value());
  for (std::size_t size = 0; size < file.size(); ++size) EXPECT_NE(error_of(file.substr(0, size)), "no error") << size;
}

TEST(TorchZip, AMappedFileCanBeSavedOverItself) {
  const Folder folder;
  const std::string path = folder / "model.pth";
  save(two_layers(), path);
  const Checkpoint checkpoint = load(path);
  save(checkpoint, path);
  save(checkpoint, path);
  EXPECT_TRUE(load(path).state_dict()["fc.weight"].equal(two_layers()["fc.weight"]));
  EXPECT_TRUE(checkpoint.state_dict()["fc.weight"].equal(two_layers()["fc.weight"]));
}

TEST(TorchZip, ProgressCanCancelAndLeavesTheTarget) {
  const Folder folder;
  const std::string path = folder / "model.pth";
  std::ofstream(path) << "old";
  SaveOptions options;
  std::uint64_t calls = 0, last = 0;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_LE(done, total);
    EXPECT_GE(done, last);
    last = done;
    if (++calls == 2) throw Error(ErrorCode::cancelled, "enough");
  };
  EXPECT_THROW(save(two_layers(), path, options), Error);
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path), {}), 1);
}

TEST(TorchZip, ChecksumsCanBeLeftOut) {
  SaveOptions options;
  options.crc32 = false;
  options.storage_alignment = 4096;
  const std::string file = save_to_memory(two_layers().to_value(), options);
  const archive::ZipReader zip(bytes::borrow(bytes_of(file)), Limits{});
  EXPECT_FALSE(zip.find("data/0")->crc_recorded);
  EXPECT_EQ(zip.find("data/0")->data_offset % 4096, 0u);
  EXPECT_TRUE(load(bytes_of(file), {.read = Read::copy}).state_dict()["fc.weight"].equal(two_layers()["fc.weight"]));
}

TEST(TorchZip, DangerousFilesAreLookedAtOnly) {
  const std::string file = zip_of(Pickle().global("posix", "system").mark().text("true").tuple().reduce().stop(), {});
  EXPECT_THAT(error_of(file), HasSubstr("posix.system"));
  const Checkpoint inert = load(bytes_of(file), {.inert = true});
  EXPECT_THROW(save_to_memory(inert.root()), Error);
}

TEST(TorchZip, NewerVersionsAreRefused) {
  const std::string pickle = Pickle().raw("]").stop();
  bytes::MemorySink sink;
  archive::ZipWriter zip(sink, "archive");
  zip.add("data.pkl", pickle);
  zip.add(".data/version", "11\n");
  zip.finish();
  EXPECT_THAT(error_of(sink.text()), HasSubstr("format version 11, versions 1 to 10 are known"));
}

TEST(TorchZip, RecordsOfOneWordAreShort) {
  const std::string pickle = Pickle().raw("]").stop();
  EXPECT_THAT(error_of(zip_of(pickle, {{"byteorder", "little" + std::string(60, ' ')}})),
              HasSubstr("archive/byteorder: a record of 66 bytes, at most 64 expected"));
  EXPECT_THAT(error_of(zip_of(pickle, {{"version", "3" + std::string(99, '\n')}})),
              HasSubstr("archive/version: a record of 100 bytes"));
}

}  // namespace
}  // namespace flambeau
