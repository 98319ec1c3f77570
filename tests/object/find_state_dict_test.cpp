// Where the weights of a checkpoint are, and what is taken off their names.
#include <gmock/gmock.h>

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>

namespace flambeau {
namespace {

using testing::HasSubstr;

StateDict weights(const std::string& prefix = "", int layers = 2) {
  StateDict state;
  for (int i = 0; i < layers; ++i) {
    state.set(prefix + "fc" + std::to_string(i) + ".weight", Tensor::zeros({2, 2}));
    state.set(prefix + "fc" + std::to_string(i) + ".bias", Tensor::zeros({2}));
  }
  return state;
}

std::string names(const StateDict& state) {
  std::string text;
  for (const auto& entry : state) text += entry.name + " ";
  return text;
}

const std::string plain = "fc0.weight fc0.bias fc1.weight fc1.bias ";

Checkpoint::Taken taken(const Checkpoint& checkpoint, const std::string& expected = plain) {
  Checkpoint::Taken result;
  EXPECT_EQ(names(checkpoint.state_dict(result)), expected);
  return result;
}

TEST(FindStateDict, TheRootItselfNeedsNoWords) {
  const auto found = taken(Checkpoint(weights().to_value()));
  EXPECT_EQ(found.key + found.prefix + found.to_string(), "");
}

TEST(FindStateDict, UsualKeysAndNestedOnes) {
  for (const char* key : {"state_dict", "model_state_dict", "model", "module", "ema", "net", "something_else"}) {
    Checkpoint checkpoint;
    checkpoint.set("epoch", 3);
    checkpoint.set(key, weights());
    EXPECT_EQ(taken(checkpoint).key, key);
  }
  Value inner = Value::dict();
  inner.set("config", Value::dict()).set("state_dict", weights().to_value());
  Checkpoint nested;
  nested.set("model", inner);
  EXPECT_EQ(taken(nested).key, "model.state_dict");
}

TEST(FindStateDict, TimmsAverageGoesBeforeItsWeights) {
  Checkpoint checkpoint;
  checkpoint.set("arch", "resnet18");
  checkpoint.set("state_dict", weights());
  checkpoint.set("state_dict_ema", weights());
  EXPECT_EQ(taken(checkpoint).key, "state_dict");
  checkpoint.set("version", 2);
  EXPECT_EQ(taken(checkpoint).key, "state_dict_ema");
}

TEST(FindStateDict, InTuplesAndLists) {
  const Value items[] = {weights().to_value(), Value(3)};
  EXPECT_EQ(taken(Checkpoint(Value::tuple(items))).to_string(), "took the weights under '0'");
  Value list = Value::list();
  list.append(weights("", 1).to_value()).append(weights().to_value());
  EXPECT_EQ(taken(Checkpoint(list)).key, "1");
  Checkpoint checkpoint;
  checkpoint.set("other", weights());
  checkpoint.set("model", list);
  EXPECT_EQ(taken(checkpoint).key, "model.1");
  Value history = Value::list();
  for (int i = 0; i < 5000; ++i) history.append(Value::list());
  Checkpoint trained;
  trained.set("history", history);
  trained.set("net", weights());
  EXPECT_EQ(taken(trained).key, "net");
}

TEST(FindStateDict, DeepDown) {
  Value deepest = weights().to_value();
  for (const char* key : {"e", "d", "c", "b", "a"}) {
    Value outer = Value::dict();
    outer.set(key, deepest);
    deepest = outer;
  }
  EXPECT_EQ(taken(Checkpoint(deepest)).key, "a.b.c.d.e");
}

TEST(FindStateDict, SparseTensorsAndArraysCountAsTensors) {
  for (const auto& [module, name] :
       {std::pair("torch._utils", "_rebuild_sparse_tensor"), std::pair("numpy._core.multiarray", "_reconstruct")}) {
    const auto heap = std::make_shared<object::Heap>();
    const object::Ref value = heap->object(object::Construction::reduce, heap->global(module, name),
                                           heap->tuple({heap->global("numpy", "ndarray")}));
    Checkpoint checkpoint;
    checkpoint.set("model", Value(heap, heap->dict({{heap->string("w"), value}})));
    EXPECT_EQ(taken(checkpoint, "w ").key, "model");
  }
}

TEST(FindStateDict, TheModelGoesBeforeItsAverageAndItsOptimizer) {
  Value moments = Value::dict();
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h"}) moments.set(name, Tensor::zeros({2}));
  Checkpoint checkpoint;
  checkpoint.set("optimizer", moments);
  checkpoint.set("ema", weights());
  checkpoint.set("model", weights());
  EXPECT_EQ(taken(checkpoint).key, "model");
}

TEST(FindStateDict, ALossBesideTheWeightsIsNoStateDict) {
  Checkpoint checkpoint;
  checkpoint.set("loss", Tensor::zeros({}));
  checkpoint.set("model_state_dict", weights());
  EXPECT_EQ(taken(checkpoint).key, "model_state_dict");
}

TEST(FindStateDict, WrappersAreTakenOffTheNames) {
  EXPECT_EQ(taken(Checkpoint(weights("module.").to_value())).prefix, "module.");
  EXPECT_EQ(taken(Checkpoint(weights("_orig_mod.").to_value())).prefix, "_orig_mod.");
  EXPECT_EQ(taken(Checkpoint(weights("module._orig_mod.").to_value())).prefix, "module._orig_mod.");
  EXPECT_EQ(taken(Checkpoint(weights("_orig_mod.module.").to_value())).prefix, "_orig_mod.module.");
  StateDict averaged = weights("module.");
  averaged.set("n_averaged", Tensor::zeros({}));
  EXPECT_EQ(taken(Checkpoint(averaged.to_value())).prefix, "module.");
  Checkpoint checkpoint;
  checkpoint.set("state_dict", weights("module."));
  EXPECT_EQ(taken(checkpoint).to_string(), "took the weights under 'state_dict', and 'module.' off their names");
}

TEST(FindStateDict, PartsThatWereCompiledLoseTheirMarkToo) {
  StateDict state = weights();
  state.set("head._orig_mod.weight", Tensor::zeros({1}));
  EXPECT_EQ(taken(Checkpoint(state.to_value()), plain + "head.weight ").prefix, "_orig_mod.");
  state.set("tail._fsdp_wrapped_module._checkpoint_wrapped_module.weight", Tensor::zeros({1}));
  EXPECT_EQ(taken(Checkpoint(state.to_value()), plain + "head.weight tail.weight ").prefix,
            "_checkpoint_wrapped_module._fsdp_wrapped_module._orig_mod.");
}

TEST(FindStateDict, ModulesOfThatNameStay) {
  StateDict state = weights();
  state.set("module.weight", Tensor::zeros({1}));
  EXPECT_EQ(taken(Checkpoint(state.to_value()), plain + "module.weight ").prefix, "");
}

TEST(FindStateDict, ALightningAttributeIsToldNotTaken) {
  Checkpoint checkpoint;
  checkpoint.set("pytorch-lightning_version", "2.4");
  checkpoint.set("state_dict", weights("model."));
  checkpoint.set("hyper_parameters", Value::dict());
  const auto found = taken(checkpoint, names(weights("model.")));
  EXPECT_EQ(found.key, "state_dict");
  EXPECT_EQ(found.common_prefix, "model.");
}

TEST(FindStateDict, MetadataFollowsTheNames) {
  StateDict state = weights("module.");
  state.set_metadata({{"", 1}, {"module", 1}, {"module.fc0", 7}});
  Checkpoint::Taken found;
  const StateDict stripped = Checkpoint(state.to_value()).state_dict(found);
  ASSERT_EQ(stripped.metadata().size(), 2u);
  EXPECT_EQ(stripped.version(""), 1);
  EXPECT_EQ(stripped.version("fc0"), 7);
}

TEST(FindStateDict, TheCallersPrefixIsTakenInstead) {
  Checkpoint::Taken found;
  const Checkpoint checkpoint(weights("module.").to_value());
  EXPECT_EQ(names(checkpoint.state_dict(found, "")), names(weights("module.")));
  EXPECT_EQ(names(checkpoint.state_dict(found, "module.fc")), "0.weight 0.bias 1.weight 1.bias ");
  try {
    checkpoint.state_dict(found, "model.");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "no name begins with 'model.'");
  }
}

TEST(FindStateDict, SaysWhatThereIsInstead) {
  Checkpoint checkpoint;
  checkpoint.set("epoch", 3);
  try {
    checkpoint.state_dict();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_STREQ(error.what(), "no state_dict among the checkpoint's keys 'epoch'");
  }
}

}  // namespace
}  // namespace flambeau
