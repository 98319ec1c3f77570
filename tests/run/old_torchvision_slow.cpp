// Whole models of older torchvision: other class paths, attributes and children that were functions then. Checked once
// against files that the sources of 0.2.2 to 0.13.1 wrote; here such files are made from today's.
#include <gtest/gtest.h>

#include <flambeau/predict.h>

#include "nn/pickle.h"

#include <flambeau/models.h>

namespace flambeau {
namespace {

using object::as;
using object::Dict;
using object::Ref;

/// Today's pickle of a model, to be made older.
struct Old {
  explicit Old(std::string_view name)
      : today(models::make(name, {.seed = 0, .num_classes = 3}).eval()),
        heap(std::make_shared<object::Heap>()),
        root(nn::to_object(*heap, today.module())) {
    collect(root);
  }
  /// A class under its older name.
  void rename(std::string_view module, std::string_view name, std::string_view old_module, std::string_view old_name) {
    auto* global = as<object::Global>(heap->global(module, name));
    global->module = old_module;
    global->qualname = old_name;
  }
  static void drop(Dict& dict, std::string_view key) {
    std::erase_if(dict.items, [&](const auto& item) { return object::text(item.first) == key; });
  }
  static Dict& children(Dict& state) { return *as<Dict>(*object::get(state, "_modules")); }
  Model read() const { return load_model(Checkpoint(Value(heap, root))); }

  Model today;
  std::shared_ptr<object::Heap> heap;
  Ref root;
  std::vector<std::pair<std::string, Dict*>> states{};  // class name, __dict__

 private:
  void collect(Ref module) {
    const auto* made = as<object::Object>(module);
    if (!made) return;
    auto* state = as<Dict>(made->state);
    states.emplace_back(as<object::Global>(made->callable)->qualname, state);
    for (const auto& [name, child] : children(*state).items) collect(child);
  }
};

void expect_todays(const Old& old, const Shape& input) {
  const Model model = old.read();
  EXPECT_EQ(model.repr(), old.today.repr());
  const Tensor x = Tensor::zeros(input);
  EXPECT_TRUE(model(x).equal(old.today(x)));
  // What is written then is today's as well.
  const auto again = std::make_shared<object::Heap>();
  const Value written(again, nn::to_object(*again, model.module()));
  const auto before = std::make_shared<object::Heap>();
  EXPECT_EQ(save_to_memory(written), save_to_memory(Value(before, nn::to_object(*before, old.today.module()))));
}

TEST(OldTorchvision, MobileNetV2Of08) {
  Old old("mobilenet_v2");
  old.rename("torchvision.ops.misc", "Conv2dNormActivation", "torchvision.models.mobilenet", "ConvBNReLU");
  old.rename("torchvision.models.mobilenetv2", "InvertedResidual", "torchvision.models.mobilenet", "InvertedResidual");
  old.rename("torchvision.models.mobilenetv2", "MobileNetV2", "torchvision.models.mobilenet", "MobileNetV2");
  for (const auto& [name, state] : old.states)
    for (const char* later : {"out_channels", "_is_cn"})
      if (name != "Conv2d") Old::drop(*state, later);
  expect_todays(old, {1, 3, 32, 32});
}

TEST(OldTorchvision, MobileNetV3Of010) {
  Old old("mobilenet_v3_small");
  old.rename("torchvision.ops.misc", "Conv2dNormActivation", "torchvision.models.mobilenetv2", "ConvBNActivation");
  old.rename("torchvision.ops.misc", "SqueezeExcitation", "torchvision.models.mobilenetv3", "SqueezeExcitation");
  for (const auto& [name, state] : old.states) {
    if (name != "SqueezeExcitation") continue;
    Dict& children = Old::children(*state);
    Old::drop(children, "avgpool");
    Old::drop(children, "scale_activation");
    for (auto& [key, child] : children.items)
      if (object::text(key) == "activation") key = old.heap->interned("relu");
    std::swap(children.items[1], children.items[2]);  // fc1, relu, fc2
  }
  expect_todays(old, {1, 3, 32, 32});
}

TEST(OldTorchvision, DenseNetOf02) {
  Old old("densenet121");
  for (const auto& [name, state] : old.states) {
    if (name != "_DenseLayer") continue;
    Old::drop(*state, "memory_efficient");
    for (auto& [key, child] : Old::children(*state).items)  // "norm1" was "norm.1"
      key = old.heap->interned(std::string(*object::text(key)).insert(4, "."));
  }
  expect_todays(old, {1, 3, 32, 32});
}

TEST(OldTorchvision, Inception3Of05) {
  Old old("inception_v3");
  Dict& children = Old::children(*old.states.front().second);
  for (const char* later : {"maxpool1", "maxpool2", "avgpool", "dropout"}) Old::drop(children, later);
  expect_todays(old, {1, 3, 96, 96});
}

TEST(OldTorchvision, SwinTransformerOf013) {
  Old old("swin_t");
  Dict& children = Old::children(*old.states.front().second);
  for (const char* later : {"permute", "flatten"}) Old::drop(children, later);
  expect_todays(old, {1, 3, 64, 64});
}

TEST(OldTorchvision, ConvNeXtOf012) {
  Old old("convnext_tiny");
  old.rename("torchvision.ops.misc", "Permute", "torchvision.models.convnext", "Permute");
  expect_todays(old, {1, 3, 64, 64});
}

TEST(OldTorchvision, KeepsAClassThatTodaysStillHas) {
  Old old("regnet_x_400mf");
  old.rename("torchvision.ops.misc", "Conv2dNormActivation", "torchvision.ops.misc", "ConvNormActivation");
  const Model model = old.read();
  EXPECT_NE(model.repr().find("ConvNormActivation("), std::string::npos);
  EXPECT_TRUE(model(Tensor::zeros({1, 3, 64, 64})).equal(old.today(Tensor::zeros({1, 3, 64, 64}))));
}

}  // namespace
}  // namespace flambeau
