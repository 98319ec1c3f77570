#include "formats/shard_index.h"

#include <unistd.h>

#include "formats/neighbours.h"
#include "formats/safetensors.h"

namespace flambeau::formats::shard_index {
namespace {

using namespace flambeau::formats::test;
using testing::HasSubstr;

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "flambeau-shards-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern + "/";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void shard(const std::string& name, const std::vector<std::string>& tensors) {
    StateDict state_dict;
    for (const auto& tensor : tensors) state_dict.set(tensor, Tensor::zeros({2}));
    bytes::MemorySink sink;
    safetensors::write(state_dict, sink);
    std::ofstream(folder_ + name, std::ios::binary) << sink.text();
  }
  Checkpoint read_index(const std::string& json) {
    std::ofstream(folder_ + "model.safetensors.index.json", std::ios::binary | std::ios::trunc) << json;
    return read(folder_ + "model.safetensors.index.json", {});
  }
  std::string folder_;
};

TEST(ShardIndex, FixturesReadAsTheManifestSays) {
  FLAMBEAU_NEEDS_FIXTURES();
  for (const std::string path : {"torch-2.13/sharded-bin/pytorch_model.bin.index.json",
                                 "torch-2.13/sharded-safetensors/model.safetensors.index.json"})
    for (const auto mode : {Read::map, Read::lazy, Read::copy}) {
      expect_like_manifest(read(fixtures + path, {.read = mode}), path);
      EXPECT_TRUE(sniff(bytes_of(slurp(fixtures + path))));
    }
}

TEST(ShardIndexSniff, OtherJsonIsNone) {
  const auto is_index = [](const std::string& text) { return sniff(bytes_of(text)); };
  EXPECT_TRUE(is_index(" {\"weight_map\": {}}"));
  EXPECT_FALSE(is_index("{\"architectures\": []}"));
  EXPECT_FALSE(is_index("[\"weight_map\"]"));
  EXPECT_FALSE(is_index(""));
}

TEST_F(Folder, ShardsAreJoinedInTheIndexsOrder) {
  shard("1.safetensors", {"a", "c"});
  shard("2.safetensors", {"b", "d"});
  const auto checkpoint =
      read_index(R"({"weight_map": {"c": "1.safetensors", "b": "2.safetensors", "a": "1.safetensors"}})");
  ASSERT_EQ(checkpoint.root().size(), 3u);
  EXPECT_EQ(checkpoint.root().item(1).first.as_string(), "b");
  EXPECT_THAT(checkpoint.container().notes,
              testing::Contains("2.safetensors: 1 tensor(s) that the index does not name: d"));
}

TEST_F(Folder, AnIndexThatLiesIsRefused) {
  shard("1.safetensors", {"a"});
  const auto bad = [this](ErrorCode code, const std::string& message, const std::string& json) {
    expect_error(code, message, [&] { (void)read_index(json); });
  };
  bad(ErrorCode::corrupt, "holds no such tensor", R"({"weight_map": {"b": "1.safetensors"}})");
  bad(ErrorCode::not_found, "3.safetensors", R"({"weight_map": {"b": "3.safetensors"}})");
  bad(ErrorCode::corrupt, "has no 'weight_map'", "{}");
  bad(ErrorCode::corrupt, "has the key 'a' twice", R"({"weight_map": {"a": "1.safetensors", "a": "1.safetensors"}})");
  bad(ErrorCode::corrupt, "is no string", R"({"weight_map": {"a": 1}})");
  bad(ErrorCode::corrupt, "no valid json", R"({"weight_map": {"a": "1.safetensors"})");
  for (const std::string name :
       {"../1.safetensors", "/etc/passwd", "", ".", "x/../../y", "a\\\\b", "C:x", "x\\u0000", "a//b"})
    bad(ErrorCode::corrupt, "no name of a file inside the folder", R"({"weight_map": {"a": ")" + name + R"("}})");
}

TEST_F(Folder, AnIndexThatNamesItselfEnds) {
  expect_error(ErrorCode::corrupt, "names an index as a shard",
               [&] { (void)read_index(R"({"weight_map": {"a": "model.safetensors.index.json"}})"); });
}

}  // namespace
}  // namespace flambeau::formats::shard_index
