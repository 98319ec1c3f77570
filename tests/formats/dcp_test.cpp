#include "formats/dcp.h"

#include <unistd.h>

#include <numeric>

#include "formats/dcp_pieces.h"
#include "formats/neighbours.h"

namespace flambeau::formats::dcp {
namespace {

using namespace flambeau::formats::test;
using testing::HasSubstr;

const std::string tiny = "torch-2.13/dcp/tiny-net";
const std::string data = FLAMBEAU_TEST_DATA "/dcp";  // made by data/make_dcp.py

/// A copy of a checkpoint folder that a test may damage.
class Folder {
 public:
  explicit Folder(const std::string& from) {
    std::string pattern = testing::TempDir() + "flambeau-dcp-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path = pattern;
    std::filesystem::copy(from, path, std::filesystem::copy_options::recursive);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    for (const auto& file : std::filesystem::directory_iterator(path))
      std::filesystem::permissions(file.path(), std::filesystem::perms::owner_all);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string metadata() const { return slurp(path + "/.metadata"); }
  void set_metadata(const std::string& bytes) const {
    std::ofstream(path + "/.metadata", std::ios::binary | std::ios::trunc) << bytes;
  }
  /// Replaces text of the same length.
  void patch(const std::string& from, const std::string& to) const {
    std::string bytes = metadata();
    const auto at = bytes.find(from);
    ASSERT_NE(at, std::string::npos);
    ASSERT_EQ(from.size(), to.size());
    set_metadata(bytes.replace(at, from.size(), to));
  }
  std::string path;
};

TEST(Dcp, TheFixtureReadsAsTheManifestSays) {
  FLAMBEAU_NEEDS_FIXTURES();
  EXPECT_TRUE(sniff(fixtures + tiny));
  EXPECT_FALSE(sniff(fixtures));
  for (const auto mode : {Read::map, Read::lazy, Read::copy})
    expect_like_manifest(read(fixtures + tiny, {.read = mode}), tiny);
}

TEST(Dcp, ShardedTensorsArePutTogether) {
  // Four ranks of torch 2.13: "rows" is cut along dimension 0, "columns" along 1; each holds 0, 1, 2, …
  for (const auto mode : {Read::map, Read::lazy, Read::copy}) {
    const auto checkpoint = read(data, {.read = mode});
    for (const std::string name : {"rows", "columns"}) {
      const Tensor& tensor = checkpoint[name].as_tensor();
      EXPECT_EQ(tensor.shape(), (Shape{6, 10})) << name;
      std::vector<float> expected(60);
      std::iota(expected.begin(), expected.end(), 0.0f);
      EXPECT_TRUE(tensor.equal(Tensor::of<float>({6, 10}, expected))) << name;
    }
    EXPECT_EQ(checkpoint["step"].as_int(), 7);
  }
}

TEST(Dcp, DamagedFoldersAreRefused) {
  FLAMBEAU_NEEDS_FIXTURES();
  const auto refused = [](ErrorCode code, const std::string& text, const auto& damage) {
    const Folder folder(fixtures + tiny);
    damage(folder);
    expect_error(code, text, [&] { (void)read(folder.path, {}); });
  };
  refused(ErrorCode::not_found, "__0_0.distcp",
          [](const Folder& folder) { std::filesystem::remove(folder.path + "/__0_0.distcp"); });
  refused(ErrorCode::truncated, "the file ends at 1000",
          [](const Folder& folder) { std::filesystem::resize_file(folder.path + "/__0_0.distcp", 1000); });
  refused(ErrorCode::corrupt, "no name of a file inside the folder",
          [](const Folder& folder) { folder.patch("__0_0.distcp", "../../secret"); });
  refused(ErrorCode::forbidden, "posix.system", [](const Folder& folder) {
    folder.set_metadata(std::string("\x80\x04") + "\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.");
  });
  refused(ErrorCode::unsupported, "not torch's Metadata",
          [](const Folder& folder) { folder.set_metadata("\x80\x04}."); });
  refused(ErrorCode::unsupported, "no .metadata", [](const Folder& folder) {
    std::filesystem::rename(folder.path + "/.metadata", folder.path + "/__0.metadata");
  });
  refused(ErrorCode::corrupt, "float64 of shape", [](const Folder& folder) { folder.patch("float32", "float64"); });
}

TEST(Dcp, PrefixesAndChangedBytesOfTheMetadata) {
  const Folder folder(data);
  expect_robust(
      folder.metadata(),
      [&](const std::string& bytes) {
        folder.set_metadata(bytes);
        return read(folder.path, {});
      },
      7);
}

Piece piece(Shape offsets, Shape sizes) { return {std::move(offsets), std::move(sizes), {}}; }

TEST(DcpPieces, TheyMustTileTheTensor) {
  EXPECT_NO_THROW(check_tiling(
      {4, 4}, {piece({0, 0}, {4, 2}), piece({0, 2}, {1, 2}), piece({1, 2}, {3, 2}), piece({4, 4}, {0, 0})}));
  EXPECT_NO_THROW(check_tiling({}, {piece({}, {})}));
  EXPECT_NO_THROW(check_tiling({0, 3}, {}));
  const auto refused = [](const std::string& text, const Shape& shape, const std::vector<Piece>& pieces) {
    expect_error(ErrorCode::corrupt, text, [&] { check_tiling(shape, pieces); });
  };
  constexpr std::int64_t huge = std::int64_t{1} << 62;
  refused("2 elements, 4 needed", {4}, {piece({0}, {2})});
  refused("more than the 4 elements", {4}, {piece({0}, {3}), piece({2}, {2})});
  refused("overlap", {4}, {piece({0}, {2}), piece({1}, {2})});
  refused("overlap", {4, 4}, {piece({0, 0}, {2, 4}), piece({1, 0}, {1, 4}), piece({3, 0}, {1, 4})});
  refused("does not lie inside", {4}, {piece({2}, {3})});
  refused("does not lie inside", {4}, {piece({huge}, {huge})});
  refused("does not lie inside", {4}, {piece({0, 0}, {4, 1})});
}

TEST(DcpPieces, AnyRangeIsGatheredFromPieces) {
  std::vector<float> numbers(5 * 6 * 7);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  const Tensor whole = Tensor::of<float>({5, 6, 7}, numbers);
  std::vector<Piece> pieces;
  for (const auto& [a, alen] : std::vector<std::pair<int, int>>{{0, 2}, {2, 3}})
    for (const auto& [b, blen] : std::vector<std::pair<int, int>>{{0, 1}, {1, 3}, {4, 2}})
      for (const auto& [c, clen] : std::vector<std::pair<int, int>>{{0, 5}, {5, 2}})
        pieces.push_back(
            {{a, b, c}, {alen, blen, clen}, whole.narrow(0, a, alen).narrow(1, b, blen).narrow(2, c, clen).clone()});
  check_tiling(whole.shape(), pieces);
  const auto source = assembled(whole.shape(), DType::float32, pieces);
  for (std::size_t offset = 0; offset < whole.nbytes(); offset += 13) {
    std::vector<std::byte> part(std::min<std::size_t>(101, whole.nbytes() - offset));
    source->read(offset, part);
    EXPECT_EQ(std::memcmp(part.data(), whole.bytes().data() + offset, part.size()), 0) << offset;
  }
}

}  // namespace
}  // namespace flambeau::formats::dcp
