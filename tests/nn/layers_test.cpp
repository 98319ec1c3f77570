// Every layer against PyTorch 2.13: initial values at seed 0, state_dict names, print.
#include <gtest/gtest.h>

#include "nn/layer_cases.h"
#include "nn/pickle.h"

namespace flambeau::nn {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) c == '\n' ? out += "\\n" : out += c;
  return out;
}

std::string state_hash(const Module& module) {
  std::uint64_t hash = test::fnv("");
  for (const auto& entry : module.state_dict()) {
    hash = test::fnv(entry.name + " " + python_repr(entry.tensor.shape()) + "\n", hash);
    hash = test::fnv(entry.tensor, hash);
  }
  std::ostringstream text;
  text << std::hex << hash;
  return text.str();
}

class Layers : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(Layers, AreInitialisedAndPrintedAsInPython) {
  const auto& row = GetParam();
  const ModulePtr module = test::make(row[0]);
  ASSERT_TRUE(module) << "no case for " << row[0];
  EXPECT_EQ(state_hash(*module), row[1]);
  EXPECT_EQ(escaped(module->repr()), row[3]);
}

TEST_P(Layers, SurviveThePickledForm) {
  const auto& row = GetParam();
  const ModulePtr module = test::make(row[0]);
  ASSERT_TRUE(module);
  module->eval();
  const auto heap = std::make_shared<object::Heap>();
  const ModulePtr back = from_object(Value(heap, to_object(*heap, *module)));
  EXPECT_EQ(back->class_name(), module->class_name());
  EXPECT_FALSE(back->training());
  EXPECT_EQ(escaped(back->repr()), row[3]);
  EXPECT_EQ(state_hash(*back), row[1]);
  EXPECT_TRUE(back->attributes().empty()) << back->attributes().front().first;
}

TEST_P(Layers, DrawNothingUnderSkipInit) {
  const auto& row = GetParam();
  manual_seed(3);
  const auto untouched = default_generator().state();
  ModulePtr bare;
  {
    const SkipInit skip;
    bare = std::find_if(std::begin(test::cases), std::end(test::cases), [&](const auto& c) {
             return c.name == row[0];
           })->make();
  }
  EXPECT_TRUE(default_generator().state().equal(untouched));
  const ModulePtr full = test::make(row[0]);
  EXPECT_TRUE(bare->load_state_dict(full->state_dict()).missing_keys.empty());
  EXPECT_EQ(state_hash(*bare), row[1]);
}

INSTANTIATE_TEST_SUITE_P(Torch, Layers, testing::ValuesIn(test::rows(FLAMBEAU_TEST_DATA "/layers.tsv")),
                         [](const auto& row) { return row.param[0]; });

TEST(LayerCases, GoldenFileNamesEveryCase) {
  EXPECT_EQ(test::rows(FLAMBEAU_TEST_DATA "/layers.tsv").size(), std::size(test::cases));
}

}  // namespace
}  // namespace flambeau::nn
