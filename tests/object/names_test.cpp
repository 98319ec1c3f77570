// What Python calls the types of a tree's values.
#include <gtest/gtest.h>

#include <flambeau/object.h>

namespace flambeau {
namespace {

TEST(TypeName, ClassesNotTheFunctionsThatMakeTheirObjects) {
  const auto heap = std::make_shared<object::Heap>();
  const auto made = [&](const char* module, const char* name) {
    const object::Ref args = heap->tuple({heap->global("numpy", "ndarray")});
    return Value(heap, heap->object(object::Construction::reduce, heap->global(module, name), args)).type_name();
  };
  EXPECT_EQ(made("numpy._core.multiarray", "_reconstruct"), "numpy.ndarray");
  EXPECT_EQ(made("numpy.core.multiarray", "_reconstruct"), "numpy.ndarray");
  EXPECT_EQ(made("builtins", "slice"), "slice");
  EXPECT_EQ(made("builtins", "complex"), "complex");
  EXPECT_EQ(made("torch._utils", "_rebuild_sparse_tensor"), "torch.Tensor");
  EXPECT_EQ(made("torch._utils", "_rebuild_parameter"), "torch.nn.parameter.Parameter");
  EXPECT_EQ(made("mine", "Config"), "mine.Config");
}

TEST(TypeName, ScalarsOfNumpyHaveTheirOwn) {
  const auto heap = std::make_shared<object::Heap>();
  const auto reduce = [&](const char* module, const char* name, std::vector<object::Ref> args) {
    return heap->object(object::Construction::reduce, heap->global(module, name), heap->tuple(std::move(args)));
  };
  const object::Ref dtype = reduce("numpy", "dtype", {heap->string("f4")});
  const object::Ref scalar = reduce("numpy._core.multiarray", "scalar", {dtype, heap->bytes(std::string(4, '\0'))});
  EXPECT_EQ(Value(heap, scalar).type_name(), "numpy.float32");
}

TEST(TypeName, ADtypeIsNoOtherGlobal) {
  const auto heap = std::make_shared<object::Heap>();
  EXPECT_EQ(Value(heap, heap->global("torch", "float32")).type_name(), "torch.dtype");
  EXPECT_EQ(Value(heap, heap->global("torch", "relu")).type_name(), "global");
}

}  // namespace
}  // namespace flambeau
