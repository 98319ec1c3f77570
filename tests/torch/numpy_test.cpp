#include <fstream>

#include <flambeau/error.h>
#include <gtest/gtest.h>

#include "pickle/help.h"
#include "torch/assemble.h"
#include "torch/reader.h"
#include "torch/writer.h"

namespace flambeau::torch {
namespace {

using pickle::hex;

class NoStorages final : public Storages {
 public:
  std::shared_ptr<Storage> open(const StorageId&) override { throw Error(ErrorCode::corrupt, "no storages here"); }
};

std::string unhex(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string rewritten(const std::string& stream) {
  NoStorages storages;
  Reader reader(storages, {});
  object::Heap heap;
  Writer writer(Writer::Ids::zip);
  std::string made;
  pickle::write(pickle::read(std::as_bytes(std::span(stream)), heap, reader, Limits{}).root, writer,
                [&](std::string_view piece) { made += piece; });
  return made;
}

TEST(Numpy, IsWrittenAsPythonWritesWhatNumpyLoads) {
  std::ifstream cases(FLAMBEAU_TEST_DATA "/numpy.txt");
  int count = 0;
  for (std::string name, pickled, expected; std::getline(cases, name); ++count) {
    ASSERT_TRUE(std::getline(cases, pickled) && std::getline(cases, expected));
    EXPECT_EQ(hex(rewritten(unhex(pickled))), expected) << name;
  }
  EXPECT_EQ(count, 10);
}

TEST(Numpy, ArraysOfStrangeShapeAreLeftAlone) {
  // _frombuffer of a number; a scalar of a dtype that is none; both stay inert objects.
  const std::string module = "numpy._core.";
  for (const std::string& stream :
       {"\x80\x02"
        "c" +
            module + "numeric\n_frombuffer\n(K\x01K\x02)X\x01" + std::string(3, '\0') + "Ct" + "R.",
        "\x80\x02"
        "c" +
            module + "multiarray\nscalar\nK\x01K\x02\x86R."}) {
    const std::string again = rewritten(stream);
    EXPECT_EQ(rewritten(again), again);
    EXPECT_NE(again.find(module), again.npos);
  }
}

TEST(Numpy, ATensorOfAnotherDeviceIsMadeFromItsArray) {
  test::Pickle p;
  p.global("torch._utils", "_rebuild_device_tensor_from_numpy").mark();
  p.global("numpy.core.multiarray", "_reconstruct").mark().global("numpy", "ndarray").numbers({0});
  p.raw(
       "C\x01"
       "b")
      .tuple()
      .reduce()
      .mark()
      .number(1)
      .numbers({2, 2});
  p.global("numpy", "dtype").mark().text("f4").raw("\x89\x88").tuple().reduce();
  p.mark().number(3).text("<").raw("NNN").number(-1).number(-1).number(0).tuple().raw("b");
  const float elements[] = {1, 3, 2, 4};  // column by column
  p.raw("\x88").raw("C\x10").raw({reinterpret_cast<const char*>(elements), sizeof elements}).tuple().raw("b");
  const std::string stream = p.global("torch", "bfloat16").text("xla:0").raw("\x88").tuple().reduce().stop();
  NoStorages storages;
  Reader reader(storages, {});
  object::Heap heap;
  const auto* const node =
      object::as<object::TensorNode>(pickle::read(std::as_bytes(std::span(stream)), heap, reader, Limits{}).root);
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(node->tensor.dtype(), DType::bfloat16);
  EXPECT_TRUE(node->tensor.requires_grad());
  const float in_order[] = {1, 2, 3, 4};
  EXPECT_TRUE(node->tensor.to(DType::float32).equal(Tensor::of<float>({2, 2}, in_order)));
}

}  // namespace
}  // namespace flambeau::torch
