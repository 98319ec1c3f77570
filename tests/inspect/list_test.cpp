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

/// Calls of torch's rebuilding functions, as the reader leaves them.
struct Calls : Tree {
  Ref call(std::string_view module, std::string_view name, std::vector<Ref> args) {
    return heap->object(object::Construction::reduce, heap->global(module, name), heap->tuple(std::move(args)));
  }
  Ref sparse(std::string_view layout, std::vector<Ref> data) {
    return call("torch._utils", "_rebuild_sparse_tensor",
                {call("torch.serialization", "_get_layout", {key(layout)}), heap->tuple(std::move(data))});
  }
  /// func(*args) with a class and attributes.
  Ref typed(Ref inner, std::vector<object::Pair> attributes) {
    const auto& object = *object::as<object::Object>(inner);
    return call("torch._tensor", "_rebuild_from_type_v2",
                {object.callable, heap->global("torch", "Tensor"), object.args, heap->dict(std::move(attributes))});
  }
};

TEST(List, OnlyDenseTensorsHaveAttributes) {
  Calls t;
  const Ref coo = t.sparse("torch.sparse_coo", {t.tensor(), t.tensor(), t.heap->tuple({})});
  EXPECT_THAT(t.names(t.heap->dict({{t.key("w"), t.typed(coo, {{t.key("note"), t.tensor()}})}})),
              ElementsAre("w.indices", "w.values"));
}

TEST(List, ValuesOfAParameterNeedGradientsButOfACooTensor) {
  Calls t;
  const auto needs = [&](std::string_view layout, std::vector<Ref> data) {
    const Ref parameter = t.call("torch._utils", "_rebuild_parameter",
                                 {t.sparse(layout, std::move(data)), Ref::boolean(true), t.heap->ordered_dict()});
    for (const Listed& row : list(Checkpoint(Value(t.heap, parameter)), {}))
      if (row.name == "values") return row.requires_grad && !row.parameter;
    return false;
  };
  const Ref size = t.heap->tuple({});
  EXPECT_TRUE(needs("torch.sparse_csr", {t.tensor(), t.tensor(), t.tensor(), size}));
  EXPECT_FALSE(needs("torch.sparse_coo", {t.tensor(), t.tensor(), size}));
}

TEST(List, ASubclassSaysThatItIsAParameter) {
  Tree t;
  const Ref tensor = t.tensor();
  object::as<object::TensorNode>(tensor)->type = t.heap->global("my", "Scaled");
  const auto is_parameter = [&] { return list(Checkpoint(Value(t.heap, tensor)), {})[0].parameter; };
  EXPECT_FALSE(is_parameter());
  object::as<object::TensorNode>(tensor)->attributes = t.heap->dict({{t.key("_is_param"), Ref::boolean(true)}});
  EXPECT_TRUE(is_parameter());
}

TEST(List, ATensorWithoutDataOfItsOwnListsItsAttributes) {
  Calls t;
  const Ref shell = t.call("torch._utils", "_rebuild_wrapper_subclass", {t.heap->global("my", "Masked")});
  EXPECT_THAT(t.names(t.heap->dict({{t.key("m"), t.typed(shell, {{t.key("_data"), t.tensor()}})}})),
              ElementsAre("m._data"));
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

TEST(Repr, NamesValuesOfKnownClassesAsPythonDoes) {
  Tree t;
  const auto text = [&](Ref ref) { return repr(Value(t.heap, ref)); };
  const auto call = [&](std::string_view module, std::string_view name, std::vector<Ref> args) {
    return t.heap->object(object::Construction::reduce, t.heap->global(module, name), t.heap->tuple(std::move(args)));
  };
  const auto number = [&](std::int64_t value) { return t.heap->integer(value); };
  EXPECT_EQ(text(t.heap->global("torch", "float")), "torch.float32");
  EXPECT_EQ(text(t.heap->global("torch", "per_tensor_affine")), "torch.per_tensor_affine");
  EXPECT_EQ(text(t.heap->global("my", "Net")), "<class 'my.Net'>");
  EXPECT_EQ(text(t.heap->global("builtins", "int")), "<class 'int'>");
  EXPECT_EQ(text(t.heap->global("builtins", "len")), "<built-in function len>");
  EXPECT_EQ(text(t.heap->global("builtins", "Ellipsis")), "Ellipsis");
  EXPECT_EQ(text(call("torch", "Size", {t.heap->tuple({number(1), number(2)})})), "torch.Size([1, 2])");
  EXPECT_EQ(text(call("torch", "device", {t.key("cuda"), number(1)})), "device(type='cuda', index=1)");
  EXPECT_EQ(text(call("torch.serialization", "_get_layout", {t.key("torch.strided")})), "torch.strided");
  EXPECT_EQ(text(call("builtins", "complex", {t.heap->floating(-0.0), t.heap->floating(-2)})), "(-0-2j)");
  EXPECT_EQ(text(call("builtins", "complex", {t.heap->floating(0), t.heap->floating(1.5)})), "1.5j");
  EXPECT_EQ(text(call("builtins", "range", {number(0), number(3), number(1)})), "range(0, 3)");
  EXPECT_EQ(text(call("datetime", "date", {t.heap->bytes("\x07\xE4\x01\x02")})), "datetime.date(2020, 1, 2)");
  const Ref zone = call("datetime", "timezone", {call("datetime", "timedelta", {number(0), number(3600), number(0)})});
  EXPECT_EQ(
      text(call("datetime", "datetime", {t.heap->bytes(std::string("\x07\xE4\x81\x02\x03\0\x05\0\0\0", 10)), zone})),
      "datetime.datetime(2020, 1, 2, 3, 0, 5, fold=1, "
      "tzinfo=datetime.timezone(datetime.timedelta(seconds=3600)))");
  EXPECT_EQ(text(call("pathlib", "PosixPath", {t.key("a"), t.key("b")})), "PosixPath('a/b')");
  EXPECT_EQ(text(call("fractions", "Fraction", {number(1), number(2)})), "Fraction(1, 2)");
  EXPECT_EQ(text(call("ipaddress", "IPv4Address", {number(0x01020304)})), "IPv4Address('1.2.3.4')");
}

TEST(Repr, GivesNumpyScalarsAsPythonValuesAndInsideContainersAsNumpyDoes) {
  Tree t;
  const auto scalar = [&](std::string_view module, std::string_view type, const std::string& bytes, Ref unit = {}) {
    const auto made = [&](std::string_view from, std::string_view name, std::vector<Ref> args) {
      return t.heap->object(object::Construction::reduce, t.heap->global(from, name), t.heap->tuple(std::move(args)));
    };
    const Ref dtype = made("numpy", "dtype", {t.key(type)});
    const Ref none;
    object::as<object::Object>(dtype)->state = t.heap->tuple(
        {t.heap->integer(4), t.key("<"), none, none, none, none, none, none, t.heap->tuple({none, unit})});
    return made(module, "scalar", {dtype, t.heap->bytes(bytes)});
  };
  const auto key = [&](Ref ref) { return t.names(t.heap->dict({{ref, t.tensor()}}))[0]; };
  const auto inside = [&](Ref ref) { return repr(Value(t.heap, t.heap->list({ref}))); };
  constexpr std::string_view two = "numpy._core.multiarray", one = "numpy.core.multiarray";
  const std::string tenth = "\xCD\xCC\xCC\x3D", text = std::string("x\0\0\0", 4);
  EXPECT_EQ(key(scalar(two, "f4", tenth)), "0.10000000149011612");
  EXPECT_EQ(inside(scalar(two, "f4", tenth)), "[np.float32(0.1)]");
  EXPECT_EQ(inside(scalar(one, "f4", tenth)), "[0.1]");
  EXPECT_EQ(inside(scalar(two, "b1", "\x01")), "[np.True_]");
  EXPECT_EQ(key(scalar(two, "f2", "f.")), "0.0999755859375");
  EXPECT_EQ(key(scalar(two, "u8", std::string(8, '\xFF'))), "18446744073709551615");
  EXPECT_EQ(key(scalar(two, "U1", text)), "x");
  EXPECT_EQ(inside(scalar(two, "U1", text)), "[np.str_('x')]");
  EXPECT_EQ(key(scalar(two, "S3", std::string("x\0\0", 3))), "b'x'");
  const std::string one_two = std::string("\0\0\x80\x3F\0\0\0\x40", 8);
  EXPECT_EQ(key(scalar(two, "c8", one_two)), "(1+2j)");
  EXPECT_EQ(inside(scalar(two, "c8", one_two)), "[np.complex64(1+2j)]");
  const Ref days = t.heap->tuple({t.heap->bytes("D"), t.heap->integer(1)});
  EXPECT_EQ(key(scalar(two, "M8", std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8), days)),
            "datetime.date(1969, 12, 31)");
  EXPECT_EQ(key(scalar(two, "m8", std::string("\x02\0\0\0\0\0\0\0", 8), days)), "datetime.timedelta(days=2)");
  EXPECT_EQ(key(scalar(two, "i8", "short")), "numpy._core.multiarray.scalar(dtype('int64'), b'short')");
}

TEST(Repr, IsBounded) {
  Tree t;
  Ref node = t.heap->list();
  for (int i = 0; i < 64; ++i) node = t.heap->list({node, node});
  EXPECT_LT(repr(Value(t.heap, node), 100).size(), 110u);
  Ref date;
  for (int i = 0; i < 200000; ++i)  // a zone that is a date with a zone …
    date = t.heap->object(object::Construction::reduce, t.heap->global("datetime", "datetime"),
                          t.heap->tuple({t.heap->bytes(std::string("\x07\xE4\x01\x02\0\0\0\0\0\0", 10)), date}));
  EXPECT_EQ(repr(Value(t.heap, date), 1000), "datetime.datetime(2020, 1, 2, 0, 0, tzinfo=…)");
  Ref deep = t.heap->list();
  for (int i = 0; i < 100000; ++i) deep = t.heap->tuple({deep});
  EXPECT_LT(repr(Value(t.heap, deep), 1000).size(), 1010u);
}

}  // namespace
}  // namespace flambeau
