#include "models/zoo.h"

#include <algorithm>
#include <sstream>

#include <flambeau/error.h>
#include <gtest/gtest.h>

namespace flambeau {
namespace {

using test::ZooRow;

std::shared_ptr<nn::Module> construct(const std::string& builder, const models::Options& options) {
  const auto* found = models::find(builder);
  return found ? found->construct(options) : nullptr;
}

TEST(Zoo, HasEveryBuilderOfTorchvision) {
  const auto rows = test::zoo();
  ASSERT_EQ(rows.size(), 80u);
  ASSERT_EQ(models::builders().size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(models::builders()[i].name, rows[i].builder);
}

class Builder : public testing::TestWithParam<ZooRow> {};

TEST_P(Builder, ListsTheSameKeysShapesAndDtypes) {
  const nn::SkipInit skip;
  const auto state = construct(GetParam().builder, {})->state_dict();
  std::string listing;
  for (const auto& entry : state)
    listing +=
        entry.name + " " + to_string(entry.tensor.shape()) + " " + std::string(name(entry.tensor.dtype())) + "\n";
  EXPECT_EQ(state.size(), GetParam().entries);
  EXPECT_EQ(test::sha256(listing), GetParam().listing) << listing.substr(0, 400);
}

TEST_P(Builder, PrintsTheSameTree) {
  const nn::SkipInit skip;
  const auto text = construct(GetParam().builder, {})->repr();
  EXPECT_EQ(test::sha256(text), GetParam().repr) << text.substr(0, 2000);
}

TEST_P(Builder, RecordsItsForwardPass) {
  const nn::SkipInit skip;
  auto module = construct(GetParam().builder, {});
  for (auto& [path, each] : module->named_modules())
    for (auto& parameter : each->parameters())
      if (parameter.tensor.defined()) parameter.tensor = Tensor::zeros(parameter.tensor.shape());
  module->eval();
  graph::Graph graph;
  const auto size =
      std::string_view(GetParam().builder).starts_with("vit") ? 224 : models::find(GetParam().builder)->input_size;
  const auto y = (*module)(graph.input({2, 3, size, size}));
  EXPECT_EQ(y.shape(), (Shape{2, 1000}));
}

TEST_P(Builder, RootClassIsTheTables) {
  const nn::SkipInit skip;
  const auto module = construct(GetParam().builder, {});
  EXPECT_EQ(std::string(module->python_module()) + "." + std::string(module->class_name()),
            models::find(GetParam().builder)->root_class);
}

INSTANTIATE_TEST_SUITE_P(All, Builder, testing::ValuesIn(test::zoo()),
                         [](const auto& row) { return row.param.builder; });

TEST(SeedZero, GivesTorchsInitialValues) {
  for (const auto& row : test::zoo()) {
    if (row.builder != "squeezenet1_1" && row.builder != "shufflenet_v2_x0_5" && row.builder != "mnasnet0_5") continue;
    manual_seed(0);
    EXPECT_EQ(test::values_digest(construct(row.builder, {})->state_dict()), row.values) << row.builder;
  }
}

TEST(Options, ChangeTheHead) {
  const nn::SkipInit skip;
  const auto state = construct("resnet18", {.num_classes = 10})->state_dict();
  EXPECT_EQ(state["fc.weight"].shape(), (Shape{10, 512}));
}

TEST(Options, RefuseAnImageThatPatchesDoNotDivide) {
  const nn::SkipInit skip;
  EXPECT_THROW(construct("vit_b_16", {.image_size = 230}), Error);
}

TEST(PublishedWeights, AreFoundByEveryName) {
  using models::VGG16_Weights;
  EXPECT_EQ(models::find_weights("vgg16", "DEFAULT"), models::find_weights("vgg16", "IMAGENET1K_V1"));
  EXPECT_EQ(models::find_weights("vgg16", "VGG16_Weights.IMAGENET1K_FEATURES")->name, "IMAGENET1K_FEATURES");
  EXPECT_EQ(models::find_weights("vgg16", "ResNet50_Weights.DEFAULT"), nullptr);
  EXPECT_EQ(VGG16_Weights::DEFAULT.sha256_prefix(), "397923af");
  EXPECT_EQ(models::transforms(VGG16_Weights::DEFAULT).crop, 224);
}

/// Cells of a line of CSV without quotes.
std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> all;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) all.push_back(cell);
  return all;
}

TEST(PublishedWeights, AreTheReferenceTables) {
  std::ifstream file(FLAMBEAU_SHARED "/reference/torchvision-weights.csv");
  std::string line;
  if (!std::getline(file, line)) GTEST_SKIP() << "no table of weights in " FLAMBEAU_SHARED "/reference";
  const auto heads = cells(line);
  std::size_t rows = 0;
  while (std::getline(file, line)) {
    const auto row = cells(line);
    const auto at = [&](std::string_view head) {
      return row.at(static_cast<std::size_t>(std::ranges::find(heads, head) - heads.begin()));
    };
    const models::Weights* found = models::find_weights(at("builder"), at("enum"));
    ASSERT_TRUE(found) << at("enum");
    SCOPED_TRACE(at("enum"));
    ++rows;
    EXPECT_EQ(found->url(), at("url"));
    EXPECT_EQ(found->sha256_prefix(), at("sha256_prefix"));
    EXPECT_EQ(std::to_string(found->parameters), at("num_params"));
    if (found->acc1 >= 0) {
      EXPECT_DOUBLE_EQ(found->acc1, std::stod(at("acc1")));
      EXPECT_DOUBLE_EQ(found->acc5, std::stod(at("acc5")));
    }
    EXPECT_DOUBLE_EQ(found->gflops, std::stod(at("gflops")));
    EXPECT_DOUBLE_EQ(found->file_mib, std::stod(at("file_size_mb")));
    EXPECT_EQ(found->is_default, at("is_default") == "1");
    EXPECT_EQ(models::categories(*found).empty(), at("has_categories") != "1");
    const vision::Preset preset = models::transforms(*found);
    EXPECT_EQ(std::to_string(preset.crop) + " " + std::to_string(preset.resize), at("crop") + " " + at("resize"));
    EXPECT_EQ(preset.interpolation == vision::Interpolation::bicubic, at("interpolation") == "bicubic");
    std::istringstream mean(at("mean")), std(at("std"));
    for (std::size_t i = 0; i < 3; ++i) {
      double m = 0, s = 0;
      mean >> m;
      std >> s;
      EXPECT_DOUBLE_EQ(preset.mean[i], m);
      EXPECT_NEAR(preset.std[i], s, 1e-12);
    }
  }
  EXPECT_EQ(rows, models::weights.size());
}

TEST(Categories, AreTorchvisionsInOrder) {
  const auto names = models::categories(models::VGG16_Weights::DEFAULT);
  ASSERT_EQ(names.size(), 1000u);
  std::string joined;
  for (const std::string_view name : names) joined.append(joined.empty() ? "" : "\n").append(name);
  EXPECT_EQ(test::sha256(joined), "0b0f9fee7c952f257418d62aa701f023a9da13b443a14f5c4291e5724d92967c");
  EXPECT_EQ(names[281], "tabby");
  EXPECT_TRUE(models::categories(models::VGG16_Weights::IMAGENET1K_FEATURES).empty());
}

}  // namespace
}  // namespace flambeau
