// Networks outside the library, with weights that other people published, against PyTorch's answers on the photographs.

#include <cmath>
#include <filesystem>

#include <unistd.h>

#include <gtest/gtest.h>
#include <simdjson.h>

#include "../../examples/cifar_resnet.h"
#include "../../examples/efficientnet_lite0.h"
#include "../../examples/own_network.h"

#include <flambeau/error.h>
#include <flambeau/models.h>

namespace flambeau {
namespace {

const std::string folder = std::string(FLAMBEAU_SHARED) + "/checkpoints/";

nn::ModulePtr network_of(std::string_view checkpoint) {
  if (checkpoint.starts_with("resnet-cifar10/")) return std::make_shared<cifar::ResNet>(20);
  if (checkpoint.starts_with("efficientnet-lite0/")) return std::make_shared<lite0::EfficientNetLite0>();
  return nullptr;
}

vision::Preset preset_of(simdjson::dom::element steps) {
  vision::Preset preset{.resize = steps["resize"].get_int64(), .crop = steps["crop"].get_int64()};
  for (std::size_t i = 0; i < 3; ++i) {
    preset.mean[i] = steps["mean"].at(i).get_double();
    preset.std[i] = steps["std"].at(i).get_double();
  }
  if (steps["interpolation"].get_string().value() == "bicubic") preset.interpolation = vision::Interpolation::bicubic;
  return preset;
}

TEST(OwnNetworks, GivePyTorchsAnswersOnThePhotos) {
  if (!std::filesystem::exists(folder + "answers.json")) GTEST_SKIP() << "no reference answers in " << folder;
  simdjson::dom::parser parser;
  const simdjson::dom::element answers = parser.load(folder + "answers.json");
  int asked = 0;
  for (const auto row : answers["models"].get_array()) {
    const std::string checkpoint(row["checkpoint"].get_string().value());
    const nn::ModulePtr network = network_of(checkpoint);
    if (!network) continue;
    const Model model = own_network::with_weights(network, folder + checkpoint);
    const vision::Preset preset = preset_of(row["preprocessing"]);
    for (const auto photo : row["photos"].get_object()) {
      SCOPED_TRACE(checkpoint + " " + std::string(photo.key));
      const Tensor logits = model(vision::preprocess(folder + "photos/" + std::string(photo.key), preset));
      const auto best = predict::top_k(logits, 5)[0];
      std::size_t place = 0;
      for (const auto expected : photo.value["top5"].get_array()) {
        const predict::Class& found = best.at(place++);
        EXPECT_EQ(found.index, expected["class"].get_int64().value());
        EXPECT_NEAR(found.score, expected["logit"].get_double().value(), 2e-4);
      }
      double squares = 0;
      for (const float value : logits.data<float>()) squares += static_cast<double>(value) * value;
      EXPECT_NEAR(std::sqrt(squares), photo.value["l2"].get_double().value(), 1e-3);
      ++asked;
    }
  }
  EXPECT_EQ(asked, 3 * 4);
}

TEST(OwnNetworks, EachDepthHasItsPublishedNumberOfParameters) {
  constexpr std::pair<int, std::uint64_t> published[] = {
      {20, 269'722}, {32, 464'154}, {44, 658'586}, {56, 853'018}, {110, 1'727'962}};
  for (const auto& [depth, parameters] : published) EXPECT_EQ(cifar::ResNet(depth).parameter_count(), parameters);
  EXPECT_THROW(cifar::ResNet(21), Error);
}

TEST(OwnNetworks, SameConvolutionsHalveEvenAndOddSizes) {
  for (const std::int64_t size : {1, 6, 7, 224})
    for (const std::int64_t kernel : {1, 3, 5}) {
      graph::Graph graph;
      const auto conv = std::make_shared<lite0::SameConv2d>(2, 4, kernel, 2);
      EXPECT_EQ((*conv)(graph.input({1, 2, size, size})).shape(), (Shape{1, 4, (size + 1) / 2, (size + 1) / 2}));
    }
}

TEST(OwnNetworks, ComeBackFromWholeModelFiles) {
  manual_seed(0);
  Model model(std::make_shared<lite0::EfficientNetLite0>(3));
  model.eval();
  const std::string path = testing::TempDir() + "/own_" + std::to_string(::getpid()) + ".pth";
  save(model, path);
  const nn::ClassRow own[] = {nn::class_row<lite0::EfficientNetLite0>("lite0", "EfficientNetLite0"),
                              nn::class_row<lite0::MBConvBlock>("lite0", "MBConvBlock"),
                              nn::class_row<lite0::SameConv2d>("lite0", "SameConv2d")};
  const Model back = load_model(path, {}, own);
  const Tensor x = rand({1, 3, 64, 64});
  EXPECT_TRUE(back(x).equal(model(x)));
  EXPECT_EQ(back.repr(), model.repr());
  EXPECT_THROW(load_model(path)(x), Error) << "a class that is not told cannot run";
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace flambeau
