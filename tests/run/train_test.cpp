// Train mode against torch (make_train.py): outputs with torch's own masks, running statistics, and how much was drawn.

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "models/blocks.h"

#include <flambeau/init.h>
#include <flambeau/models.h>
#include <flambeau/predict.h>

namespace flambeau {
namespace {

struct Output {
  std::string name;
  Shape shape;
  double norm = 0;
  std::vector<double> first;
};
struct Case {
  std::string name;
  Shape input;
  std::vector<Output> outputs;
  std::vector<double> buffers;
  double next = 0;
};

std::vector<double> numbers(const std::string& text) {
  std::istringstream in(text);
  std::vector<double> all;
  for (double value; in >> value;) all.push_back(value);
  return all;
}
Shape shape_of(const std::string& text) {
  Shape shape;
  for (const double size : numbers(text)) shape.push_back(static_cast<std::int64_t>(size));
  return shape;
}

std::vector<Case> cases() {
  std::ifstream file(FLAMBEAU_TEST_DATA "/train.tsv");
  std::vector<Case> all;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, '\t');) cells.push_back(cell);
    if (cells[0] == "case") all.push_back({cells[1], shape_of(cells[2])});
    if (cells[0] == "output")
      all.back().outputs.push_back({cells[1], shape_of(cells[2]), std::stod(cells[3]), numbers(cells[4])});
    if (cells[0] == "buffers") all.back().buffers = numbers(cells[1]);
    if (cells[0] == "next") all.back().next = std::stod(cells[1]);
  }
  return all;
}

/// Queries, keys and values from one input.
class SelfAttention : public nn::Module {
 public:
  SelfAttention() {
    register_module("attention", std::make_shared<nn::MultiheadAttention>(
                                     8, 2, nn::MultiheadAttentionOptions{.dropout = 0.25, .batch_first = true}));
  }
  nn::Var forward(nn::Var x) override { return call("attention", x); }
  std::string_view python_module() const override { return "__main__"; }
  std::string_view class_name() const override { return "SelfAttention"; }
};

template <class M, class... Args>
std::function<nn::ModulePtr()> with(Args... args) {
  return [=]() -> nn::ModulePtr { return std::make_shared<M>(args...); };
}

nn::ModulePtr make(const std::string& name) {
  static const std::map<std::string, std::function<nn::ModulePtr()>> layers = {
      {"Dropout", with<nn::Dropout>(0.3)},
      {"Dropout all", with<nn::Dropout>(1.0)},
      {"Dropout1d", with<nn::Dropout1d>(0.4)},
      {"Dropout1d unbatched", with<nn::Dropout1d>(0.4)},
      {"Dropout2d", with<nn::Dropout2d>(0.4)},
      {"Dropout2d of 3", with<nn::Dropout2d>(0.4)},
      {"Dropout3d", with<nn::Dropout3d>(0.4)},
      {"Dropout3d unbatched", with<nn::Dropout3d>(0.4)},
      {"AlphaDropout", with<nn::AlphaDropout>(0.2)},
      {"FeatureAlphaDropout", with<nn::FeatureAlphaDropout>(0.3)},
      {"BatchNorm1d", with<nn::BatchNorm1d>(3)},
      {"BatchNorm2d", with<nn::BatchNorm2d>(3, nn::BatchNormOptions{.eps = 1e-3, .momentum = 0.3})},
      {"BatchNorm3d", with<nn::BatchNorm3d>(2)},
      {"BatchNorm2d cumulative", with<nn::BatchNorm2d>(3, nn::BatchNormOptions{.momentum = std::nullopt})},
      {"BatchNorm2d untracked", with<nn::BatchNorm2d>(3, nn::BatchNormOptions{.track_running_stats = false})},
      {"InstanceNorm2d tracked",
       with<nn::InstanceNorm2d>(3, nn::InstanceNormOptions{.affine = true, .track_running_stats = true})},
      {"StochasticDepth row", with<models::StochasticDepth>(0.5, std::string("row"))},
      {"StochasticDepth batch", with<models::StochasticDepth>(0.5, std::string("batch"))},
      {"SelfAttention", with<SelfAttention>()},
      {"TransformerEncoderLayer",
       with<nn::TransformerEncoderLayer>(
           8, 2, nn::TransformerLayerOptions{.dim_feedforward = 12, .dropout = 0.2, .batch_first = true})},
  };
  if (const auto found = layers.find(name); found != layers.end()) return found->second();
  const models::Builder* builder = models::find(name);
  return builder ? builder->construct({}) : nullptr;
}

class TrainMode : public testing::TestWithParam<Case> {};

TEST_P(TrainMode, GivesTorchsNumbers) {
  const Case& expected = GetParam();
  manual_seed(0);
  const Model model(make(expected.name));
  ASSERT_TRUE(model.operator->());
  Tensor x = Tensor::uninitialized(expected.input);
  const auto values = x.mutable_data<float>();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(std::sin(0.37 * static_cast<double>(i) + 0.1));
  manual_seed(7);
  if (expected.name == "BatchNorm2d cumulative") model(x);
  const std::vector<Model::Output> found = model.outputs(x);
  ASSERT_EQ(found.size(), expected.outputs.size());
  // Inception's auxiliary head normalises channels of two values, which makes differences of rounding grow: other
  // instructions (Zen 4's, here) move its norm by 1.2e-4, and the sum of its running means.
  const bool grows = expected.name == "inception_v3";
  for (std::size_t k = 0; k < found.size(); ++k) {
    const Output& wanted = expected.outputs[k];
    if (found.size() > 1) {
      EXPECT_EQ(found[k].name, wanted.name);
    }
    EXPECT_EQ(found[k].tensor.shape(), wanted.shape);
    const Tensor dense = found[k].tensor.contiguous();
    double squares = 0;
    for (const float value : dense.data<float>()) squares += static_cast<double>(value) * value;
    const double norm = std::sqrt(squares);
    EXPECT_NEAR(norm, wanted.norm, (grows ? 1e-3 : 1e-4) * wanted.norm) << wanted.name;
    const double share = grows ? 3e-2 : 2e-3;
    const double slack = 2e-6 + share * wanted.norm / std::sqrt(static_cast<double>(dense.numel()));
    for (std::size_t i = 0; i < wanted.first.size(); ++i)
      EXPECT_NEAR(dense.data<float>()[i], wanted.first[i], slack) << wanted.name << " element " << i;
  }
  double sums[3] = {0, 0, 0};
  for (const auto& entry : model.state_dict())
    for (int k = 0; k < 3; ++k)
      if (entry.name.ends_with(
              std::array{"running_mean", "running_var", "num_batches_tracked"}[static_cast<std::size_t>(k)])) {
        const Tensor dense = entry.tensor.to(DType::float32).contiguous();
        for (const float value : dense.data<float>()) sums[k] += value;
      }
  for (std::size_t k = 0; k < 3; ++k)
    EXPECT_NEAR(sums[k], expected.buffers[k], (grows ? 2e-2 : 5e-3) + 1e-4 * std::abs(expected.buffers[k])) << k;
  EXPECT_FLOAT_EQ(rand({1}).data<float>()[0], static_cast<float>(expected.next)) << "another number of draws";
}

INSTANTIATE_TEST_SUITE_P(Torch, TrainMode, testing::ValuesIn(cases()), [](const auto& row) {
  std::string name = row.param.name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
});

TEST(TrainModeOutputs, AuxiliaryHeadsAreThereInTrainModeOnly) {
  for (const auto& [name, side] : {std::pair("googlenet", 32), std::pair("inception_v3", 299)}) {
    const nn::SkipInit skip;
    const nn::ModulePtr module = models::find(name)->construct({});
    for (auto& [path, each] : module->named_modules())
      for (auto& parameter : each->parameters())
        if (parameter.tensor.defined()) parameter.tensor = Tensor::zeros(parameter.tensor.shape());
    graph::Graph graph;
    const nn::Var x = graph.input({2, 3, side, side});
    EXPECT_GT(module->outputs(x).size(), 1u) << name;
    module->eval();
    EXPECT_EQ(module->outputs(x).size(), 1u) << name;
    EXPECT_EQ((*models::find(name)->construct({.aux_logits = false})).children().size() + (name[0] == 'g' ? 2 : 1),
              module->children().size());
  }
}

TEST(TrainModeOutputs, EachCallDrawsAnewAndNothingIsKept) {
  Model model(std::make_shared<nn::Dropout>(0.5));
  const Tensor x = rand({100});
  EXPECT_FALSE(model(x).equal(model(x)));
  manual_seed(1);
  const Tensor once = model(x);
  manual_seed(1);
  EXPECT_TRUE(model(x).equal(once));
  EXPECT_TRUE(model.eval()(x).equal(x));
}

TEST(TrainModeOutputs, RReLUDrawsASlopeForEachElement) {
  Model model(std::make_shared<nn::RReLU>(0.25, 0.75));
  std::vector<float> values(1000, -2.0F);
  values[0] = 3;
  values[1] = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::of<float>({1000}, values);
  const Tensor y = model(x);
  const std::span<const float> found = y.data<float>();
  EXPECT_EQ(found[0], 3);
  EXPECT_EQ(found[1], values[1]);
  const auto [least, largest] = std::ranges::minmax(found.subspan(2));
  EXPECT_GE(least, -2 * 0.75F);
  EXPECT_LE(largest, -2 * 0.25F);
  EXPECT_GT(largest - least, 0.9F) << "the slopes fill their range";
  EXPECT_FALSE(model(x).equal(y));
  const Tensor mean = model.eval()(x);
  EXPECT_EQ(mean.data<float>()[2], -1);
}

/// One layer twice, another never.
class Twice : public nn::Module {
 public:
  Twice() {
    register_module("used", std::make_shared<nn::BatchNorm1d>(2, nn::BatchNormOptions{.momentum = std::nullopt}));
    register_module("unused", std::make_shared<nn::BatchNorm1d>(2));
  }
  nn::Var forward(nn::Var x) override { return call("used", call("used", x)); }
  std::string_view python_module() const override { return "__main__"; }
  std::string_view class_name() const override { return "Twice"; }
};

TEST(TrainMode, BatchNormCountsItsCalls) {
  const Model model(std::make_shared<Twice>());
  const Tensor x = Tensor::of<float>({2, 2}, std::vector<float>{1, 2, 5, 10});
  model(x);
  // The mean of the means (3, 6) and (0, 0).
  const StateDict state = model.state_dict();
  EXPECT_EQ(state["used.num_batches_tracked"].item(), 2);
  EXPECT_NEAR(state["used.running_mean"].data<float>()[0], 1.5, 1e-6);
  EXPECT_NEAR(state["used.running_mean"].data<float>()[1], 3, 1e-6);
  EXPECT_EQ(state["unused.num_batches_tracked"].item(), 0);
  model(x);
  EXPECT_EQ(state["used.num_batches_tracked"].item(), 4);
  EXPECT_NEAR(state["used.running_mean"].data<float>()[0], 1.5, 1e-6);
}

}  // namespace
}  // namespace flambeau
