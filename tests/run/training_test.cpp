// General checkpoints: read with types, built anew from nothing but these types, byte for byte what torch wrote; and
// PyTorch, where there is one, resumes from them.
#include <gmock/gmock.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <flambeau/lr_scheduler.h>
#include <flambeau/optim.h>

namespace flambeau {
namespace {

namespace fs = std::filesystem;
const fs::path goldens = fs::path(FLAMBEAU_TEST_DATA) / "training";

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class O>
Value rebuilt_optimizer(const Value& value) {
  const optim::Optimizer from(value);
  optim::Optimizer to;
  for (std::size_t i = 0; i < from.groups(); ++i) {
    const auto names = from.param_names(i);
    const auto group = from.group<O>(i);
    names.empty() ? to.add_group(group, from.params(i).size()) : to.add_group(group, names);
    // What schedulers left there, in the order in which they did.
    const std::set<std::string_view> left = {"initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum"};
    const Value entries = value["param_groups"].at(i);
    for (std::size_t e = 0; e < entries.size(); ++e)
      if (const auto [key, entry] = entries.item(e); left.contains(key.as_string())) to.set(i, key.as_string(), entry);
    for (const std::int64_t parameter : from.params(i))
      if (from.has_state(parameter)) to.set_state<O>(parameter, from.state<O>(parameter));
  }
  return to.value();
}

Value rebuilt_optimizer(const Value& value, std::string_view algorithm) {
  if (algorithm == "SGD") return rebuilt_optimizer<optim::SGD>(value);
  if (algorithm == "Adam") return rebuilt_optimizer<optim::Adam>(value);
  if (algorithm == "AdamW") return rebuilt_optimizer<optim::AdamW>(value);
  if (algorithm == "RMSprop") return rebuilt_optimizer<optim::RMSprop>(value);
  if (algorithm == "Adagrad") return rebuilt_optimizer<optim::Adagrad>(value);
  ADD_FAILURE() << "not recognised";
  return value;
}

template <class S>
Value rebuilt(const Value& value) {
  return lr_scheduler::to_value(lr_scheduler::from_value<S>(value));
}

using namespace lr_scheduler;

Value rebuilt_sequential(const Value& value) {
  auto sequential = from_value<SequentialLR>(value);
  sequential.schedulers = {rebuilt<LinearLR>(sequential.schedulers.at(0)),
                           rebuilt<StepLR>(sequential.schedulers.at(1))};
  return to_value(sequential);
}

Value rebuilt_chained(const Value& value) {
  auto chained = from_value<ChainedScheduler>(value);
  chained.schedulers = {rebuilt<ConstantLR>(chained.schedulers.at(0)), rebuilt<PolynomialLR>(chained.schedulers.at(1))};
  return to_value(chained);
}

TEST(MultiStepLR, HugeCountsAreRefused) {
  const auto heap = std::make_shared<object::Heap>();
  const auto of = [&](int elements, std::int64_t times) {
    std::vector<object::Pair> counts;
    for (int i = 0; i < elements; ++i) counts.emplace_back(object::Ref::integer(i), object::Ref::integer(times));
    const object::Ref counter = heap->object(object::Construction::reduce, heap->global("collections", "Counter"),
                                             heap->tuple({heap->dict(counts)}));
    return Value(heap, heap->dict({{heap->interned("milestones"), counter}}));
  };
  EXPECT_EQ(from_value<MultiStepLR>(of(2, 3)).milestones, (std::vector<std::int64_t>{0, 0, 0, 1, 1, 1}));
  EXPECT_THROW(from_value<MultiStepLR>(of(2, 1 << 20)), Error);
}

struct Case {
  std::string_view algorithm;
  Value (*scheduler)(const Value&);
};
const std::map<std::string, Case> cases = {
    {"sgd", {"SGD", rebuilt<StepLR>}},
    {"sgd-momentum", {"SGD", rebuilt<OneCycleLR>}},
    {"sgd-cyclic", {"SGD", rebuilt<CyclicLR>}},
    {"adam", {"Adam", rebuilt<MultiStepLR>}},
    {"adam-cyclic", {"Adam", rebuilt<CyclicLR>}},
    {"adam-amsgrad", {"Adam", rebuilt<ReduceLROnPlateau>}},
    {"adamw", {"AdamW", rebuilt<CosineAnnealingLR>}},
    {"adamw-named-groups", {"AdamW", rebuilt<CosineAnnealingWarmRestarts>}},
    {"rmsprop", {"RMSprop", rebuilt<LinearLR>}},
    {"rmsprop-centered", {"RMSprop", rebuilt<ExponentialLR>}},
    {"adagrad", {"Adagrad", rebuilt<LambdaLR>}},
    {"sequential", {"SGD", rebuilt_sequential}},
    {"chained", {"Adam", rebuilt_chained}},
    {"multiplicative", {"SGD", rebuilt<MultiplicativeLR>}},
};

void rebuild(const fs::path& in, const fs::path& out, const Case& expected) {
  const Checkpoint from = load(in.string());
  EXPECT_EQ(optim::Optimizer(from["optimizer_state_dict"]).algorithm(), expected.algorithm);
  Checkpoint to;
  to.set("epoch", from["epoch"].as_int());
  to.set("model_state_dict", StateDict::from_value(from["model_state_dict"]));
  to.set("optimizer_state_dict", rebuilt_optimizer(from["optimizer_state_dict"], expected.algorithm));
  to.set("scheduler_state_dict", expected.scheduler(from["scheduler_state_dict"]));
  to.set("loss", from["loss"].as_double());
  save(to, out.string());
}

struct Folder {
  Folder() { fs::create_directories(path / "rebuilt"); }
  ~Folder() { fs::remove_all(path); }
  fs::path path = fs::temp_directory_path() / ("flambeau-training-" + std::to_string(getpid()));
};

TEST(GeneralCheckpoint, IsBuiltByteForByteAsTorchSavesIt) {
  const Folder folder;
  for (const auto& [name, expected] : cases) {
    SCOPED_TRACE(name);
    const fs::path original = goldens / (name + ".pth"), again = folder.path / (name + ".pth");
    rebuild(original, again, expected);
    // Keys that a group was given come before the defaults there; everything else is the same.
    if (name == "adamw-named-groups") continue;
    EXPECT_EQ(text_of(again), text_of(original));
  }
}

TEST(GeneralCheckpoint, WhatIsNotSetStaysAsItWas) {
  const Folder folder;
  for (const auto& [name, expected] : cases) {
    SCOPED_TRACE(name);
    const fs::path original = goldens / (name + ".pth"), again = folder.path / (name + ".pth");
    Checkpoint checkpoint = load(original.string());
    optim::Optimizer optimizer(checkpoint["optimizer_state_dict"]);
    if (expected.algorithm == "AdamW") {
      for (std::size_t i = 0; i < optimizer.groups(); ++i) optimizer.set_group(i, optimizer.group<optim::AdamW>(i));
      for (std::int64_t p = 0; p < 4; ++p) optimizer.set_state<optim::AdamW>(p, optimizer.state<optim::AdamW>(p));
    }
    checkpoint.set("optimizer_state_dict", optimizer.value());
    save(checkpoint, again.string());
    EXPECT_EQ(text_of(again), text_of(original));
  }
}

TEST(GeneralCheckpoint, IsReadWithTypes) {
  const Checkpoint checkpoint = load((goldens / "adamw-named-groups.pth").string());
  optim::Optimizer optimizer(checkpoint["optimizer_state_dict"]);
  ASSERT_EQ(optimizer.groups(), 2u);
  EXPECT_EQ(optimizer.group<optim::AdamW>(0).betas[1], 0.999);
  EXPECT_EQ(optimizer.find(0, "initial_lr")->as_double(), 0.02);
  EXPECT_EQ(optimizer.params(1), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(optimizer.param_names(1), (std::vector<std::string>{"0.bias", "2.bias"}));
  EXPECT_EQ(optimizer.index("2.bias"), 3);
  EXPECT_EQ(optimizer.state<optim::AdamW>(0).step, 3);
  EXPECT_EQ(optimizer.state<optim::AdamW>(0).exp_avg.shape(), (Shape{3, 2}));
  EXPECT_FALSE(optimizer.state<optim::AdamW>(0).max_exp_avg_sq.defined());
  EXPECT_FALSE(optimizer.has_state(7));
}

TEST(GeneralCheckpoint, SetsSingleHyperparameters) {
  const Checkpoint checkpoint = load((goldens / "adam.pth").string());
  optim::Optimizer optimizer(checkpoint["optimizer_state_dict"]);
  auto adam = optimizer.group<optim::Adam>(0);
  adam.lr = 1;
  adam.foreach = true;
  optimizer.set_group(0, adam);
  EXPECT_EQ(checkpoint["optimizer_state_dict"]["param_groups"].at(0)["lr"].kind(), Kind::integer);
  EXPECT_TRUE(optimizer.group<optim::Adam>(0).foreach.value());
  EXPECT_EQ(optimizer.value()["param_groups"].at(0).item(12).first.as_string(), "params");
}

template <class Act>
std::string failure(Act act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(GeneralCheckpoint, ErrorsNameTheEntry) {
  Checkpoint checkpoint = load((goldens / "adamw-named-groups.pth").string());
  optim::Optimizer optimizer(checkpoint["optimizer_state_dict"]);
  EXPECT_EQ(failure([&] { optimizer.group<optim::SGD>(5); }), "no parameter group 5, there are 2");
  EXPECT_EQ(failure([&] { optimizer.state<optim::AdamW>(9); }), "nothing is kept for parameter 9");
  EXPECT_THAT(failure([&] { optimizer.index("2.bais"); }), testing::HasSubstr("did you mean '2.bias'"));
  optimizer.set(1, "amsgrad", "yes");
  EXPECT_EQ(failure([&] { optimizer.group<optim::AdamW>(1); }),
            "param_groups.1: 'amsgrad': expected a bool, found str");
  EXPECT_EQ(failure([&] { optim::Optimizer wrong(checkpoint["model_state_dict"]); }),
            "no optimizer's state_dict: it has no dict 'state'");
  EXPECT_EQ(failure([&] { from_value<StepLR>(checkpoint["epoch"]); }), "expected a scheduler's state_dict, found int");
}

TEST(GeneralCheckpoint, TorchResumesFromWhatWasBuilt) {
  const char* python = std::getenv("FLAMBEAU_TORCH_PYTHON");
  if (!python || !*python) GTEST_SKIP() << "FLAMBEAU_TORCH_PYTHON names no Python with torch";
  const Folder folder;
  const std::string script = std::string(python) + " " FLAMBEAU_TEST_DATA "/../training.py ";
  ASSERT_EQ(std::system((script + "make " + folder.path.string()).c_str()), 0);
  for (const auto& [name, expected] : cases)
    rebuild(folder.path / (name + ".pth"), folder.path / "rebuilt" / (name + ".pth"), expected);
  EXPECT_EQ(std::system((script + "resume " + folder.path.string()).c_str()), 0);
}

}  // namespace
}  // namespace flambeau
