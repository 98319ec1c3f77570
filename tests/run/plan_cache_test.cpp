// Model::cache_plans: packed weights of one process serve the next, and never another network.

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>

#include <gtest/gtest.h>

#include "../../examples/digits/digits_net.h"

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <flambeau/predict.h>

namespace flambeau {
namespace {

namespace fs = std::filesystem;

class PlanCache : public testing::Test {
 protected:
  void SetUp() override { fs::remove_all(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  /// As a new process would have it.
  Model model(std::uint64_t seed = 0) const {
    manual_seed(seed);
    Model net(std::make_shared<digits::DigitsNet>());
    net.eval();
    net.cache_plans(folder_.string());
    return net;
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(folder_)) all.push_back(entry.path());
    return all;
  }
  static Tensor input() {
    Tensor x = Tensor::zeros({4, 1, 8, 8});
    float value = 0;
    for (float& each : x.mutable_data<float>()) each = value = value > 1 ? -1 : value + 0.17F;
    return x;
  }
  static bool equal(const Tensor& a, const Tensor& b) { return std::ranges::equal(a.data<float>(), b.data<float>()); }

  const fs::path folder_ = fs::path(testing::TempDir()) / ("flambeau_plans_" + std::to_string(::getpid()));
};

TEST_F(PlanCache, GivesTheNextProcessTheSameResults) {
  const Tensor first = model()(input());
  ASSERT_EQ(files().size(), 1U);
  EXPECT_TRUE(equal(model()(input()), first));
  EXPECT_EQ(files().size(), 1U);
}

TEST_F(PlanCache, IsReallyWhatIsComputedWith) {
  const Tensor first = model()(input());
  const std::string file = files().at(0).string();
  Value root = load(file, {.read = Read::copy}).root();
  for (std::size_t i = 0; i < root["weights"].size(); ++i)
    for (std::byte& each : root["weights"].at(i).as_tensor().storage()->mutable_bytes()) each = std::byte{0};
  save(root, file);
  EXPECT_FALSE(equal(model()(input()), first));
}

TEST_F(PlanCache, KeepsOtherWeightsOptionsAndShapesApart) {
  const Tensor first = model(0)(input()), second = model(1)(input());
  EXPECT_FALSE(equal(first, second));
  EXPECT_EQ(files().size(), 2U);
  model()(input(), {.precision = Precision::int8});
  model()(input(), {.threads = 1});
  model()(input().narrow(0, 0, 3));
  EXPECT_EQ(files().size(), 5U);
  EXPECT_TRUE(equal(model(1)(input()), second));
}

TEST_F(PlanCache, ReplacesWhatItCannotUse) {
  const Tensor first = model()(input());
  const fs::path file = files().at(0);
  const auto size = fs::file_size(file);
  for (const std::string& content : {std::string(), std::string("no checkpoint"), std::string(size, '\0')}) {
    std::ofstream(file, std::ios::binary) << content;
    EXPECT_TRUE(equal(model()(input()), first));
    EXPECT_EQ(fs::file_size(file), size);
  }
  // Steps that this build would not make: packed by another version of a kernel.
  Value root = load(file.string(), {.read = Read::copy}).root();
  root.set("steps", "something else");
  save(root, file.string());
  EXPECT_TRUE(equal(model()(input()), first));
  EXPECT_NE(load(file.string()).root()["steps"].as_string(), "something else");
}

TEST_F(PlanCache, SeesWeightsThatChanged) {
  Model net = model();
  const Tensor first = net(input());
  for (const auto& [name, parameter] : net->named_parameters())
    for (float& each : parameter->mutable_data<float>()) each += 0.5F;
  EXPECT_FALSE(equal(net(input()), first));
  EXPECT_EQ(files().size(), 2U);
}

TEST_F(PlanCache, ComputesWithoutRoomToo) {
  const Tensor first = model()(input());
  fs::remove_all(folder_);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit small{1024, limit.rlim_max};
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_TRUE(equal(model()(input()), first));
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, before);
  EXPECT_TRUE(files().empty());
}

TEST_F(PlanCache, SaysWhenTheFolderCannotBeMade) {
  std::ofstream(folder_) << "a file";
  EXPECT_THROW(model()(input()), Error);
}

}  // namespace
}  // namespace flambeau
