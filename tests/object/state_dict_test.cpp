// What a StateDict keeps of the tree that it was made from.
#include <gtest/gtest.h>

#include <flambeau/checkpoint.h>

#include "object/copy.h"

namespace flambeau {
namespace {

using object::as;
using object::Ref;
using object::TensorNode;

/// A quantized tensor, a Parameter with an attribute that the tensor behind it has too, and metadata beside a version.
Value odd_state_dict() {
  const auto heap = std::make_shared<object::Heap>();
  const Ref tag = heap->list({Ref::integer(1)});
  const auto attributes = [&] { return heap->dict({{heap->interned("tag"), tag}}); };
  const Ref quantized = heap->tensor(Tensor::zeros({3}, DType::qint8));
  as<TensorNode>(quantized)->quantizer =
      std::make_unique<object::Quantizer>(object::Quantizer{.scheme = "per_tensor_affine", .scale = 0.1});
  const Ref parameter = heap->tensor(Tensor::zeros({2}), true);
  as<TensorNode>(parameter)->attributes = attributes();
  const Ref tensor = heap->tensor(Tensor::zeros({2}));
  as<TensorNode>(tensor)->type = heap->global("torch", "Tensor");
  as<TensorNode>(tensor)->attributes = attributes();
  const Ref root = heap->ordered_dict(
      {{heap->interned("q"), quantized}, {heap->interned("p"), parameter}, {heap->interned("t"), tensor}});
  const Ref entry = heap->dict({{heap->interned("version"), Ref::integer(2)}, {heap->interned("more"), tag}});
  as<object::Dict>(root)->state =
      heap->dict({{heap->interned("_metadata"), heap->ordered_dict({{heap->string(""), entry}})}});
  return Value(heap, root);
}

TEST(StateDict, QuantizersAndAttributesComeBack) {
  const auto same = [](const StateDict& state) {
    const Value value = state.to_value();
    const auto node = [&](std::size_t i) { return as<TensorNode>(value.item(i).second.ref()); };
    ASSERT_TRUE(node(0)->quantizer);
    EXPECT_EQ(node(0)->quantizer->scale, 0.1);
    EXPECT_TRUE(node(1)->parameter);
    EXPECT_EQ(object::global_name(node(2)->type), "torch.Tensor");
    const auto tag = [&](std::size_t i) {
      const auto* attributes = as<object::Dict>(node(i)->attributes);
      return attributes ? object::get(*attributes, "tag") : std::nullopt;
    };
    ASSERT_TRUE(tag(1));
    EXPECT_EQ(tag(1), tag(2)) << "one list is two";
  };
  const StateDict state = StateDict::from_value(odd_state_dict());
  same(state);
  same(state.select({}));
  same(state.renamed([](std::string_view name) { return "net." + std::string(name); }));
}

TEST(StateDict, ATensorThatIsSetHasNothingOfTheOneBefore) {
  StateDict state = StateDict::from_value(odd_state_dict());
  state.set("q", Tensor::zeros({3}));
  EXPECT_FALSE(as<TensorNode>(state.to_value()["q"].ref())->quantizer);
}

TEST(StateDict, MetadataKeepsWhatStandsBesideTheVersion) {
  StateDict state = StateDict::from_value(odd_state_dict());
  auto metadata = state.metadata();
  ASSERT_EQ(metadata.size(), 1u);
  metadata[0].version = 3;
  state.set_metadata(metadata);
  const Value value = state.to_value();
  const auto table = object::get(*as<object::Dict>(as<object::Dict>(value.ref())->state), "_metadata");
  const Value entry = Value(value.heap(), *table).find("").value();
  EXPECT_EQ(entry["version"].as_int(), 3);
  EXPECT_EQ(entry["more"].size(), 1u);
}

/// A pickled module with these tables.
Ref module_of(object::Heap& heap, const char* where, const char* name, std::vector<object::Pair> parameters,
              std::vector<object::Pair> modules) {
  const Ref made = heap.object(object::Construction::newobj, heap.global(where, name), heap.tuple({}));
  as<object::Object>(made)->state = heap.dict({{heap.interned("_parameters"), heap.dict(std::move(parameters))},
                                               {heap.interned("_modules"), heap.dict(std::move(modules))}});
  return made;
}

TEST(StateDict, OfAWholeModelIsDetachedAndHasItsClassesVersions) {
  const auto heap = std::make_shared<object::Heap>();
  const Ref weight = heap->tensor(Tensor::zeros({2}).set_requires_grad(true), true);
  as<TensorNode>(weight)->attributes = heap->dict();
  const Ref sparse = heap->object(object::Construction::reduce, heap->global("torch._utils", "_rebuild_sparse_tensor"),
                                  heap->tuple({}));
  const Ref norm =
      module_of(*heap, "torch.nn.modules.batchnorm", "BatchNorm2d", {{heap->interned("weight"), weight}}, {});
  const Ref root =
      module_of(*heap, "mine", "BatchNorm2d", {{heap->interned("s"), sparse}, {heap->interned("n"), Ref()}},
                {{heap->interned("bn"), norm}});
  const StateDict state = Checkpoint(Value(heap, root)).state_dict();
  EXPECT_EQ(state.version(""), 1);
  EXPECT_EQ(state.version("bn"), 2);
  ASSERT_EQ(state.size(), 2u);
  EXPECT_EQ(state[0].name, "s");
  EXPECT_EQ(state[0].extra.kind(), Kind::object);
  EXPECT_FALSE(state["bn.weight"].requires_grad());
  const Value value = state.to_value();
  const auto* written = as<TensorNode>(value["bn.weight"].ref());
  EXPECT_FALSE(written->parameter);
  EXPECT_TRUE(object::is_plain(*written));
}

}  // namespace
}  // namespace flambeau
