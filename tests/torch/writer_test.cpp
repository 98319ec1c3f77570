#include "torch/writer.h"

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <gtest/gtest.h>

#include "pickle/help.h"

namespace flambeau::torch {
namespace {

using pickle::hex;

// data.pkl of torch.save of torch 2.13, in hex.
// linear: nn.Linear(2, 1).state_dict(); float8: torch.zeros(4).to(torch.float8_e4m3fn);
// frozen_parameter: nn.Parameter(torch.zeros(2), requires_grad=False); parameter_with_state:
// nn.Parameter(torch.zeros(1)) with tag = "label"; conj: torch.zeros(2, dtype=torch.complex64).conj(), and
// torch._neg_view() of it; meta: torch.empty(5, 2, device="meta").t(); quantized:
// torch.quantize_per_tensor(torch.zeros(2), 0.5, 10, torch.quint8)
constexpr std::string_view linear =
    "800263636f6c6c656374696f6e730a4f726465726564446963740a710029527101285806000000776569676874710263746f7263682e"
    "5f7574696c730a5f72656275696c645f74656e736f725f76320a71032828580700000073746f72616765710463746f7263680a466c6f"
    "617453746f726167650a71055801000000307106580300000063707571074b02747108514b004b014b028671094b024b0186710a8968"
    "002952710b74710c52710d580400000062696173710e6803282868046805580100000031710f68074b01747110514b004b018571114b"
    "0185711289680029527113747114527115757d711658090000005f6d657461646174617117680029527118580000000071197d711a58"
    "0700000076657273696f6e711b4b01737373622e";
constexpr std::string_view float8 =
    "800263746f7263682e5f7574696c730a5f72656275696c645f74656e736f725f76330a71002828580700000073746f72616765710163"
    "746f7263682e73746f726167650a556e747970656453746f726167650a71025801000000307103580300000063707571044b04747105"
    "514b004b048571064b018571078963636f6c6c656374696f6e730a4f726465726564446963740a71082952710963746f7263680a666c"
    "6f6174385f65346d33666e0a710a74710b52710c2e";
constexpr std::string_view frozen_parameter =
    "800263746f7263682e5f7574696c730a5f72656275696c645f706172616d657465720a710063746f7263682e5f7574696c730a5f7265"
    "6275696c645f74656e736f725f76320a71012828580700000073746f72616765710263746f7263680a466c6f617453746f726167650a"
    "71035801000000307104580300000063707571054b02747106514b004b028571074b018571088963636f6c6c656374696f6e730a4f72"
    "6465726564446963740a71092952710a74710b52710c8968092952710d87710e52710f2e";
constexpr std::string_view parameter_with_state =
    "800263746f7263682e5f7574696c730a5f72656275696c645f706172616d657465725f776974685f73746174650a71002863746f7263"
    "682e5f7574696c730a5f72656275696c645f74656e736f725f76320a71012828580700000073746f72616765710263746f7263680a46"
    "6c6f617453746f726167650a71035801000000307104580300000063707571054b01747106514b004b018571074b018571088963636f"
    "6c6c656374696f6e730a4f726465726564446963740a71092952710a74710b52710c8868092952710d7d710e5803000000746167710f"
    "58050000006c6162656c7110737471115271122e";
constexpr std::string_view conj =
    "800263746f7263682e5f7574696c730a5f72656275696c645f74656e736f725f76320a71002828580700000073746f72616765710163"
    "746f7263680a436f6d706c6578466c6f617453746f726167650a71025801000000307103580300000063707571044b02747105514b00"
    "4b028571064b018571078963636f6c6c656374696f6e730a4f726465726564446963740a7108295271097d710a5804000000636f6e6a"
    "710b887374710c52710d2e";
constexpr std::string_view negative_conj =
    "800263746f7263682e5f7574696c730a5f72656275696c645f74656e736f725f76320a71002828580700000073746f72616765710163"
    "746f7263680a436f6d706c6578466c6f617453746f726167650a71025801000000307103580300000063707571044b02747105514b00"
    "4b028571064b018571078963636f6c6c656374696f6e730a4f726465726564446963740a7108295271097d710a2858030000006e6567"
    "710b885804000000636f6e6a710c887574710d52710e2e";
constexpr std::string_view meta =
    "800263746f7263682e5f7574696c730a5f72656275696c645f6d6574615f74656e736f725f6e6f5f73746f726167650a71002863746f"
    "7263680a666c6f617433320a71014b024b058671024b014b02867103897471045271052e";
constexpr std::string_view quantized =
    "800263746f7263682e5f7574696c730a5f72656275696c645f7174656e736f720a71002828580700000073746f72616765710163746f"
    "7263680a5155496e743853746f726167650a71025801000000307103580300000063707571044b02747105514b004b028571064b0185"
    "710763746f7263680a7065725f74656e736f725f616666696e650a7108473fe00000000000004b0a8771098963636f6c6c656374696f"
    "6e730a4f726465726564446963740a710a2952710b74710c52710d2e";

std::string pickled(object::Ref root, Writer& writer) {
  std::string stream;
  pickle::write(root, writer, [&](std::string_view piece) { stream += piece; });
  return hex(stream);
}

std::string pickled(object::Ref root) {
  Writer writer(Writer::Ids::zip);
  return pickled(root, writer);
}

TEST(TorchWriter, StateDictAsTorchWritesIt) {
  StateDict state;
  state.set("weight", Tensor::zeros({1, 2}));
  state.set("bias", Tensor::zeros({1}));
  state.set_metadata({{"", 1}});
  Writer writer(Writer::Ids::zip);
  EXPECT_EQ(pickled(state.to_value().ref(), writer), linear);
  ASSERT_EQ(writer.storages().size(), 2u);
  EXPECT_EQ(writer.storages()[0].key, "0");
  EXPECT_EQ(writer.storages()[1].key, "1");
}

TEST(TorchWriter, NewDtypesGoThroughUntypedStorages) {
  object::Heap heap;
  EXPECT_EQ(pickled(heap.tensor(Tensor::zeros({4}, DType::float8_e4m3fn))), float8);
  Writer legacy(Writer::Ids::legacy);
  EXPECT_THROW(pickled(heap.tensor(Tensor::zeros({4}, DType::float8_e4m3fn)), legacy),
               Error);  // torch could not load it
}

TEST(TorchWriter, Parameters) {
  object::Heap heap;
  EXPECT_EQ(pickled(heap.tensor(Tensor::zeros({2}), true)), frozen_parameter);
  Tensor one = Tensor::zeros({1});
  one.set_requires_grad(true);
  const object::Ref tagged = heap.tensor(one, true);
  object::as<object::TensorNode>(tagged)->attributes = heap.dict({{heap.string("tag"), heap.string("label")}});
  EXPECT_EQ(pickled(tagged), parameter_with_state);
}

TEST(TorchWriter, BitsMetaAndQuantizers) {
  object::Heap heap;
  Tensor complex = Tensor::zeros({2}, DType::complex64);
  complex.set_conj(true);
  EXPECT_EQ(pickled(heap.tensor(complex)), conj);
  complex.set_neg(true);
  EXPECT_EQ(pickled(heap.tensor(complex)), negative_conj);
  EXPECT_EQ(pickled(heap.tensor(Tensor::meta({5, 2}, DType::float32).permute({1, 0}))), meta);
  const object::Ref tensor = heap.tensor(Tensor::zeros({2}, DType::quint8));
  auto& quantizer = object::as<object::TensorNode>(tensor)->quantizer = std::make_unique<object::Quantizer>();
  quantizer->scheme = "per_tensor_affine";
  quantizer->scale = 0.5;
  quantizer->zero_point = 10;
  EXPECT_EQ(pickled(tensor), quantized);
}

TEST(TorchWriter, OneStorageHasOneDtype) {
  object::Heap heap;
  const auto storage = Storage::zeros(8, DType::float32);
  const object::Ref pair = heap.tuple(
      {heap.tensor(Tensor(storage, DType::float32, {2}, {1})), heap.tensor(Tensor(storage, DType::int32, {2}, {1}))});
  EXPECT_THROW(pickled(pair), Error);
}

}  // namespace
}  // namespace flambeau::torch
