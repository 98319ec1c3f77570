#include <flambeau/error.h>
#include <flambeau/inspect.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bytes/scratch.h"
#include "no_threads.h"

namespace flambeau {
namespace {

using object::Ref;
using testing::ElementsAre;
using testing::HasSubstr;

struct Tree {
  std::shared_ptr<object::Heap> heap = std::make_shared<object::Heap>();
  Ref tensor() { return heap->tensor(Tensor::zeros({2})); }
  Ref key(std::string_view text) { return heap->string(text); }
  std::vector<std::string> names(Ref root, const ListOptions& options = {}) {
    std::vector<std::string> names;
    for (const Listed& row : list(Checkpoint(Value(heap, root)), options)) names.push_back(row.name);
    return names;
  }
};

TEST(List, PathsAreKeysAndIndices) {
  Tree t;
  const Ref root = t.heap->dict(
      {{t.key("model"),
        t.heap->list({t.tensor(), t.heap->dict({{t.key("w.x"), t.tensor()}, {t.heap->integer(-5), t.tensor()}})})},
       {t.heap->tuple({t.key("a"), Ref()}), t.tensor()},
       {t.heap->floating(2.5), t.tensor()}});
  EXPECT_THAT(t.names(root), ElementsAre("model.0", "model.1.w.x", "model.1.-5", "('a', None)", "2.5"));
}

TEST(List, SharedPartsAreListedEachTimeAndCyclesAreNotEntered) {
  Tree t;
  const Ref shared = t.heap->list({t.tensor()});
  const Ref root = t.heap->dict({{t.key("a"), shared}, {t.key("b"), shared}});
  object::as<object::Dict>(root)->items.emplace_back(t.key("self"), root);
  EXPECT_THAT(t.names(root), ElementsAre("a.0", "b.0"));
}

TEST(List, ATensorThatOnlyACycleHidesIsFoundElsewhere) {
  // a = [b], b = [a, x]: met through a, b's entry for a is cut; met through b, a's entry for b is.
  Tree t;
  const Ref a = t.heap->list(), b = t.heap->list();
  object::as<object::Sequence>(a)->items = {b};
  object::as<object::Sequence>(b)->items = {a, t.tensor()};
  EXPECT_THAT(t.names(t.heap->list({a, b})), ElementsAre("0.0.1", "1.1"));
}

TEST(List, DoublingWithoutTensorsIsLinear) {
  Tree t;
  Ref node = t.heap->list();
  for (int i = 0; i < 64; ++i) node = t.heap->list({node, node});
  EXPECT_THAT(t.names(node), ElementsAre());
}

TEST(List, DoublingWithTensorsIsLimited) {
  Tree t;
  Ref node = t.tensor();
  for (int i = 0; i < 40; ++i) node = t.heap->list({node, node});
  EXPECT_ERROR(t.names(node, {.limits = {.max_visits = 100000}}), ErrorCode::limit, "max_visits, 100000");
  EXPECT_ERROR(t.names(node), ErrorCode::limit, "max_listed_bytes");
}

TEST(List, LongPathsAreLimited) {
  Tree t;
  Ref node = t.heap->list();
  for (int i = 0; i < 20000; ++i) node = t.heap->list({t.tensor(), node});
  EXPECT_ERROR(t.names(node), ErrorCode::limit, "max_listed_bytes, 536870912, after");
  const Ref wide = t.heap->dict({{t.heap->string(std::string(1 << 20, 'k')), t.heap->list({t.tensor(), t.tensor()})}});
  EXPECT_ERROR(t.names(wide, {.limits = {.max_listed_bytes = 3 << 20}}), ErrorCode::limit, "after 1 tensors");
  EXPECT_EQ(t.names(wide).size(), 2u);
}

TEST(List, DeepTreesNeedNoStack) {
  Tree t;
  Ref node = t.tensor();
  for (int i = 0; i < 200000; ++i) node = t.heap->list({node});
  EXPECT_EQ(t.names(node).size(), 1u);
}

TEST(List, ModulesListParametersBuffersAndChildren) {
  Tree t;
  const auto table = [&](std::vector<object::Pair> items) { return t.heap->ordered_dict(std::move(items)); };
  const auto module = [&](Ref parameters, Ref buffers, Ref modules) {
    const Ref made = t.heap->object(object::Construction::newobj, t.heap->global("my", "Net"), t.heap->tuple({}));
    auto& object = *object::as<object::Object>(made);
    object.has_state = true;
    object.state = t.heap->dict({{t.key("training"), Ref::boolean(true)},
                                 {t.key("_modules"), modules},
                                 {t.key("_buffers"), buffers},
                                 {t.key("_parameters"), parameters},
                                 {t.key("_flat_weights"), t.heap->list({t.tensor()})},
                                 {t.key("cache"), t.tensor()}});
    return made;
  };
  const Ref child = module(table({{t.key("weight"), t.tensor()}, {t.key("bias"), Ref()}}), table({}), table({}));
  const Ref root = module(table({}), table({{t.key("steps"), t.tensor()}}), table({{t.key("fc"), child}}));
  EXPECT_THAT(t.names(root), ElementsAre("steps", "fc.weight", "fc.cache", "cache"));
}

TEST(List, DigestsAreOfTheElementsInOrder) {
  const float values[] = {1, 2, 3, 4, 5, 6};
  const Tensor tensor = Tensor::of<float>({2, 3}, values);
  StateDict state;
  state.set("t", tensor.permute({1, 0}));
  state.set("copy", tensor.permute({1, 0}).contiguous());
  state.set("none", Tensor::zeros({0}));
  const auto rows = list(Checkpoint(state.to_value()), {.sha256 = true});
  EXPECT_EQ(rows[0].sha256, rows[1].sha256);
  EXPECT_EQ(rows[2].sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(List, DigestsOfExpandedTensorsNeedLittleMemory) {
  StateDict state;
  const Tensor one = Tensor::zeros({1});
  state.set("big", Tensor(one.storage(), DType::float32, {3, 1 << 24}, {0, 0}));
  state.set("dense", Tensor::zeros({3, 1 << 24}));
  const auto rows = list(Checkpoint(state.to_value()), {.sha256 = true});
  EXPECT_EQ(rows[0].sha256, rows[1].sha256);
}

TEST(List, DigestsNeedNoSecondThread) {
  StateDict state;
  state.set("large", Tensor::zeros({1 << 19}));
  state.set("same", Tensor::zeros({1 << 19}));
  const test::NoThreads none;
  const auto rows = list(Checkpoint(state.to_value()), {.sha256 = true, .threads = 4});
  EXPECT_EQ(rows[0].sha256, "5647f05ec18958947d32874eeb788fa396a05d0bab7c1b71f112ceb7e9b31eee");
  EXPECT_EQ(rows[0].sha256, rows[1].sha256);
}

TEST(Json, HidesNothingAndBreaksNothing) {
  EXPECT_EQ(json_string("a\"b\\\n\x01"), R"("a\"b\\\n\u0001")");
  EXPECT_EQ(json_string("größe"), "\"größe\"");
  EXPECT_EQ(json_string("lone\xED\xA0\x80"), R"("lone\ud800")");
  EXPECT_EQ(json_string("\xE2\x80\xAE"
                        "evil"),
            R"("\u202eevil")");  // right-to-left override
  EXPECT_EQ(json_string("\x1B[31m"), R"("\u001b[31m")");
}

TEST(Repr, IsPythons) {
  Tree t;
  const auto text = [&](Ref ref) { return repr(Value(t.heap, ref)); };
  EXPECT_EQ(text(t.heap->tuple({t.heap->integer(1)})), "(1,)");
  EXPECT_EQ(text(t.heap->dict({{t.key("a"), t.heap->list({Ref(), Ref::boolean(true), t.heap->floating(0.1)})}})),
            "{'a': [None, True, 0.1]}");
  EXPECT_EQ(text(t.heap->set({})), "set()");
  EXPECT_EQ(text(t.heap->big_integer(std::string("\0\0\0\0\0\0\0\0\1", 9))), "18446744073709551616");
  EXPECT_EQ(text(t.heap->big_integer(std::string(8, '\0') + "\xFF")), "-18446744073709551616");
  const Ref loop = t.heap->list();
  object::as<object::Sequence>(loop)->items = {loop};
  EXPECT_EQ(text(loop), "[[...]]");
  const Ref object =
      t.heap->object(object::Construction::reduce, t.heap->global("my", "Class"), t.heap->tuple({t.heap->integer(1)}));
  object::as<object::Object>(object)->state = t.heap->dict({{t.key("x"), t.heap->integer(2)}});
  EXPECT_EQ(text(object), "my.Class(1, x=2)");
}

TEST(Repr, IsBounded) {
  Tree t;
  Ref node = t.heap->list();
  for (int i = 0; i < 64; ++i) node = t.heap->list({node, node});
  EXPECT_LT(repr(Value(t.heap, node), 100).size(), 110u);
  Ref deep = t.heap->list();
  for (int i = 0; i < 100000; ++i) deep = t.heap->tuple({deep});
  EXPECT_LT(repr(Value(t.heap, deep), 1000).size(), 1010u);
}

}  // namespace
}  // namespace flambeau
