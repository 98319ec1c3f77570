#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "torch/assemble.h"

namespace flambeau {
namespace {

using test::Pickle;
using testing::ElementsAre;
using testing::HasSubstr;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

const std::string magic("\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19.", 15);
const std::string version("\x80\x02M\xE9\x03.", 6);
const std::string system_info("\x80\x02}.", 4);

std::string count(std::uint64_t value) {
  std::string bytes(8, '\0');
  for (char& byte : bytes) byte = static_cast<char>(value & 0xFF), value >>= 8;
  return bytes;
}

std::string floats(std::initializer_list<float> values) {
  std::string bytes;
  for (const float value : values) bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  return bytes;
}

/// (storage class, key, numel, view) of one tensor.
std::string object_with_view(const std::string& view) {
  Pickle pickle;
  pickle.global("torch._utils", "_rebuild_tensor").mark();
  pickle.mark()
      .text("storage")
      .global("torch", "FloatStorage")
      .text("11")
      .text("cpu")
      .number(4)
      .raw(view)
      .tuple()
      .raw("Q");
  return pickle.number(0).numbers({2}).numbers({1}).tuple().reduce().stop();
}

std::string keys(std::initializer_list<const char*> names) {
  Pickle pickle;
  pickle.raw("](");
  for (const char* const name : names) pickle.text(name);
  return pickle.raw("e").stop();
}

std::string error_of(const std::string& file) {
  try {
    load(bytes_of(file), {.read = Read::copy});
    return "no error";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(TorchLegacy, SavedIsLoadedAgain) {
  StateDict state;
  for (int i = 0; i < 12; ++i) {  // "10" sorts before "2"
    const float values[] = {static_cast<float>(i), 2, 3};
    state.set("layer" + std::to_string(i), Tensor::of<float>({3}, values));
  }
  SaveOptions options;
  options.format = SaveOptions::Format::legacy;
  const std::string file = save_to_memory(state.to_value(), options);
  EXPECT_TRUE(file.starts_with(magic + version));
  for (const Read read : {Read::map, Read::lazy, Read::copy}) {
    const Checkpoint checkpoint = load(bytes_of(file), {.read = read});
    EXPECT_EQ(checkpoint.container().format, "torch-legacy");
    for (const auto& entry : state) EXPECT_TRUE(checkpoint.state_dict()[entry.name].equal(entry.tensor)) << entry.name;
  }
}

TEST(TorchLegacy, WhatTorchReadsBeforeTheDataComeIsNotWritten) {
  for (const auto& [module, function] :
       {std::pair("torch._C", "Generator"), {"torch._utils", "_rebuild_nested_tensor"}}) {
    auto heap = std::make_shared<object::Heap>();
    std::vector<object::Ref> four;
    for (int i = 0; i < 4; ++i) four.push_back(heap->tensor(Tensor::zeros({2})));
    const object::Ref made =
        heap->object(object::Construction::reduce, heap->global(module, function), heap->tuple(std::move(four)));
    EXPECT_NO_THROW(save_to_memory(Value(heap, made)));
    EXPECT_THROW(save_to_memory(Value(heap, made), {.format = SaveOptions::Format::legacy}), Error) << function;
  }
}

TEST(TorchLegacy, TruncationIsAlwaysSeen) {
  StateDict state;
  state.set("a", Tensor::zeros({3}));
  SaveOptions options;
  options.format = SaveOptions::Format::legacy;
  const std::string file = save_to_memory(state.to_value(), options);
  for (std::size_t size = 0; size < file.size(); ++size) EXPECT_NE(error_of(file.substr(0, size)), "no error") << size;
}

TEST(TorchLegacy, ACappedPickleNamesItsCap) {
  const std::string file = magic + version + system_info + Pickle().text(std::string(200, 'x')).stop() + keys({});
  LoadOptions options;
  options.limits.max_pickle_bytes = 100;
  try {
    load(bytes_of(file), options);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::limit);
    EXPECT_THAT(error.what(), HasSubstr("max_pickle_bytes, 100"));
  }
}

TEST(TorchLegacy, ViewsOfStoragesAreSlices) {
  std::string view = Pickle().mark().text("12").number(2).number(2).tuple().stop();
  view = view.substr(2, view.size() - 3);  // without PROTO and STOP
  const std::string file =
      magic + version + system_info + object_with_view(view) + keys({"11"}) + count(4) + floats({1, 2, 3, 4});
  EXPECT_THAT(load(bytes_of(file)).root().as_tensor().data<float>(), ElementsAre(3.0f, 4.0f));
}

TEST(TorchLegacy, CountsMustAgree) {
  const std::string head = magic + version + system_info + object_with_view("N");
  EXPECT_EQ(error_of(head + keys({"11"}) + count(4) + floats({1, 2, 3, 4})), "no error");
  EXPECT_THAT(error_of(head + keys({"11"}) + count(5) + floats({1, 2, 3, 4, 5})),
              HasSubstr("storage '11' holds 5 elements, 4 needed"));
  EXPECT_THAT(error_of(head + keys({"11"}) + count(4) + floats({1, 2, 3})), HasSubstr("needs 16 bytes, 12 are left"));
  EXPECT_THAT(error_of(head + keys({"11"}) + count(5)),
              HasSubstr(fmt::format("byte {}: ", (head + keys({"11"})).size())));
  EXPECT_THAT(error_of(head + keys({"12"}) + count(4) + floats({1, 2, 3, 4})),
              HasSubstr("storage '12' is listed, but the object does not name it"));
  EXPECT_THAT(error_of(head + keys({})), HasSubstr("storage '11' of 16 bytes is not in the file's list"));
}

TEST(TorchLegacy, KeysMayBeIntegersAndTheirListATuple) {
  const std::string object = Pickle()
                                 .mark()
                                 .text("storage")
                                 .global("torch", "FloatStorage")
                                 .number(11)
                                 .text("cpu")
                                 .number(1)
                                 .raw("NtQ")
                                 .stop();
  const std::string file =
      magic + version + system_info + object + Pickle().numbers({11}).stop() + count(1) + floats({1});
  EXPECT_EQ(error_of(file), "no error");
}

TEST(TorchLegacy, ListsThatTorchWouldNotWriteAreNoted) {
  const auto object = [](const std::vector<std::string>& names) {
    Pickle pickle;
    pickle.mark();
    for (const std::string& name : names)
      pickle.mark().text("storage").global("torch", "FloatStorage").text(name).text("cpu").number(1).raw("NtQ");
    return pickle.tuple().stop();
  };
  const auto notes = [&](const std::string& listed) {
    return load(bytes_of(magic + version + system_info + object({"1", "2"}) + listed)).container().notes;
  };
  EXPECT_THAT(notes(keys({"1", "2"}) + count(1) + floats({1}) + count(1) + floats({2})), ElementsAre());
  EXPECT_THAT(notes(keys({"2", "1"}) + count(1) + floats({1}) + count(1) + floats({2})),
              ElementsAre(HasSubstr("not sorted")));
  EXPECT_THAT(notes(keys({"1", "2", "2"}) + count(1) + floats({1}) + count(1) + floats({2}) + count(1) + floats({3})),
              ElementsAre(HasSubstr("storage '2' is listed twice")));
}

TEST(TorchLegacy, OtherVersionsAreRefused) {
  EXPECT_THAT(error_of(magic + std::string("\x80\x02M\xEA\x03.", 6)),
              HasSubstr("protocol version 1002, 1001 is known"));
}

TEST(TorchLegacy, EveryPickleIsGuarded) {
  // A global inside the description of the machine, which torch unpickles too.
  const std::string evil = Pickle().global("posix", "system").mark().text("true").tuple().reduce().stop();
  EXPECT_THAT(error_of(magic + version + evil + object_with_view("N") + keys({"11"}) + count(4) + floats({1, 2, 3, 4})),
              HasSubstr("posix.system"));
}

TEST(TorchLegacy, BytesBehindTheLastStorageAreNoted) {
  const std::string file =
      magic + version + system_info + object_with_view("N") + keys({"11"}) + count(4) + floats({1, 2, 3, 4});
  EXPECT_TRUE(load(bytes_of(file)).container().notes.empty());
  const Checkpoint twice = load(bytes_of(file + file));
  ASSERT_EQ(twice.container().notes.size(), 1u);
  EXPECT_THAT(twice.container().notes[0], HasSubstr("bytes follow the last storage"));
}

}  // namespace
}  // namespace flambeau
