// Texts and rules of load_state_dict; every text is PyTorch 2.13's for the same case.
#include <gtest/gtest.h>

#include <flambeau/error.h>

#include "nn/layer_cases.h"

namespace flambeau::nn {
namespace {

ModulePtr net() {
  manual_seed(0);
  return std::make_shared<Sequential>(
      NamedModules{{"fc1", std::make_shared<Linear>(2, 3)},
                   {"bn", std::make_shared<BatchNorm1d>(3)},
                   {"sub", std::make_shared<Sequential>(Modules{std::make_shared<Linear>(3, 1)})}});
}

std::string failure(Module& module, const StateDict& state, const LoadStateDictOptions& options = {}) {
  try {
    return module.load_state_dict(state, options).to_string();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::mismatch);
    return error.what();
  }
}

TEST(LoadStateDict, SaysWhatPyTorchSays) {
  StateDict state = net()->state_dict();
  state.erase("fc1.bias");
  state.set("extra", test::filled({1}, 1));
  state.set("fc1.other", test::filled({1}, 1));
  state.set_extra("sub.0._extra_state", Value(3));
  state.set("fc1.weight", test::filled({3, 3}, 1));
  state.set("sub.7.weight", test::filled({1}, 1));
  state.set("sub.0.x.y", test::filled({1}, 1));
  const std::string mismatch =
      "\n\tsize mismatch for fc1.weight: copying a param with shape torch.Size([3, 3]) from checkpoint, the shape in "
      "current model is torch.Size([3, 2]).";
  EXPECT_EQ(failure(*net(), state),
            "Error(s) in loading state_dict for Sequential:\n\tMissing key(s) in state_dict: \"fc1.bias\". "
            "\n\tUnexpected key(s) in state_dict: \"extra\", \"fc1.other\", \"sub.7.weight\", \"sub.0._extra_state\", "
            "\"sub.0.x.y\". " +
                mismatch);
  EXPECT_EQ(failure(*net(), state, {.strict = false}), "Error(s) in loading state_dict for Sequential:" + mismatch);
}

TEST(LoadStateDict, ListsKeysWithoutStrict) {
  StateDict state = net()->state_dict();
  EXPECT_EQ(failure(*net(), state), "<All keys matched successfully>");
  state.erase("fc1.bias");
  state.set_extra("q", Value(1));
  EXPECT_EQ(failure(*net(), state, {.strict = false}),
            "_IncompatibleKeys(missing_keys=['fc1.bias'], unexpected_keys=['q'])");
}

TEST(LoadStateDict, RefusesValuesThatAreNoTensors) {
  StateDict state = net()->state_dict();
  state.set_extra("fc1.weight", Value(3));
  EXPECT_EQ(
      failure(*net(), state),
      "Error(s) in loading state_dict for Sequential:\n\tWhile copying the parameter named \"fc1.weight\", expected "
      "torch.Tensor or Tensor-like object from checkpoint but received <class 'int'>");
}

TEST(LoadStateDict, RefusesWhatCannotBeCopied) {
  const auto linear = [] { return std::make_shared<Linear>(3, 2, LinearOptions{.bias = false}); };
  const auto why = [&](const Tensor& source, Module& module, bool assign) {
    StateDict state;
    state.set("weight", source);
    const std::string text = failure(module, state, {.assign = assign});
    const std::size_t at = text.find("an exception occurred : ");
    return at == text.npos ? text : text.substr(at + 24);
  };
  const std::string all = "<All keys matched successfully>", meta = "('Cannot copy out of meta tensor; no data!',).",
                    grad = "('Only Tensors of floating point and complex dtype can require gradients',).";
  const Tensor empty = Tensor::meta({2, 3}, DType::float32), whole = Tensor::zeros({2, 3}, DType::int8),
               quantized = Tensor::zeros({2, 3}, DType::qint8);
  EXPECT_EQ(why(empty, *linear(), false), meta);
  EXPECT_EQ(why(empty, *linear(), true), all);
  EXPECT_EQ(why(quantized, *linear(), false),
            "('Copying from quantized Tensor to non-quantized Tensor is not allowed, please use dequantize to get a "
            "float Tensor from a quantized Tensor',).");
  EXPECT_EQ(why(quantized, *linear(), true), grad);
  EXPECT_EQ(why(whole, *linear(), true), grad);
  EXPECT_EQ(why(whole, *linear(), false), all);
  const auto frozen = linear();
  frozen->weight().set_requires_grad(false);
  EXPECT_EQ(why(whole, *frozen, true), all);
  const auto later = [&] {
    const SkipInit skip;
    return linear();
  }();
  EXPECT_EQ(why(empty, *later, false), all);
}

TEST(LoadStateDict, ChangesNothingWhenItFails) {
  const ModulePtr module = net();
  const StateDict before = module->state_dict();
  const Tensor weight = before["sub.0.weight"].clone(), first = before["fc1.weight"].clone();
  StateDict state = net()->state_dict();
  state.set("sub.0.weight", test::filled({1, 3}, 9));
  state.erase("fc1.bias");
  EXPECT_THROW(module->load_state_dict(state), Error);
  EXPECT_TRUE(module->state_dict()["sub.0.weight"].equal(weight));
  state = net()->state_dict();
  state.set("fc1.weight", test::filled({3, 2}, 9));
  state.set("sub.0.weight", Tensor::zeros({1, 3}, DType::qint8));
  EXPECT_THROW(module->load_state_dict(state), Error);
  EXPECT_TRUE(module->state_dict()["fc1.weight"].equal(first));
}

TEST(LoadStateDict, BatchNormFillsItsCounterForOldVersionsOnly) {
  StateDict state = net()->state_dict();
  state.erase("bn.num_batches_tracked");
  EXPECT_EQ(failure(*net(), state),
            "Error(s) in loading state_dict for Sequential:\n\tMissing key(s) in state_dict: "
            "\"bn.num_batches_tracked\". ");
  StateDict without;  // no _metadata: version None
  for (const auto& entry : state) without.set(entry.name, entry.tensor);
  EXPECT_EQ(failure(*net(), without), "<All keys matched successfully>");
  auto metadata = state.metadata();
  for (auto& row : metadata) row.version = 1;
  state.set_metadata(metadata);
  EXPECT_EQ(failure(*net(), state), "<All keys matched successfully>");
}

TEST(LoadStateDict, InstanceNormExplainsOldStatistics) {
  StateDict state;
  state.set("running_mean", test::filled({2}, 1));
  state.set("running_var", test::filled({2}, 1));
  const std::string text = failure(*std::make_shared<InstanceNorm1d>(2), state);
  EXPECT_TRUE(
      text.starts_with("Error(s) in loading state_dict for InstanceNorm1d:\n\tUnexpected running stats buffer(s) "
                       "\"running_mean\" and \"running_var\" for InstanceNorm1d with track_running_stats=False."))
      << text;
}

TEST(LoadStateDict, AParameterThatIsNoneIsUnexpected) {
  const auto linear = std::make_shared<Linear>(2, 2, LinearOptions{.bias = false});
  StateDict state;
  state.set("weight", test::filled({2, 2}, 1));
  state.set("bias", test::filled({2}, 1));
  EXPECT_EQ(failure(*linear, state),
            "Error(s) in loading state_dict for Linear:\n\tUnexpected key(s) in state_dict: \"bias\". ");
}

TEST(LoadStateDict, AdvisesAboutACommonPrefix) {
  StateDict state;
  for (const auto& entry : net()->state_dict()) state.set("module." + entry.name, entry.tensor);
  const std::string text = failure(*net(), state);
  EXPECT_TRUE(text.ends_with("\n(every unexpected key begins with \"module.\": strip it)")) << text;
}

TEST(LoadStateDict, AdvisesAboutAPrefixThatIsLacking) {
  StateDict state;
  state.set("weight", test::filled({1, 3}, 1));
  state.set("bias", test::filled({1}, 1));
  const auto wrapped = std::make_shared<Sequential>(NamedModules{{"model", std::make_shared<Linear>(3, 1)}});
  const std::string text = failure(*wrapped, state);
  EXPECT_TRUE(text.ends_with("\n(every missing key begins with \"model.\", which the state_dict's keys lack)")) << text;
}

TEST(LoadStateDict, AdvisesAboutNearNames) {
  StateDict state;
  for (const auto& entry : net()->state_dict())
    state.set(entry.name == "fc1.weight" ? "fc1.wieght" : entry.name, entry.tensor);
  const std::string text = failure(*net(), state);
  EXPECT_TRUE(text.ends_with("\n(\"fc1.wieght\" may be \"fc1.weight\")")) << text;
}

TEST(LoadStateDict, AcceptsOneElementForAScalar) {
  StateDict state = net()->state_dict();
  const std::int64_t count[] = {5};
  state.set("bn.num_batches_tracked", Tensor::of<std::int64_t>({1}, count));
  const ModulePtr module = net();
  module->load_state_dict(state);
  EXPECT_EQ(module->child("bn")->buffer("num_batches_tracked").item(), 5);
  EXPECT_TRUE(module->child("bn")->buffer("num_batches_tracked").shape().empty());
}

TEST(LoadStateDict, CopyConvertsAndKeepsOurStorage) {
  const auto linear = std::make_shared<Linear>(2, 2);
  const auto storage = linear->weight().storage();
  StateDict state;
  const double values[] = {1, 2, 3, 4};
  state.set("weight", Tensor::of<double>({2, 2}, values));
  state.set("bias", Tensor::of<double>({2}, std::span(values).first(2)));
  linear->load_state_dict(state);
  EXPECT_EQ(linear->weight().storage(), storage);
  EXPECT_EQ(linear->weight().dtype(), DType::float32);
  EXPECT_EQ(linear->weight().data<float>()[3], 4.0f);
  EXPECT_TRUE(linear->weight().requires_grad());
}

TEST(LoadStateDict, AssignTakesTheCheckpointsTensors) {
  const auto linear = std::make_shared<Linear>(2, 2);
  StateDict state;
  const double values[] = {1, 2, 3, 4};
  state.set("weight", Tensor::of<double>({2, 2}, values));
  state.set("bias", Tensor::of<double>({2}, std::span(values).first(2)));
  linear->load_state_dict(state, {.assign = true});
  EXPECT_EQ(linear->weight().storage(), state["weight"].storage());
  EXPECT_EQ(linear->weight().dtype(), DType::float64);
  EXPECT_TRUE(linear->weight().requires_grad());
}

TEST(LoadStateDict, KeepsTiesInsideTheModule) {
  const auto a = std::make_shared<Linear>(3, 3, LinearOptions{.bias = false});
  const auto b = std::make_shared<Linear>(3, 3, LinearOptions{.bias = false});
  b->weight() = a->weight();
  const auto both = std::make_shared<Sequential>(Modules{a, b, a});
  StateDict state = both->state_dict();
  EXPECT_EQ(state.size(), 3u);
  EXPECT_EQ(both->parameter_count(), 9u);
  EXPECT_EQ(both->named_modules().size(), 3u);
  EXPECT_EQ(both->named_parameters().size(), 1u);
  StateDict values;
  for (const char* name : {"0.weight", "1.weight", "2.weight"}) values.set(name, test::filled({3, 3}, 7));
  both->load_state_dict(values);
  EXPECT_EQ(a->weight().storage(), b->weight().storage());
  EXPECT_EQ(b->weight().data<float>()[8], 7.0f);
}

TEST(LoadStateDict, CopiesLargeTensorsInTwoThreads) {
  ModulePtr target;
  {
    const SkipInit skip;
    target =
        std::make_shared<Sequential>(Modules{std::make_shared<Linear>(700, 700), std::make_shared<Linear>(700, 500)});
  }
  manual_seed(1);
  const auto source =
      std::make_shared<Sequential>(Modules{std::make_shared<Linear>(700, 700), std::make_shared<Linear>(700, 500)});
  target->load_state_dict(source->state_dict());
  for (const auto& entry : source->state_dict()) EXPECT_TRUE(target->state_dict()[entry.name].equal(entry.tensor));
}

TEST(StateDict, HasPythonsMetadata) {
  const StateDict state = net()->state_dict();
  ASSERT_EQ(state.metadata().size(), 5u);
  EXPECT_EQ(state.version(""), 1);
  EXPECT_EQ(state.version("bn"), 2);
  EXPECT_EQ(state.version("sub.0"), 1);
  EXPECT_FALSE(state[0].tensor.requires_grad());
}

TEST(StateDict, NamesParametersInPythonsOrder) {
  const ModulePtr module = net();
  std::string names;
  for (const auto& [name, tensor] : module->named_parameters()) names += name + " ";
  EXPECT_EQ(names, "fc1.weight fc1.bias bn.weight bn.bias sub.0.weight sub.0.bias ");
}

TEST(StateDict, LeavesOutTransientBuffers) {
  const auto module = std::make_shared<Sequential>();
  module->register_buffer("kept", test::filled({1}, 1));
  module->register_buffer("left", test::filled({1}, 1), false);
  EXPECT_EQ(module->state_dict().size(), 1u);
}

}  // namespace
}  // namespace flambeau::nn
