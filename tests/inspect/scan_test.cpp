#include <flambeau/error.h>
#include <flambeau/inspect.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "archive/zip.h"
#include "no_threads.h"
#include "torch/assemble.h"

namespace flambeau {
namespace {

using test::Pickle;
using testing::Contains;
using testing::HasSubstr;

class Scan : public testing::Test {
 protected:
  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("flambeau-scan-" + std::to_string(::getpid()));
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& bytes, const std::string& name = "model.pth") {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  ScanReport of(const std::string& bytes) { return scan(file(bytes)); }

  static std::string zip(const std::string& pickle,
                         const std::vector<std::pair<std::string, std::string>>& records = {}) {
    bytes::MemorySink sink;
    archive::ZipWriter writer(sink, "archive");
    writer.add("data.pkl", pickle);
    for (const auto& [name, payload] : records) writer.add(name, payload);
    writer.finish();
    return sink.take();
  }
  static std::string evil() { return Pickle().global("posix", "system").mark().text("true").tuple().reduce().stop(); }
  static std::string good() { return Pickle().tensor("0", 1, 0, {1}, {1}).stop(); }
  static std::pair<std::string, std::string> data() { return {"data/0", std::string(4, '\0')}; }
};

TEST_F(Scan, TensorsAreClean) {
  const ScanReport report = of(zip(good(), {data()}));
  EXPECT_EQ(report.verdict, Verdict::clean);
  EXPECT_EQ(report.format, "torch-zip");
  EXPECT_THAT(report.globals, Contains("torch._utils._rebuild_tensor_v2"));
}

TEST_F(Scan, DangerIsNamedWithItsPlace) {
  const ScanReport report = of(zip(evil()));
  ASSERT_EQ(report.verdict, Verdict::dangerous);
  EXPECT_EQ(report.findings[0].global, "posix.system");
  EXPECT_EQ(report.findings[0].member, "archive/data.pkl");
  EXPECT_EQ(report.findings[0].offset, 2u);
}

TEST_F(Scan, UnknownClassesAreSuspicious) {
  EXPECT_EQ(of(zip(Pickle().global("my", "Net").raw(")\x81").stop())).verdict, Verdict::suspicious);
}

TEST_F(Scan, GetattrIsJudgedByItsArguments) {
  const auto get = [](std::string_view module, std::string_view cls, std::string_view name) {
    return Pickle().global("__builtin__", "getattr").mark().global(module, cls).text(name).tuple().reduce().stop();
  };
  EXPECT_EQ(of(zip(get("torch.nn.modules.linear", "Linear", "weight"))).verdict, Verdict::clean);
  EXPECT_EQ(of(zip(get("my", "Colour", "RED"))).verdict, Verdict::suspicious);
  EXPECT_EQ(of(zip(get("my", "Colour", "__globals__"))).verdict, Verdict::dangerous);
  Pickle no_text;
  no_text.global("__builtin__", "getattr").global("torch.nn.modules.linear", "Linear").number(1).raw("\x86").reduce();
  EXPECT_EQ(of(zip(no_text.stop())).verdict, Verdict::dangerous);
}

TEST_F(Scan, APayloadBeforeABreakIsSeen) {
  const std::string broken = evil().substr(0, evil().size() - 1) + "\xFF\xFF";
  EXPECT_EQ(of(zip(broken)).verdict, Verdict::dangerous);
  EXPECT_EQ(of(broken).verdict, Verdict::dangerous);
}

TEST_F(Scan, APayloadBehindASemanticErrorIsSeen) {
  // The tensor leaves its storage, which stops the machine; the payload follows.
  const std::string bad = Pickle().mark().tensor("0", 1, 0, {9}, {1}).stop();
  const std::string stream = bad.substr(0, bad.size() - 1) + evil().substr(2);
  const ScanReport report = of(zip(stream, {data()}));
  EXPECT_EQ(report.verdict, Verdict::dangerous);
}

TEST_F(Scan, OtherRecordsAreLookedAtByTheirContent) {
  EXPECT_EQ(of(zip(good(), {data(), {"notes.txt", evil()}})).verdict, Verdict::dangerous);
  EXPECT_EQ(of(zip(good(), {data(), {"inner.bin", zip(evil())}})).verdict, Verdict::dangerous);
}

TEST_F(Scan, PicklesBehindTheEndAreLookedAt) {
  EXPECT_EQ(of(zip(good() + evil(), {data()})).verdict, Verdict::dangerous);
  EXPECT_EQ(of(zip(good() + "tail", {data()})).verdict, Verdict::suspicious);
}

TEST_F(Scan, LegacyFilesAreScannedInAllTheirPickles) {
  const std::string legacy = save_to_memory(Value(Tensor::zeros({2})), {.format = SaveOptions::Format::legacy});
  EXPECT_EQ(of(legacy).verdict, Verdict::clean);
  EXPECT_EQ(of(legacy + legacy).verdict, Verdict::clean);
  const auto whole = [&](std::string_view module) {  // ('module', class, source file, source) stands for the class
    Pickle object;
    object.mark().text("module").global(module, "Linear").text("linear.py").text("").tuple().raw("Q");
    return legacy.substr(0, 21) + std::string("\x80\x02}.") + object.stop() + std::string("\x80\x02].");
  };
  EXPECT_EQ(of(whole("torch.nn.modules.linear")).verdict, Verdict::clean);
  EXPECT_EQ(of(whole("mine")).verdict, Verdict::suspicious);
  const std::string magic = legacy.substr(0, 15), version = legacy.substr(15, 6);
  EXPECT_EQ(of(magic + version + evil() + legacy.substr(21)).verdict, Verdict::dangerous);
  const std::string evil_object = magic + version + std::string("\x80\x02}.") + evil() + std::string("\x80\x02].");
  EXPECT_EQ(of(evil_object).verdict, Verdict::dangerous);
  EXPECT_EQ(of(legacy + evil_object).verdict, Verdict::dangerous);  // a second save
}

TEST_F(Scan, FilesInsidePicklesAreScanned) {
  const std::string inner = zip(evil());
  std::string size(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) size[i] = static_cast<char>(inner.size() >> (8 * i) & 0xFF);
  EXPECT_EQ(
      of(Pickle().global("torch.storage", "_load_from_bytes").mark().raw("B" + size + inner).tuple().reduce().stop())
          .verdict,
      Verdict::dangerous);
}

TEST_F(Scan, WhatCannotBeReadIsNeverClean) {
  const std::string whole = zip(good(), {data()});
  EXPECT_EQ(of("").verdict, Verdict::unreadable);
  EXPECT_EQ(of("plain text").verdict, Verdict::unreadable);
  for (std::size_t size = 1; size < whole.size(); size += 7)
    EXPECT_EQ(of(whole.substr(0, size)).verdict, Verdict::unreadable) << size;
  EXPECT_EQ(of(zip(good())).verdict, Verdict::unreadable);  // the storage is not there
}

TEST_F(Scan, AWrongContainerDoesNotHideAPayload) {
  std::string file = zip(evil());
  file[file.size() - 10] = 'x';  // the end record
  EXPECT_EQ(of(file).verdict, Verdict::dangerous);
  EXPECT_EQ(of("7z\xBC\xAF\x27\x1C" + evil()).verdict, Verdict::dangerous);
}

TEST_F(Scan, AWrongChecksumDoesNotHideAPayload) {
  std::string file = zip(Pickle().text("padding, padding").raw("0").global("posix", "system").stop());
  file[file.find("padding")] = 'P';
  const ScanReport report = of(file);
  EXPECT_EQ(report.verdict, Verdict::dangerous);
}

TEST_F(Scan, ATarThatEndsEarlyDoesNotHideAPayload) {
  for (const std::string& payload : {evil(), std::string("cos\nsystem\n(S'id'\ntR.")}) {
    const std::string whole = test::tar_member("sys_info", good()) + test::tar_member("pickle", payload) +
                              test::tar_member("storages", std::string(1000, 'x'));
    const ScanReport report = of(whole.substr(0, whole.size() - 600));
    EXPECT_EQ(report.verdict, Verdict::dangerous);
    EXPECT_EQ(report.findings[0].verdict, Verdict::unreadable);
  }
}

TEST_F(Scan, FoldersWhoseRanksKeptTheirMetadataAreLookedAt) {
  file(good(), "__0.metadata");
  EXPECT_EQ(scan(folder_.string()).verdict, Verdict::unreadable);
  file(evil(), "__1.metadata");
  const ScanReport report = scan(folder_.string());
  ASSERT_EQ(report.verdict, Verdict::dangerous);
  EXPECT_EQ(report.findings[0].member, "__1.metadata");
}

TEST_F(Scan, ItemsOfADistributedCheckpointAreLookedAt) {
  const auto data = (std::filesystem::path(FLAMBEAU_TEST_DATA) / "../../formats/data/dcp").lexically_normal();
  for (const auto& each : std::filesystem::directory_iterator(data)) {
    std::ifstream in(each.path(), std::ios::binary);
    file({std::istreambuf_iterator<char>(in), {}}, each.path().filename().string());
  }
  EXPECT_EQ(scan(folder_.string()).verdict, Verdict::clean);
  std::ifstream in(folder_ / "__2_0.distcp", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const std::string good = "ctorch._utils\n_rebuild_tensor_v2\n", evil = "csubprocess\ncheck_output_padding\n";
  file(bytes.replace(bytes.find(good), good.size(), evil), "__2_0.distcp");
  const ScanReport report = scan(folder_.string());
  ASSERT_EQ(report.verdict, Verdict::dangerous);
  EXPECT_THAT(report.findings[0].member, HasSubstr("__2_0.distcp: "));
}

TEST_F(Scan, ACappedPickleNamesItsCap) {
  LoadOptions options;
  options.limits.max_pickle_bytes = 100;
  const ScanReport report = scan(file(Pickle().text(std::string(200, 'x')).stop()), options);
  ASSERT_EQ(report.verdict, Verdict::unreadable);
  EXPECT_THAT(report.findings[0].reason, HasSubstr("max_pickle_bytes, 100"));
}

TEST_F(Scan, AMissingFileIsAnError) { EXPECT_THROW(scan("/nonexistent.pth"), Error); }

TEST_F(Scan, DoublingThroughTheMemoEndsQuickly) {
  Pickle pickle;
  pickle.raw("]q").raw(std::string(1, '\0'));
  for (int i = 0; i < 100; ++i)
    pickle.raw("0](h")
        .raw(std::string(1, static_cast<char>(i)))
        .raw("h")
        .raw(std::string(1, static_cast<char>(i)))
        .raw("eq")
        .raw(std::string(1, static_cast<char>(i + 1)));
  EXPECT_EQ(of(zip(pickle.stop())).verdict, Verdict::clean);
}

class Verify : public Scan {};

TEST_F(Verify, WholeFilesAreWhole) {
  const VerifyReport report = verify(file(zip(good(), {data()})));
  EXPECT_TRUE(report.whole);
  EXPECT_EQ(report.tensors, 1u);
  EXPECT_GE(report.checked_records, 4u);
  EXPECT_EQ(report.unchecked_records, 0u);
}

TEST_F(Verify, DamagedTensorsAreNamed) {
  StateDict state;
  const float values[] = {1.25f, 2.5f, 3.75f};
  state.set("good", Tensor::zeros({5}));
  state.set("fc.weight", Tensor::of<float>({3}, values));
  std::string bytes = save_to_memory(state.to_value());
  bytes[bytes.find(std::string(reinterpret_cast<const char*>(values), 12))] ^= 1;
  const VerifyReport report = verify(file(bytes));
  ASSERT_FALSE(report.whole);
  ASSERT_EQ(report.problems.size(), 1u);
  EXPECT_EQ(report.problems[0].code, ErrorCode::checksum);
  EXPECT_EQ(report.problems[0].tensor, "fc.weight");
}

TEST_F(Verify, EveryFlippedByteOfThePickleIsSeen) {
  std::string bytes = zip(good(), {data()});
  const std::size_t start = bytes.find(good());
  ASSERT_NE(start, std::string::npos);
  for (std::size_t at = start; at < start + good().size(); ++at) {
    bytes[at] = static_cast<char>(bytes[at] ^ 0x04);
    EXPECT_FALSE(verify(file(bytes)).whole) << at;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x04);
  }
}

TEST_F(Verify, OneThreadIsEnough) {
  const std::string path = file(zip(good(), {data()}));
  const test::NoThreads none;
  EXPECT_TRUE(verify(path).whole);
}

TEST_F(Verify, NotFiniteElementsAreCounted) {
  StateDict state;
  const float values[] = {1, std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::infinity()};
  const Tensor tensor = Tensor::of<float>({4}, values);
  state.set("all", tensor);
  state.set("tail", tensor.narrow(0, 2, 2));
  state.set("fine", Tensor::zeros({4}, DType::bfloat16));
  const VerifyReport report = verify(file(save_to_memory(state.to_value())));
  EXPECT_TRUE(report.whole);
  ASSERT_EQ(report.not_finite.size(), 2u);
  EXPECT_EQ(report.not_finite[0].nan, 1u);
  EXPECT_EQ(report.not_finite[0].inf, 2u);
  EXPECT_EQ(report.not_finite[1].nan, 0u);
  EXPECT_EQ(report.not_finite[1].inf, 2u);
}

TEST_F(Verify, TheNameIsAPromise) {
  const VerifyReport report = verify(file(zip(good(), {data()}), "resnet18-f37072fd.pth"));
  ASSERT_EQ(report.problems.size(), 1u);
  EXPECT_THAT(report.problems[0].text, HasSubstr("the name promises a sha256 that begins with f37072fd"));
}

TEST_F(Verify, SwitchedOffChecksumsAreNoted) {
  const VerifyReport report = verify(file(save_to_memory(Value(Tensor::zeros({2})), {.crc32 = false})));
  EXPECT_TRUE(report.whole);
  EXPECT_GT(report.unchecked_records, 0u);
  EXPECT_THAT(report.notes, Contains(HasSubstr("not checked")));
}

}  // namespace
}  // namespace flambeau
