#include "torch/reader.h"

#include <flambeau/error.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "torch/assemble.h"

namespace flambeau::torch {
namespace {

using test::Pickle;
using testing::HasSubstr;

/// Storages of zeros, of whatever size is asked for.
class Zeros : public Storages {
 public:
  std::shared_ptr<Storage> open(const StorageId& id) override {
    ids.push_back(id);
    return Storage::zeros(id.nbytes, id.dtype);
  }
  std::vector<StorageId> ids;
};

struct Read {
  std::shared_ptr<object::Heap> heap = std::make_shared<object::Heap>();
  Zeros storages;
  object::Ref root;
  std::vector<std::string> notes;

  explicit Read(const std::string& stream, bool inert = false) {
    Reader reader(storages, {{}, inert, {}});
    root = pickle::read(std::as_bytes(std::span(stream)), *heap, reader, Limits{}).root;
    reader.finish();
    reader.append_notes(notes);
  }
  const object::TensorNode& tensor() const { return *object::as<object::TensorNode>(root); }
};

std::string failure(const std::string& stream, ErrorCode code = ErrorCode::corrupt) {
  try {
    Read read(stream);
    return "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_TRUE(error.place().offset) << error.what();
    return error.what();
  }
}

TEST(TorchReader, BuildsViewsOverStorages) {
  const Read read(Pickle().tensor("7", 12, 2, {2, 3}, {1, 4}).stop());
  EXPECT_EQ(read.tensor().tensor.shape(), (Shape{2, 3}));
  EXPECT_EQ(read.tensor().tensor.strides(), (Shape{1, 4}));
  EXPECT_EQ(read.tensor().tensor.offset(), 2);
  EXPECT_EQ(read.tensor().tensor.dtype(), DType::float32);
  ASSERT_EQ(read.storages.ids.size(), 1u);
  EXPECT_EQ(read.storages.ids[0].key, "7");
  EXPECT_EQ(read.storages.ids[0].nbytes, 48u);
}

TEST(TorchReader, TiesTensorsOfOneKey) {
  const Read read(Pickle().mark().tensor("0", 4, 0, {4}, {1}).tensor("0", 4, 1, {2}, {1}).tuple().stop());
  const auto& items = object::as<object::Sequence>(read.root)->items;
  EXPECT_EQ(object::as<object::TensorNode>(items[0])->tensor.storage(),
            object::as<object::TensorNode>(items[1])->tensor.storage());
  EXPECT_EQ(read.storages.ids.size(), 1u);
}

TEST(TorchReader, KnowsTheStorageClassesThatOnlyLibtorchNames) {
  const std::pair<std::string_view, DType> classes[] = {{"UInt16Storage", DType::uint16},
                                                        {"ComplexHalfStorage", DType::complex32},
                                                        {"Float8_e4m3fnStorage", DType::float8_e4m3fn},
                                                        {"Float4_e2m1fn_x2Storage", DType::float4_e2m1fn_x2},
                                                        {"Bits1x8Storage", DType::bits1x8}};
  for (const auto& [name, dtype] : classes) {
    const Read read(Pickle()
                        .global("torch._utils", "_rebuild_tensor_v2")
                        .mark()
                        .storage(name, "0", 4)
                        .number(0)
                        .numbers({4})
                        .numbers({1})
                        .raw("\x89")
                        .hooks()
                        .tuple()
                        .reduce()
                        .stop());
    EXPECT_EQ(read.tensor().tensor.dtype(), dtype);
    EXPECT_EQ(standing("torch", name), Standing::known);
  }
}

TEST(TorchReader, RefusesTensorsThatLeaveTheirStorage) {
  EXPECT_THAT(failure(Pickle().tensor("3", 100, 0, {200}, {1}).stop()),
              HasSubstr("storage '3' holds 400 bytes, 800 needed"));
  EXPECT_THAT(failure(Pickle().tensor("3", 100, 1, {100}, {1}).stop()), HasSubstr("404 needed"));
  EXPECT_THAT(failure(Pickle().tensor("3", 100, -1, {1}, {1}).stop()), HasSubstr("offset -1"));
  EXPECT_THAT(failure(Pickle().tensor("3", 100, 0, {2}, {-1}).stop()), HasSubstr("stride -1"));
  EXPECT_THAT(failure(Pickle().tensor("3", 100, 0, {-2}, {1}).stop()), HasSubstr("-2"));
  EXPECT_THAT(failure(Pickle().tensor("3", 100, 0, {2, 2}, {1}).stop()), HasSubstr("dimensions"));
  failure(Pickle().tensor("3", 100, 0, {INT64_MAX, INT64_MAX, 4}, {1, 1, 1}).stop());
  failure(Pickle().tensor("3", 100, INT64_MAX, {2}, {INT64_MAX}).stop());
}

TEST(TorchReader, ChecksTheKindsOfArguments) {
  const auto with_size = [](auto&& size) {
    Pickle pickle;
    pickle.global("torch._utils", "_rebuild_tensor_v2").mark().storage("FloatStorage", "0", 4).number(0);
    size(pickle);
    return pickle.numbers({1}).raw("\x89").hooks().tuple().reduce().stop();
  };
  EXPECT_THAT(failure(with_size([](Pickle& p) { p.mark().raw("\x88").tuple(); })),
              HasSubstr("argument 2"));  // True is no size
  EXPECT_THAT(failure(with_size([](Pickle& p) { p.text("4"); })), HasSubstr("argument 2 is a string"));
  EXPECT_THAT(failure(Pickle().global("torch._utils", "_rebuild_tensor_v2").mark().number(1).tuple().reduce().stop()),
              HasSubstr("1 arguments, expected 6 to 7"));
}

TEST(TorchReader, LimitsDimensions) {
  Pickle pickle;
  pickle.global("torch._utils", "_rebuild_tensor_v2").mark().storage("FloatStorage", "0", 4).number(0).mark();
  for (int i = 0; i < 65; ++i) pickle.number(1);
  pickle.tuple().numbers({1}).raw("\x89").hooks().tuple().reduce();
  EXPECT_THAT(failure(pickle.stop(), ErrorCode::limit), HasSubstr("max_tensor_rank is 64"));
}

TEST(TorchReader, RefusesContradictingIds) {
  const auto two = [](std::string_view second_class, std::int64_t second_numel) {
    return Pickle().mark().storage("FloatStorage", "0", 4).storage(second_class, "0", second_numel).tuple().stop();
  };
  EXPECT_THAT(failure(two("DoubleStorage", 4)), HasSubstr("storage '0' is DoubleStorage here and FloatStorage before"));
  EXPECT_THAT(failure(two("FloatStorage", 5)), HasSubstr("storage '0' holds 5 elements here and 4 before"));
  Read(Pickle().mark().storage("FloatStorage", "0", 0).storage("DoubleStorage", "0", 0).tuple().stop());  // empty:
                                                                                                          // nobody's
  EXPECT_THAT(failure(Pickle().storage("DoubleStorage", "0", INT64_MAX).stop()), HasSubstr("overflow"));
  EXPECT_THAT(failure(Pickle().storage("NoStorage", "0", 1).stop()), HasSubstr("no storage class"));
}

TEST(TorchReader, OpensEmptyStoragesForEachIdUnlessTheyAreShared) {
  const std::string stream = Pickle().mark().tensor("0", 0, 0, {0}, {1}).tensor("0", 0, 0, {0}, {1}).tuple().stop();
  for (const bool share : {false, true}) {
    Zeros storages;
    object::Heap heap;
    Reader reader(storages, {.share_empty = share});
    const object::Ref root = pickle::read(std::as_bytes(std::span(stream)), heap, reader, Limits{}).root;
    const auto& items = object::as<object::Sequence>(root)->items;
    EXPECT_EQ(object::as<object::TensorNode>(items[0])->tensor.storage() ==
                  object::as<object::TensorNode>(items[1])->tensor.storage(),
              share);
  }
}

/// The call that rebuilds two elements, up to its hooks.
Pickle rebuilding(std::string_view function, std::string_view storage, const char* requires_grad = "\x89") {
  return Pickle()
      .global("torch._utils", function)
      .mark()
      .storage(storage, "0", 2)
      .number(0)
      .numbers({2})
      .numbers({1})
      .raw(requires_grad)
      .hooks();
}

TEST(TorchReader, TakesBitsByTheirKeysAlone) {
  const auto with_bit = [](std::string_view storage) {
    return rebuilding("_rebuild_tensor_v2", storage).raw("}").text("conj").raw("\x89s").tuple().reduce().stop();
  };
  EXPECT_TRUE(Read(with_bit("ComplexFloatStorage")).tensor().tensor.is_conj());
  EXPECT_THAT(failure(with_bit("FloatStorage")), HasSubstr("float32 tensors cannot have a conjugate bit"));
}

TEST(TorchReader, TakesIntegersForStorageKeys) {
  const Read read(Pickle()
                      .mark()
                      .text("storage")
                      .global("torch", "FloatStorage")
                      .number(12)
                      .text("cpu")
                      .number(1)
                      .tuple()
                      .raw("Q")
                      .stop());
  EXPECT_EQ(read.storages.ids.at(0).key, "12");
}

TEST(TorchReader, KeepsTensorsOfUnknownDtypesWithoutListingThem) {
  const Read read(Pickle()
                      .global("torch._utils", "_rebuild_tensor_v3")
                      .mark()
                      .storage("FloatStorage", "0", 2)
                      .number(0)
                      .numbers({8})
                      .numbers({1})
                      .raw("\x89")
                      .hooks()
                      .global("torch", "float4_e9m9")
                      .tuple()
                      .reduce()
                      .stop());
  EXPECT_EQ(read.root.kind(), Kind::object);
  EXPECT_THAT(read.notes, testing::ElementsAre(HasSubstr("torch.float4_e9m9")));
}

TEST(TorchReader, NotesWhatTorchRefuses) {
  const auto v2 = [](std::string_view storage, const char* requires_grad) {
    return rebuilding("_rebuild_tensor_v2", storage, requires_grad).tuple().reduce();
  };
  const auto note = [](const std::string& stream) {
    const Read read(stream);
    return read.notes.size() == 1 ? read.notes[0] : fmt::format("{} notes", read.notes.size());
  };
  EXPECT_EQ(note(v2("FloatStorage", "\x88").stop()), "0 notes");
  EXPECT_THAT(note(v2("LongStorage", "\x88").stop()), HasSubstr("int64 tensors that need gradients"));
  EXPECT_THAT(note(v2("QInt8Storage", "\x89").stop()), HasSubstr("qint8 tensors without a scale"));
  EXPECT_THAT(note(v2("FloatStorage", "\x89").raw("}b").stop()), HasSubstr("a state that is no tuple"));
  EXPECT_THAT(note(Pickle()
                       .mark()
                       .text("storage")
                       .global("torch", "FloatStorage")
                       .text("0")
                       .text("cpu")
                       .number(1)
                       .raw("NtQ")
                       .stop()),
              HasSubstr("persistent ids of 6 items"));
}

TEST(TorchReader, RefusesDangerousGlobalsUnlessInert) {
  const std::string stream = Pickle().global("posix", "system").mark().text("true").tuple().reduce().stop();
  EXPECT_THAT(failure(stream, ErrorCode::forbidden), HasSubstr("'posix.system'"));
  const Read inert(stream, true);
  EXPECT_EQ(inert.root.kind(), Kind::object);
}

TEST(TorchReader, JudgesGetattrByItsArguments) {
  const auto get = [](std::string_view module, std::string_view cls, std::string_view name) {
    return Pickle().global("__builtin__", "getattr").mark().global(module, cls).text(name).tuple().reduce().stop();
  };
  EXPECT_EQ(Read(get("colours", "Colour", "RED")).root.kind(), Kind::object);
  failure(get("colours", "Colour", "__globals__"), ErrorCode::forbidden);
  failure(Pickle().global("__builtin__", "getattr").mark().text("x").text("y").tuple().reduce().stop(),
          ErrorCode::forbidden);
}

TEST(TorchReader, ChecksSparseTensors) {
  const auto coo = [](std::int64_t values, std::int64_t rows) {
    Pickle pickle;
    pickle.global("torch._utils", "_rebuild_sparse_tensor")
        .mark()
        .global("torch.serialization", "_get_layout")
        .mark()
        .text("torch.sparse_coo")
        .tuple()
        .reduce();
    pickle.mark()
        .global("torch._utils", "_rebuild_tensor_v2")
        .mark()
        .storage("LongStorage", "i", 2)
        .number(0)
        .numbers({1, 2})
        .numbers({2, 1})
        .raw("\x89")
        .hooks()
        .tuple()
        .reduce();
    return pickle.tensor("v", values, 0, {values}, {1}).numbers({rows}).tuple().tuple().reduce().stop();
  };
  EXPECT_EQ(Read(coo(2, 5)).root.kind(), Kind::object);
  EXPECT_THAT(failure(coo(3, 5)), HasSubstr("2 indices and 3 values"));
  EXPECT_THROW(Read(coo(2, 0)), Error);  // index 0 lies outside [0, 0)
}

TEST(TorchReader, OldTensorsAreBuiltByState) {
  const Read read(Pickle()
                      .global("torch", "DoubleTensor")
                      .raw(")\x81")
                      .mark()
                      .storage("DoubleStorage", "0", 6)
                      .number(0)
                      .numbers({2, 3})
                      .numbers({3, 1})
                      .tuple()
                      .raw("b")
                      .stop());
  EXPECT_EQ(read.tensor().tensor.dtype(), DType::float64);
  EXPECT_EQ(read.tensor().tensor.shape(), (Shape{2, 3}));
}

TEST(TorchReader, BackwardHooksAreLeftOutAndNoted) {
  const auto notes_of = [](const char* hooks) {
    Zeros storages;
    Reader reader(storages, {});
    object::Heap heap;
    Pickle pickle;
    pickle.global("torch._utils", "_rebuild_tensor_v2").mark().storage("FloatStorage", "0", 1).number(0).raw("))\x89");
    const std::string stream = pickle.hooks().raw(hooks).tuple().reduce().stop();
    pickle::read(std::as_bytes(std::span(stream)), heap, reader, Limits{});
    std::vector<std::string> notes;
    reader.append_notes(notes);
    return notes;
  };
  EXPECT_THAT(notes_of(""), testing::IsEmpty());
  EXPECT_THAT(notes_of("K\x01K\x02s"), testing::ElementsAre("backward hooks of 1 tensors are left out"));
}

TEST(TorchReader, QuantizersMustMakeSense) {
  const auto quantized = [](const char* scale) {
    Pickle pickle;
    pickle.global("torch._utils", "_rebuild_qtensor")
        .mark()
        .storage("QInt8Storage", "0", 4)
        .number(0)
        .numbers({4})
        .numbers({1});
    pickle.mark().global("torch", "per_tensor_affine").raw(scale).number(0).tuple();
    return pickle.raw("\x89").hooks().tuple().reduce().stop();
  };
  EXPECT_DOUBLE_EQ(Read(quantized("F0.5\n")).tensor().quantizer->scale, 0.5);
  EXPECT_THAT(failure(quantized("F-1.0\n")), HasSubstr("scale -1 is not positive"));
  EXPECT_THAT(failure(quantized("Fnan\n")), HasSubstr("not positive"));
}

TEST(TorchReader, ANegativeChannelAxisCountsFromTheEnd) {
  const auto quantized = [](std::int64_t axis) {
    Pickle pickle;
    pickle.global("torch._utils", "_rebuild_qtensor")
        .mark()
        .storage("QInt8Storage", "0", 6)
        .number(0)
        .numbers({2, 3})
        .numbers({3, 1});
    pickle.mark()
        .global("torch", "per_channel_affine")
        .raw(
            "](F0.5\nF0.5\nF0.5\ne](K\x01K\x02K\x03"
            "e")
        .number(axis);
    return pickle.tuple().raw("\x89").hooks().tuple().reduce().stop();
  };
  const Read read(quantized(-1));
  EXPECT_EQ(read.tensor().quantizer->axis, -1);
  EXPECT_THAT(read.notes, testing::ElementsAre(HasSubstr("negative axis")));
  EXPECT_THAT(failure(quantized(-2)), HasSubstr("3 values for 2 channels"));
  EXPECT_THAT(failure(quantized(-3)), HasSubstr("axis -3 of a tensor with 2 dimensions"));
}

}  // namespace
}  // namespace flambeau::torch
