// Modules to and from their pickled form: what is kept of unknown classes, old versions and hostile graphs.
#include <gtest/gtest.h>

#include <flambeau/error.h>

#include "bytes/scratch.h"
#include "nn/layer_cases.h"
#include "nn/pickle.h"
#include "object/module.h"

namespace flambeau::nn {
namespace {

using object::Ref;

/// A pickled module under construction.
class Builder {
 public:
  Builder(std::string_view module, std::string_view name) {
    object_ = heap->object(object::Construction::newobj, heap->global(module, name), heap->tuple({}));
    set("training", Ref::boolean(true));
    for (const char* table : {"_parameters", "_buffers", "_modules"}) set(table, heap->dict());
  }
  Builder& set(std::string_view key, Ref value) {
    items_.emplace_back(heap->interned(key), value);
    return *this;
  }
  Builder& table(std::string_view key, std::vector<object::Pair> items) {
    for (auto& item : items_)
      if (object::text(item.first) == key) item.second = heap->dict(std::move(items));
    return *this;
  }
  Ref ref() {
    auto* made = object::as<object::Object>(object_);
    made->state = heap->dict(items_);
    made->has_state = true;
    return object_;
  }
  Value value() { return Value(heap, ref()); }

  static inline std::shared_ptr<object::Heap> heap = std::make_shared<object::Heap>();

 private:
  Ref object_{};
  std::vector<object::Pair> items_{};
};

ErrorCode code_of(const Value& value) {
  try {
    from_object(value);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;
}

TEST(FromObject, UnknownClassesKeepTensorsChildrenAndAttributes) {
  auto& heap = Builder::heap;
  Builder relu("torch.nn.modules.activation", "ReLU");
  relu.set("inplace", Ref::boolean(false));
  Builder net("mine", "Net");
  net.table("_parameters", {{heap->interned("w"), heap->tensor(test::filled({2}, 1).set_requires_grad(true), true)}});
  net.table("_modules", {{heap->interned("act"), relu.ref()}, {heap->interned("gone"), Ref()}});
  net.set("factor", heap->floating(0.5));
  const ModulePtr module = from_object(net.value());
  EXPECT_EQ(module->repr(), "Net(\n  (act): ReLU()\n  (gone): None\n)");
  EXPECT_EQ(module->state_dict().size(), 1u);
  ASSERT_EQ(module->attributes().size(), 1u);
  EXPECT_EQ(module->attributes()[0].second.as_double(), 0.5);
  graph::Graph graph;
  try {
    (*module)(graph.input({1}));
    FAIL() << "ran";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_NE(std::string(error.what()).find("mine.Net"), std::string::npos) << error.what();
  }
  const auto fresh = std::make_shared<object::Heap>();
  const Value again(fresh, to_object(*fresh, *module));
  EXPECT_EQ(again.type_name(), "mine.Net");
  EXPECT_EQ(again["factor"].as_double(), 0.5);
  EXPECT_TRUE(again["_modules"]["gone"].is_none());
}

/// Read from its pickled form and written again.
Value resaved(const Value& value) {
  const auto heap = std::make_shared<object::Heap>();
  return Value(heap, to_object(*heap, *from_object(value)));
}

TEST(FromObject, TensorsKeepQuantizersAttributesAndBeingParameters) {
  auto& heap = Builder::heap;
  const auto node = [](Ref ref) { return object::as<object::TensorNode>(ref); };
  const Ref weight = heap->tensor(Tensor::zeros({2}), true), quantized = heap->tensor(Tensor::zeros({2}, DType::qint8));
  node(weight)->attributes = heap->dict({{heap->interned("tag"), Ref::integer(7)}});
  node(quantized)->quantizer =
      std::make_unique<object::Quantizer>(object::Quantizer{.scheme = "per_tensor_affine", .scale = 0.5});
  Builder net("mine", "Net");
  net.table("_parameters", {{heap->interned("w"), weight}});
  net.table("_buffers",
            {{heap->interned("q"), quantized}, {heap->interned("p"), heap->tensor(Tensor::zeros({1}), true)}});
  const Value again = resaved(net.value());
  EXPECT_FALSE(node(again["_parameters"]["w"].ref())->attributes.is_none());
  ASSERT_TRUE(node(again["_buffers"]["q"].ref())->quantizer);
  EXPECT_EQ(node(again["_buffers"]["q"].ref())->quantizer->scale, 0.5);
  EXPECT_TRUE(node(again["_buffers"]["p"].ref())->parameter);
  const ModulePtr dequantized = from_object(net.value());
  dequantized->buffer("q") = Tensor::zeros({2});
  const auto fresh = std::make_shared<object::Heap>();
  EXPECT_FALSE(node(Value(fresh, to_object(*fresh, *dequantized))["_buffers"]["q"].ref())->quantizer);
}

TEST(FromObject, AttributesNameTheModulesAndParametersOfTheTree) {
  auto& heap = Builder::heap;
  const Ref weight = heap->tensor(Tensor::zeros({2}), true), config = heap->dict();
  Builder first("mine", "Part"), second("mine", "Part"), net("mine", "Net");
  first.table("_parameters", {{heap->interned("w"), weight}});
  net.table("_modules", {{heap->interned("a"), first.ref()}, {heap->interned("b"), second.ref()}});
  first.set("config", config).set("parents", heap->list({net.ref()})).set("next", second.ref());
  second.set("config", config);
  net.set("parts", heap->list({first.ref(), weight}));
  for (Builder* each : {&first, &second, &net}) each->ref();  // with all that was set
  const Value again = resaved(net.value());
  const Value a = again["_modules"]["a"], b = again["_modules"]["b"];
  EXPECT_EQ(a["parents"].at(0).ref(), again.ref());
  EXPECT_EQ(a["next"].ref(), b.ref());
  EXPECT_EQ(a["config"].ref(), b["config"].ref());
  EXPECT_EQ(again["parts"].at(0).ref(), a.ref());
  EXPECT_EQ(again["parts"].at(1).ref(), a["_parameters"]["w"].ref());
}

TEST(FromObject, AParameterThatWasReplacedIsNoLongerTheAttributes) {
  auto& heap = Builder::heap;
  const Ref weight = heap->tensor(Tensor::zeros({2}), true);
  Builder net("mine", "Net");
  net.table("_parameters", {{heap->interned("w"), weight}}).set("kept", weight);
  const ModulePtr module = from_object(net.value());
  module->parameter("w") = Tensor::zeros({3});
  const auto fresh = std::make_shared<object::Heap>();
  const Value again(fresh, to_object(*fresh, *module));
  EXPECT_EQ(again["kept"].as_tensor().shape(), (Shape{2}));
  EXPECT_EQ(again["_parameters"]["w"].as_tensor().shape(), (Shape{3}));
}

TEST(FromObject, AKnownClassWithAttributesOfOtherTypesIsInert) {
  auto& heap = Builder::heap;
  Builder pool("torch.nn.modules.pooling", "MaxPool2d");
  pool.set("kernel_size", heap->string("three"));
  const ModulePtr module = from_object(pool.value());
  EXPECT_EQ(module->class_name(), "MaxPool2d");
  EXPECT_EQ(module->attributes().size(), 1u);
  graph::Graph graph;
  EXPECT_THROW((*module)(graph.input({1, 1, 4, 4})), Error);
}

TEST(FromObject, ScalarsOfNumpyAreNumbersAndAreWrittenAgain) {
  auto& heap = Builder::heap;
  const auto numpy = [&](std::string_view code, const auto& number) {
    const Ref dtype = heap->object(object::Construction::reduce, heap->global("numpy", "dtype"),
                                   heap->tuple({heap->string(code), Ref::boolean(false), Ref::boolean(true)}));
    const std::string_view bytes(reinterpret_cast<const char*>(&number), sizeof number);
    return heap->object(object::Construction::reduce, heap->global("numpy._core.multiarray", "scalar"),
                        heap->tuple({dtype, heap->bytes(bytes)}));
  };
  const auto with = [&](Module& module, const std::vector<std::pair<std::string, Ref>>& attributes) {
    const Value value(heap, to_object(*heap, module));
    for (auto& item : object::as<object::Dict>(object::as<object::Object>(value.ref())->state)->items)
      for (const auto& [name, ref] : attributes)
        if (object::text(item.first) == name) item.second = ref;
    return from_object(value);
  };
  const Ref four = numpy("i8", std::int64_t{4}), three = numpy("i8", std::int64_t{3});
  Linear plain(4, 3);
  const ModulePtr linear = with(plain, {{"in_features", four}});
  EXPECT_EQ(linear->repr(), "Linear(in_features=4, out_features=3, bias=True)");
  graph::Graph graph;
  EXPECT_EQ((*linear)(graph.input({2, 4})).shape(), (Shape{2, 3}));
  const auto written = [](Module& module, const char* name) {
    const auto fresh = std::make_shared<object::Heap>();
    return Value(fresh, to_object(*fresh, module))[name];
  };
  EXPECT_EQ(written(*linear, "in_features").type_name(), "numpy.int64");
  EXPECT_EQ(written(*linear, "out_features").as_int(), 3);
  std::dynamic_pointer_cast<Linear>(linear)->in_features = 5;  // no longer what the file said
  EXPECT_EQ(written(*linear, "in_features").as_int(), 5);
  Conv2d square(4, 4, 3);
  const ModulePtr conv = with(square, {{"kernel_size", heap->tuple({three, Ref::integer(3)})}});
  EXPECT_EQ(conv->repr(), "Conv2d(4, 4, kernel_size=(np.int64(3), 3), stride=(1, 1))");
  EXPECT_EQ(written(*conv, "kernel_size").at(0).type_name(), "numpy.int64");
  BatchNorm2d norm(4);
  const ModulePtr batch_norm = with(norm, {{"eps", numpy("f8", 0.001)},
                                           {"momentum", numpy("f4", 0.1F)},
                                           {"affine", numpy("b1", true)},
                                           {"track_running_stats", Ref::integer(1)}});
  EXPECT_EQ(
      batch_norm->repr(),
      "BatchNorm2d(4, eps=0.001, momentum=0.10000000149011612, affine=True, bias=True, track_running_stats=True)");
  EXPECT_EQ(written(*batch_norm, "track_running_stats").kind(), Kind::integer);
  const ModulePtr inert = with(norm, {{"eps", heap->string("small")}});
  EXPECT_EQ(inert->state_dict().version(""), 2);
}

TEST(FromObject, ParameterListsAndDictsPrintAllThatTheyHold) {
  auto& heap = Builder::heap;
  const Ref parameter = heap->tensor(test::filled({2}, 1), true);
  Builder list("torch.nn.modules.container", "ParameterList"), dict("torch.nn.modules.container", "ParameterDict");
  Builder inner("torch.nn.modules.container", "ParameterList");
  list.table("_parameters", {{heap->interned("0"), parameter}}).table("_modules", {{heap->interned("2"), inner.ref()}});
  list.set("_size", Ref::integer(4)).set("1", Ref::integer(3)).set("3", Ref());
  EXPECT_EQ(
      from_object(list.value())->repr(),
      "ParameterList(\n    (0): Parameter containing: [torch.float32 of size 2]\n    (1): Object of type: int\n    "
      "(2): Object of type: ParameterList\n    (3): Object of type: NoneType\n  (2): ParameterList()\n)");
  dict.table("_parameters", {{heap->interned("b"), parameter}});
  dict.set("_keys", heap->dict({{heap->interned("a"), Ref()}, {heap->interned("b"), Ref()}}));
  dict.set("a", heap->string("x"));
  EXPECT_EQ(
      from_object(dict.value())->repr(),
      "ParameterDict(\n    (a): Object of type: str\n    (b): Parameter containing: [torch.FloatTensor of size 2]\n)");
}

TEST(FromObject, ParametersThatAreNoDenseTensorsAreKept) {
  auto& heap = Builder::heap;
  const Ref none_yet =
      heap->object(object::Construction::reduce, heap->global("torch.nn.parameter", "UninitializedParameter"),
                   heap->tuple({Ref::boolean(true)}));
  Builder lazy("torch.nn.modules.linear", "LazyLinear");
  lazy.table("_parameters", {{heap->interned("weight"), none_yet}, {heap->interned("bias"), none_yet}});
  lazy.set("in_features", Ref::integer(0)).set("out_features", Ref::integer(3));
  const ModulePtr module = from_object(lazy.value());
  EXPECT_EQ(module->repr(), "LazyLinear(in_features=0, out_features=3, bias=True)");
  const StateDict state = module->state_dict();
  ASSERT_EQ(state.size(), 2U);
  EXPECT_EQ(state[0].extra.type_name(), "torch.nn.parameter.UninitializedParameter");
  const auto fresh = std::make_shared<object::Heap>();
  const Value again(fresh, to_object(*fresh, *module));
  EXPECT_EQ(again.type_name(), "torch.nn.modules.linear.LazyLinear");
  EXPECT_EQ(again["_parameters"]["bias"].type_name(), "torch.nn.parameter.UninitializedParameter");
  Builder plain("torch.nn.modules.linear", "Linear");
  plain.table("_parameters", {{heap->interned("weight"), none_yet}, {heap->interned("bias"), Ref()}});
  for (const ModulePtr& each : {module, from_object(plain.value())}) {
    graph::Graph graph;
    try {
      (*each)(graph.input({1, 3}));
      FAIL() << "ran";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported);
    }
    StateDict dense;
    dense.set("weight", test::filled({3, 3}, 1));
    EXPECT_THROW(each->load_state_dict(dense, {.strict = false}), Error);
  }
}

TEST(FromObject, TransformerLayersSayWhichActivationTheyHave) {
  const auto said = [](const ModulePtr& layer) {
    const auto heap = std::make_shared<object::Heap>();
    return Value(heap, to_object(*heap, *layer))["activation_relu_or_gelu"].as_int();
  };
  const auto with = [](ModulePtr activation) {
    const auto layer = std::make_shared<TransformerEncoderLayer>(4, 2, TransformerLayerOptions{.dim_feedforward = 8});
    layer->register_module("activation", std::move(activation));
    return layer;
  };
  EXPECT_EQ(said(std::make_shared<TransformerEncoderLayer>(4, 2)), 1);
  EXPECT_EQ(said(std::make_shared<TransformerEncoderLayer>(4, 2, TransformerLayerOptions{.activation = "gelu"})), 2);
  EXPECT_EQ(said(with(std::make_shared<ReLU>())), 1);
  EXPECT_EQ(said(with(std::make_shared<GELU>())), 2);
  EXPECT_EQ(said(with(std::make_shared<SiLU>())), 0);
}

TEST(FromObject, TransformerLayersRunWithFunctionsOfTorch) {
  auto& heap = Builder::heap;
  const Ref builtin =
      heap->object(object::Construction::reduce, heap->global("builtins", "getattr"),
                   heap->tuple({heap->global("torch._C", "_VariableFunctionsClass"), heap->string("tanh")}));
  const auto text_with = [&](Ref activation) {
    const auto layer = std::make_shared<TransformerEncoderLayer>(4, 2, TransformerLayerOptions{.dim_feedforward = 8});
    const Value value(heap, to_object(*heap, *layer));
    auto* state = object::as<object::Dict>(object::as<object::Object>(value.ref())->state);
    for (auto& item : state->items)
      if (object::text(item.first) == "activation") item.second = activation;
    graph::Graph graph;
    from_object(value)->forward(graph.input({2, 1, 4}));
    return to_string(graph);
  };
  EXPECT_NE(text_with(builtin).find(" tanh "), std::string::npos);
  EXPECT_NE(text_with(heap->global("torch.nn.functional", "silu")).find(" silu "), std::string::npos);
  EXPECT_THROW(text_with(heap->global("mine", "relu")), Error);
}

TEST(FromObject, LayersAreNoMoreThanTheirParameters) {
  Builder lstm("torch.nn.modules.rnn", "LSTM");
  lstm.set("num_layers", Builder::heap->integer(std::int64_t{1} << 40));
  const ModulePtr inert = from_object(lstm.value());
  EXPECT_NE(dynamic_cast<const UnknownModule*>(inert.get()), nullptr);
  EXPECT_EQ(inert->class_name(), "LSTM");
}

TEST(FromObject, FillsWhatOldVersionsLack) {
  auto& heap = Builder::heap;
  Builder conv("torch.nn.modules.conv", "Conv2d");
  const auto pair = [&](int v) { return heap->tuple({Ref::integer(v), Ref::integer(v)}); };
  conv.set("in_channels", Ref::integer(1)).set("out_channels", Ref::integer(1)).set("kernel_size", pair(3));
  conv.set("stride", pair(1)).set("padding", pair(0)).set("dilation", pair(1)).set("transposed", Ref::boolean(false));
  conv.set("output_padding", pair(0)).set("groups", Ref::integer(1));  // no padding_mode before 1.1
  conv.set("_backend",
           heap->object(object::Construction::reduce, heap->global("torch.nn.backends.thnn", "f"), heap->tuple({})));
  conv.table("_parameters", {{heap->interned("weight"), heap->tensor(test::filled({1, 1, 3, 3}, 1), true)},
                             {heap->interned("bias"), Ref()}});
  const ModulePtr module = from_object(conv.value());
  EXPECT_EQ(module->repr(), "Conv2d(1, 1, kernel_size=(3, 3), stride=(1, 1), bias=False)");
  EXPECT_TRUE(module->attributes().empty());
  Builder upsample("torch.nn.modules.upsampling", "Upsample");
  upsample.set("size", Ref()).set("scale_factor", heap->floating(2)).set("mode", heap->string("nearest"));
  EXPECT_EQ(std::dynamic_pointer_cast<Upsample>(from_object(upsample.value()))->recompute_scale_factor, true);
  Builder gelu("torch.nn.modules.activation", "GELU");
  EXPECT_EQ(from_object(gelu.value())->repr(), "GELU(approximate='none')");
}

TEST(FromObject, KeepsHooksButDoesNotRun) {
  auto& heap = Builder::heap;
  Builder relu("torch.nn.modules.activation", "ReLU");
  relu.set("inplace", Ref::boolean(false));
  relu.set("_forward_hooks", heap->ordered_dict({{Ref::integer(0), heap->global("mine", "hook")}}));
  relu.set("_backward_hooks", heap->ordered_dict());
  const ModulePtr module = from_object(relu.value());
  ASSERT_EQ(module->attributes().size(), 1u);
  graph::Graph graph;
  EXPECT_THROW((*module)(graph.input({1})), Error);
  const auto fresh = std::make_shared<object::Heap>();
  const Value again(fresh, to_object(*fresh, *module));
  EXPECT_EQ(again["_forward_hooks"].size(), 1u);
  EXPECT_EQ(again["_backward_hooks"].size(), 0u);
}

TEST(FromObject, SharedModulesStayOne) {
  const auto shared = std::make_shared<ReLU>();
  const auto both = std::make_shared<Sequential>(Modules{shared, shared});
  const auto heap = std::make_shared<object::Heap>();
  const ModulePtr back = from_object(Value(heap, to_object(*heap, *both)));
  EXPECT_EQ(back->child("0"), back->child("1"));
}

TEST(FromObject, RefusesHostileGraphs) {
  auto& heap = Builder::heap;
  EXPECT_EQ(code_of(Value(heap, heap->dict())), ErrorCode::type);
  EXPECT_EQ(code_of(Value(3)), ErrorCode::type);
  Builder loop("torch.nn.modules.container", "Sequential");
  loop.table("_modules", {{heap->interned("0"), loop.ref()}});
  EXPECT_EQ(code_of(loop.value()), ErrorCode::unsupported);
  Builder odd("torch.nn.modules.container", "Sequential");
  odd.table("_modules", {{Ref::integer(0), Ref()}});
  EXPECT_EQ(code_of(odd.value()), ErrorCode::corrupt);
  Builder twice("torch.nn.modules.container", "Sequential");
  twice.table("_modules", {{heap->interned("a"), Ref()}, {heap->interned("a"), Ref()}});
  EXPECT_EQ(code_of(twice.value()), ErrorCode::corrupt);
  Builder number("torch.nn.modules.linear", "Linear");
  number.table("_parameters", {{heap->interned("weight"), Ref::integer(1)}});
  EXPECT_EQ(code_of(number.value()), ErrorCode::unsupported);
  Ref deepest = Builder("torch.nn.modules.container", "Sequential").ref();
  for (int i = 0; i < 100000; ++i) {
    Builder outer("torch.nn.modules.container", "Sequential");
    outer.table("_modules", {{heap->interned("0"), deepest}});
    deepest = outer.ref();
  }
  EXPECT_EQ(code_of(Value(heap, deepest)), ErrorCode::limit);
}

/// A Sequential that holds `child` twice.
Ref doubled(std::string_view first, Ref child) {
  Builder outer("torch.nn.modules.container", "Sequential");
  outer.table("_modules", {{Builder::heap->string(first), child}, {Builder::heap->interned("1"), child}});
  return outer.ref();
}

TEST(FromObject, SharingCannotMakeItExponential) {
  Ref top = Builder("torch.nn.modules.container", "Sequential").ref();
  for (int i = 0; i < 10; ++i) top = doubled("0", top);
  EXPECT_EQ(from_object(Value(Builder::heap, top))->named_modules().size(), 11u);
  for (int i = 0; i < 30; ++i) top = doubled("0", top);
  EXPECT_EQ(code_of(Value(Builder::heap, top)), ErrorCode::limit);
}

TEST(ModuleStateDict, LongNamesCannotFillTheMemory) {
  const std::string name(1 << 20, 'k');
  Ref top = Builder("torch.nn.modules.container", "Sequential").ref();
  for (int i = 0; i < 8; ++i) top = doubled(name, top);
  EXPECT_ERROR(object::module_state_dict(Value(Builder::heap, top)), ErrorCode::limit,
               "names of more than 268435456 bytes");
}

TEST(FromObject, TheClassTableHasNoDoubles) {
  const auto rows = classes();
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_FALSE(rows[i].module == rows[j].module && rows[i].name == rows[j].name) << rows[i].name;
}

TEST(FromObject, EveryBlankIsOfItsOwnClass) {
  for (const ClassRow& row : classes()) {
    if (row.name == "_LinearWithBias" || row.name == "NLLLoss2d") continue;
    const ModulePtr module = row.blank();
    EXPECT_EQ(module->class_name(), row.name);
    EXPECT_EQ(module->python_module(), row.module);
    EXPECT_TRUE(module->children().empty()) << row.name;
  }
}

TEST(FromObject, ExtraClassesComeFirst) {
  const ClassRow rows[] = {{"mine", "Net", []() -> ModulePtr { return std::make_shared<Sequential>(Blank{}); }}};
  Builder net("mine", "Net");
  EXPECT_EQ(from_object(net.value(), rows)->class_name(), "Sequential");
}

TEST(ToObject, ATupleThatIsPassedOnIsOneObject) {
  const auto pool = std::make_shared<MaxPool2d>(Size{2, 2});
  const auto heap = std::make_shared<object::Heap>();
  const Value value(heap, to_object(*heap, *pool));
  EXPECT_EQ(value["kernel_size"].ref(), value["stride"].ref());
  const Value conv(heap, to_object(*heap, *std::make_shared<Conv2d>(1, 1, 3)));
  EXPECT_FALSE(conv["stride"].ref() == conv["dilation"].ref());
}

}  // namespace
}  // namespace flambeau::nn
