#include "torch/globals.h"

#include <flambeau/error.h>
#include <gtest/gtest.h>

namespace flambeau::torch {
namespace {

TEST(Globals, WeightsOnlyListIsAllowed) {
  EXPECT_EQ(standing("torch._utils", "_rebuild_tensor_v2"), Standing::allowed);
  EXPECT_EQ(standing("torch", "BFloat16Storage"), Standing::allowed);
  EXPECT_EQ(standing("torch", "float8_e4m3fn"), Standing::allowed);
  EXPECT_EQ(standing("collections", "OrderedDict"), Standing::allowed);
}

TEST(Globals, CommonLibrariesAreKnown) {
  EXPECT_EQ(standing("torch.nn.modules.conv", "Conv2d"), Standing::known);
  EXPECT_EQ(standing("numpy._core.multiarray", "_reconstruct"), Standing::known);
  EXPECT_EQ(standing("argparse", "Namespace"), Standing::known);
  EXPECT_EQ(standing("uuid", "UUID"), Standing::known);
  EXPECT_EQ(standing("http", "HTTPStatus"), Standing::known);  // an IntEnum
  EXPECT_EQ(standing("os", "stat_result"), Standing::known);   // a tuple of numbers
}

TEST(Globals, WhatReachesOutIsDangerous) {
  for (const auto& [module, name] : {std::pair("os", "system"),
                                     {"posix", "system"},
                                     {"builtins", "eval"},
                                     {"subprocess", "Popen"},
                                     {"pty", "spawn"},
                                     {"importlib", "import_module"},
                                     {"pickle", "loads"},
                                     {"operator", "methodcaller"},
                                     {"uuid", "_get_command_stdout"},
                                     {"torch.hub", "load"},
                                     {"torch.jit", "load"},
                                     {"torch.serialization", "load"},
                                     {"torch.fx.graph_module", "reduce_graph_module"},
                                     {"numpy.testing._private.utils", "runstring"},
                                     {"os.path", "join"},
                                     {"logging", "FileHandler"},
                                     {"types", "CodeType"}})
    EXPECT_EQ(standing(module, name), Standing::dangerous) << module << "." << name;
}

TEST(Globals, EverythingElseIsUnknown) {
  EXPECT_EQ(standing("my_project.models", "Net"), Standing::unknown);
  EXPECT_EQ(standing("torch.nn.modules.conv", "conv_helper"), Standing::unknown);
  EXPECT_EQ(standing("torchvision.models.resnet", "resnet18"), Standing::unknown);  // a call could download
  EXPECT_EQ(standing("osmium", "system"), Standing::unknown);                       // a prefix of letters is no package
}

TEST(Globals, DottedNamesAreJudgedByTheirParts) {
  EXPECT_EQ(standing("pathlib", "os.system"), Standing::dangerous);
  EXPECT_EQ(standing("my_module", "Outer.Inner"), Standing::unknown);
  EXPECT_EQ(standing("torch.nn.modules.module", "Module.__init__"), Standing::dangerous);
  EXPECT_EQ(standing("torch", "serialization.os.system"), Standing::dangerous);
}

TEST(Globals, GetattrChainsAreFollowed) {
  object::Heap heap;
  std::string named;
  const auto getattr = [&](object::Ref of, std::string_view name) { return heap.tuple({of, heap.string(name)}); };
  const object::Ref colour = heap.global("colours", "Colour");
  EXPECT_EQ(standing_of_getattr(getattr(colour, "RED"), named), Standing::unknown);
  EXPECT_EQ(named, "colours.Colour.RED");
  const object::Ref status = heap.global("http", "HTTPStatus");  // how Python 3.11.2 stores a member of an Enum
  EXPECT_EQ(standing_of_getattr(getattr(status, "OK"), named), Standing::known);
  EXPECT_EQ(standing_of_getattr(getattr(status, "server"), named), Standing::dangerous);
  EXPECT_EQ(standing_of_getattr(getattr(heap.global("http.client", "HTTPS"), "OK"), named), Standing::dangerous);
  const object::Ref inner = heap.object(object::Construction::reduce, heap.global("builtins", "getattr"),
                                        getattr(heap.global("a", "b"), "os"));
  EXPECT_EQ(standing_of_getattr(getattr(inner, "system"), named), Standing::dangerous);
  EXPECT_EQ(named, "a.b.os.system");
}

TEST(Globals, MethodsOfInstancesAreJudgedByTheirClass) {
  object::Heap heap;
  std::string named;
  const auto method = [&](std::string_view module, std::string_view cls, std::string_view name,
                          object::Construction construction = object::Construction::newobj) {
    const object::Ref instance = heap.object(construction, heap.global(module, cls), heap.tuple({}));
    return standing_of_getattr(heap.tuple({instance, heap.string(name)}), named);
  };
  // What OneCycleLR of torch 1.13 holds.
  EXPECT_EQ(method("torch.optim.lr_scheduler", "OneCycleLR", "_annealing_cos"), Standing::unknown);
  EXPECT_EQ(named, "torch.optim.lr_scheduler.OneCycleLR._annealing_cos");
  EXPECT_EQ(method("subprocess", "Popen", "communicate"), Standing::dangerous);
  EXPECT_EQ(method("a", "b", "__init__"), Standing::dangerous);
  EXPECT_EQ(method("a", "make", "x", object::Construction::reduce), Standing::dangerous) << "of a class nobody knows";
}

TEST(Globals, DangerousGraphsAreNotWritten) {
  object::Heap heap;
  const object::Ref call =
      heap.object(object::Construction::reduce, heap.global("os", "system"), heap.tuple({heap.string("true")}));
  EXPECT_THROW(refuse_dangerous(heap.dict({{heap.string("k"), heap.list({call})}})), Error);
  EXPECT_NO_THROW(refuse_dangerous(heap.list({heap.global("my", "Net")})));
}

}  // namespace
}  // namespace flambeau::torch
