// Recognition of all eighty builders from bare tensors, whatever wrapped them.
#include <flambeau/recognize.h>

#include <cstdio>
#include <functional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <flambeau/error.h>

#include "models/fingerprints.h"

namespace flambeau {
namespace {

using models::Options;
using models::Recognition;
using models::recognize;

/// Meta tensors of the builder's shapes, under other names if wanted.
StateDict bare(std::string_view builder, const Options& options = {}) {
  const nn::SkipInit skip;
  return models::find(builder)->construct(options)->state_dict();
}

StateDict renamed(const StateDict& state, const std::function<std::string(const std::string&)>& name) {
  StateDict result;
  for (const auto& entry : state) result.set(name(entry.name), entry.tensor);
  return result;
}

std::string recognized(const Recognition& found) {
  return found.recognized() ? std::string(found.builder()->name)
         : found.candidates.empty()
             ? "nothing"
             : "nearest " + std::string(found.candidates[0].builder->name) + ": " + found.candidates[0].to_string();
}

TEST(Fingerprints, AreThoseOfTheBuilders) {
  std::string wanted;
  bool right = true;
  std::set<std::uint64_t> all;
  for (std::size_t i = 0; i < models::builders().size(); ++i) {
    const std::uint64_t print = models::fingerprint(bare(models::builders()[i].name));
    right &= print == models::fingerprint_of(i);
    all.insert(print);
    char line[80];
    std::snprintf(line, sizeof line, "0x%016llxU,  // %s\n", static_cast<unsigned long long>(print),
                  std::string(models::builders()[i].name).c_str());
    wanted += line;
  }
  EXPECT_TRUE(right) << "src/models/fingerprints.inc should hold\n" << wanted;
  EXPECT_EQ(all.size(), 80u) << "two builders with one fingerprint";
}

class Recognize : public testing::TestWithParam<models::Builder> {};

TEST_P(Recognize, FindsTheBuilder) {
  const std::string name(GetParam().name);
  const StateDict state = bare(name);
  const Recognition found = recognize(state);
  EXPECT_EQ(recognized(found), name);
  EXPECT_EQ(found.options.num_classes, 1000);
  EXPECT_EQ(found.candidates.size(), 1u);
  EXPECT_EQ(found.candidates[0].matched, state.size());
  EXPECT_EQ(found.state.size(), state.size());
  EXPECT_THAT(found.notes, testing::IsEmpty());
}

TEST_P(Recognize, FindsItWithAnotherHeadBehindWrappers) {
  const std::string name(GetParam().name);
  const StateDict state = bare(name, {.num_classes = 7});
  for (const std::string prefix : {"module.", "model.", "_orig_mod.", "module._orig_mod.", "net.backbone."}) {
    SCOPED_TRACE(prefix);
    StateDict wrapped = renamed(state, [&](const std::string& key) { return prefix + key; });
    wrapped.set("criterion.weight", Tensor::zeros({7}));
    wrapped.set("n_averaged", Tensor::zeros({}));
    const Recognition found = recognize(wrapped);
    EXPECT_EQ(recognized(found), name);
    EXPECT_EQ(found.options.num_classes, 7);
    EXPECT_EQ(found.state.size(), state.size());
    EXPECT_TRUE(found.state.find(state[0].name));
    EXPECT_FALSE(found.notes.empty());
  }
}

TEST_P(Recognize, FindsItWithoutCountersAndWithWrappersInside) {
  const std::string name(GetParam().name);
  StateDict old;
  for (const auto& entry : bare(name))
    if (!entry.name.ends_with("num_batches_tracked")) {
      const auto dot = entry.name.find('.');  // what the examples of PyTorch do to AlexNet and VGG
      old.set(dot == entry.name.npos ? entry.name : entry.name.substr(0, dot) + ".module" + entry.name.substr(dot),
              entry.tensor);
    }
  const Recognition found = recognize(old);
  EXPECT_EQ(recognized(found), name);
  EXPECT_THAT(found.notes, testing::ElementsAre("took 'module.' out of the names"));
}

INSTANTIATE_TEST_SUITE_P(All, Recognize, testing::ValuesIn(models::builders().begin(), models::builders().end()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(RecognizeVariants, TheNearestIsNamedWhenAWeightDiffers) {
  for (const std::string name : {"vgg16_bn", "resnet50", "swin_v2_s", "mnasnet1_0", "regnet_y_400mf"}) {
    SCOPED_TRACE(name);
    StateDict state = bare(name);
    state.set(state[0].name, Tensor::zeros({1, 2, 3}));
    state.set("extra.weight", Tensor::zeros({1}));
    const Recognition found = recognize(state);
    EXPECT_FALSE(found.recognized());
    ASSERT_FALSE(found.candidates.empty());
    const models::Comparison& nearest = found.candidates[0];
    EXPECT_EQ(nearest.builder->name, name);
    EXPECT_EQ(nearest.matched + 1, nearest.expected);
    EXPECT_THAT(nearest.reshaped, testing::ElementsAre(testing::HasSubstr("(1, 2, 3) for ")));
    EXPECT_THAT(nearest.unexpected, testing::ElementsAre("extra.weight"));
    EXPECT_THAT([&] { models::require(found); },
                testing::ThrowsMessage<Error>(testing::HasSubstr("nearest is " + name + ": ")));
  }
}

TEST(RecognizeVariants, AuxiliaryHeadsImageAndRepresentationSizes) {
  for (const char* name : {"googlenet", "inception_v3"})
    for (const bool aux : {true, false}) {
      const Recognition found = recognize(bare(name, {.aux_logits = aux}));
      EXPECT_EQ(recognized(found), name);
      EXPECT_EQ(found.options.aux_logits, aux);
    }
  const Recognition large = recognize(bare("vit_b_16", {.image_size = 384}));
  EXPECT_EQ(recognized(large), "vit_b_16");
  EXPECT_EQ(large.options.image_size, 384);
  EXPECT_EQ(recognize(bare("vit_h_14", {.image_size = 518})).options.image_size, 518);
  const Recognition features = recognize(bare("vit_b_32", {.num_classes = 3, .representation_size = 64}));
  EXPECT_EQ(recognized(features), "vit_b_32");
  EXPECT_EQ(features.options.representation_size, 64);
  EXPECT_EQ(features.options.num_classes, 3);
}

TEST(RecognizeVariants, AuxiliaryHeadsOfOtherClassesAreLeftOut) {
  for (const auto& [name, heads] : {std::pair("googlenet", 20u), std::pair("inception_v3", 14u)}) {
    StateDict state = bare(name);
    state.set("fc.weight", Tensor::zeros({9, state["fc.weight"].size(1)}));  // published weights with a new `fc`
    state.set("fc.bias", Tensor::zeros({9}));
    for (const Recognition& found : {recognize(state), recognize(state, *models::find(name))}) {
      EXPECT_EQ(recognized(found), name);
      EXPECT_EQ(found.options.num_classes, 9);
      EXPECT_EQ(found.options.aux_logits, false);
      EXPECT_EQ(found.state.size() + heads, state.size());
      EXPECT_THAT(found.notes, testing::ElementsAre(testing::HasSubstr("left out " + std::to_string(heads) +
                                                                       " tensors of auxiliary heads")));
    }
  }
}

TEST(RecognizeVariants, NamesOfOlderVersions) {
  const auto old_densenet = renamed(bare("densenet121"), [](std::string key) {
    if (key.find("denselayer") == key.npos) return key;
    for (const std::string part : {"norm1", "norm2", "conv1", "conv2"})
      if (const auto at = key.find("." + part + "."); at != key.npos) key.insert(at + part.size(), ".");
    return key;
  });
  EXPECT_TRUE(old_densenet.find("features.denseblock1.denselayer1.norm.1.weight"));
  EXPECT_EQ(recognized(recognize(old_densenet)), "densenet121");
  const auto old_vit = renamed(bare("vit_b_32"), [](std::string key) {
    for (const auto& [now, then] : {std::pair(".mlp.0.", ".mlp.linear_1."), std::pair(".mlp.3.", ".mlp.linear_2.")})
      if (const auto at = key.find(now); at != key.npos) key.replace(at, 7, then);
    return key;
  });
  EXPECT_TRUE(old_vit.find("encoder.layers.encoder_layer_0.mlp.linear_1.weight"));
  EXPECT_EQ(recognized(recognize(old_vit)), "vit_b_32");
}

TEST(RecognizeVariants, MetadataFollowTheNames) {
  StateDict state = renamed(bare("resnet18"), [](const std::string& key) { return "module.net." + key; });
  state.set_metadata({{"", 1}, {"module", 1}, {"module.net", 1}, {"module.net.bn1", 2}, {"criterion", 1}});
  const Recognition found = recognize(state);
  EXPECT_EQ(found.prefix, "net.");
  EXPECT_EQ(found.state.version("bn1"), 2);
  EXPECT_EQ(found.state.version(""), 1);
  EXPECT_EQ(found.state.metadata().size(), 2u);
  // MNASNet asks for its version: bare tensors get it.
  EXPECT_EQ(recognize(bare("mnasnet0_5")).state.version(""), 2);
  StateDict without = renamed(bare("mnasnet0_5"), [](const std::string& key) { return key; });
  EXPECT_FALSE(without.has_metadata());
  EXPECT_EQ(recognize(without).state.version(""), 2);
}

TEST(RecognizeVariants, TwoModelsInOneFile) {
  StateDict both;
  for (const auto& entry : bare("resnet18")) {
    both.set("teacher." + entry.name, entry.tensor);
    both.set("student." + entry.name, entry.tensor);
  }
  const Recognition found = recognize(both);
  EXPECT_EQ(recognized(found), "resnet18");
  EXPECT_THAT(found.notes, testing::Contains("'student.' holds such weights too"));
}

TEST(RecognizeVariants, AGivenBuilderIsCompared) {
  const Recognition right = recognize(bare("resnet34", {.num_classes = 3}), *models::find("resnet34"));
  EXPECT_TRUE(right.recognized());
  EXPECT_EQ(right.options.num_classes, 3);
  const Recognition wrong = recognize(bare("resnet34"), *models::find("resnet18"));
  EXPECT_FALSE(wrong.recognized());
  EXPECT_EQ(wrong.candidates[0].builder->name, "resnet18");
  EXPECT_EQ(wrong.candidates[0].matched, wrong.candidates[0].expected);
  EXPECT_FALSE(wrong.candidates[0].unexpected.empty());
}

TEST(RecognizeVariants, HostileNamesAreJustNames) {
  StateDict state;
  for (const std::string name : {"", ".", "..", "module.", "module", "module.module.", "conv1.weight", ".conv1.weight"})
    state.set(name, Tensor::zeros({1}));
  for (int i = 0; i < 2000; ++i) state.set(std::to_string(i) + ".conv1.weight", Tensor::zeros({}));
  state.set_extra("none", Value());
  const Recognition found = recognize(state);
  EXPECT_FALSE(found.recognized());
  EXPECT_THROW(models::require(found), Error);
  EXPECT_FALSE(recognize({}).recognized());
  EXPECT_THAT([] { models::require(recognize({})); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("of no known model")));
}

}  // namespace
}  // namespace flambeau
