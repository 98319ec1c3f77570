#include "formats/safetensors.h"

#include "formats/neighbours.h"

namespace flambeau::formats::safetensors {
namespace {

using namespace flambeau::formats::test;
using testing::ElementsAre;
using testing::HasSubstr;

Checkpoint read_bytes(std::string file, const LoadOptions& options = {}) {
  return read(bytes::from_memory(std::move(file), "x.safetensors"), options);
}
std::string file_of(const std::string& header, std::size_t data_bytes) {
  return raw(static_cast<std::uint64_t>(header.size())) + header + std::string(data_bytes, '\1');
}
Checkpoint read_header(const std::string& header, std::size_t data_bytes) {
  return read_bytes(file_of(header, data_bytes));
}

std::string written(const StateDict& state_dict, const WriteOptions& options = {}) {
  bytes::MemorySink sink;
  write(state_dict, sink, options);
  return sink.take();
}
std::string header_of(const std::string& file) {
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  return file.substr(8, length);
}
StateDict state_dict(std::vector<std::pair<std::string, Tensor>> tensors) {
  StateDict result;
  for (auto& [name, tensor] : tensors) result.set(name, tensor);
  return result;
}

TEST(Safetensors, FixturesReadAsTheManifestSays) {
  FLAMBEAU_NEEDS_FIXTURES();
  for (const std::string file : {"safetensors/dtypes", "safetensors/no-tensors", "safetensors/shapes",
                                 "sharded-safetensors/model-00001-of-00003", "sharded-safetensors/model-00002-of-00003",
                                 "sharded-safetensors/model-00003-of-00003"}) {
    const std::string path = "torch-2.13/" + file + ".safetensors";
    for (const auto mode : {Read::map, Read::copy})
      expect_like_manifest(
          read(bytes::open_file(fixtures + path, mode == Read::map ? bytes::Access::map : bytes::Access::pread),
               {.read = mode}),
          path);
    EXPECT_TRUE(sniff(bytes_of(slurp(fixtures + path).substr(0, 16))));
  }
}

TEST(Safetensors, FixturesAreWrittenBackByteForByte) {
  FLAMBEAU_NEEDS_FIXTURES();
  for (const std::string name : {"safetensors/dtypes", "safetensors/no-tensors", "safetensors/shapes",
                                 "sharded-safetensors/model-00003-of-00003"}) {
    const std::string file = slurp(fixtures + "torch-2.13/" + name + ".safetensors");
    const Checkpoint checkpoint = read_bytes(file);
    EXPECT_EQ(written(StateDict::from_value(checkpoint.root()), {.metadata = checkpoint.container().metadata}), file)
        << name;
  }
}

TEST(Safetensors, MetadataIsKept) {
  const auto checkpoint = read_header(
      R"({"__metadata__":{"format":"pt","b":"\u00e9"},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 2);
  EXPECT_THAT(checkpoint.container().metadata, ElementsAre(testing::Pair("format", "pt"), testing::Pair("b", "é")));
}

TEST(Safetensors, OddButLegalFilesAreRead) {
  EXPECT_EQ(read_header("{}", 0).root().size(), 0u);
  EXPECT_EQ(
      read_header(R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"extra":[1]}}   )", 4)["a"].as_tensor().dim(),
      0);
  const auto empties = read_header(
      R"({"b":{"dtype":"F32","shape":[0,3],"data_offsets":[2,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
      2);
  EXPECT_EQ(empties.root().item(0).first.as_string(), "b") << "the header's order";
  EXPECT_EQ(empties["b"].as_tensor().shape(), (Shape{0, 3}));
  // Data that is not aligned for its type can still be seen typed.
  const auto odd = read_header(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})",
      9);
  EXPECT_EQ(odd["b"].as_tensor().data<float>().size(), 2u);
}

TEST(Safetensors, BrokenFilesAreRefusedWithTheReason) {
  const auto header = [](const std::string& text, std::size_t data) { return [=] { (void)read_header(text, data); }; };
  const auto one = [](const std::string& fields) { return "{\"a\":{" + fields + "}}"; };
  const auto corrupt = ErrorCode::corrupt;
  expect_error(ErrorCode::truncated, "holds 3 bytes, 8 needed", [] { (void)read_bytes("abc"); });
  expect_error(ErrorCode::truncated, "a header of 50 bytes, the file holds 2 more",
               [] { (void)read_bytes(raw(std::uint64_t{50}) + "{}"); });
  expect_error(ErrorCode::limit, "exceeds max_json_bytes = 100000000",
               [] { (void)read_bytes(raw(~std::uint64_t{0}) + "{}"); });
  expect_error(corrupt, "does not start with '{'", header("[]", 0));
  expect_error(corrupt, "no valid json", header("{\"a\":}", 0));
  expect_error(corrupt, "no valid json", header("{}{}", 0));
  expect_error(corrupt, "no valid json", header("{\"\\ud800\":1}", 0));
  expect_error(corrupt, "no valid json", header("{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}", 0));
  expect_error(
      corrupt, "has the key 'a' twice",
      header(
          R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})",
          1));
  expect_error(corrupt, "has the key 'dtype' twice",
               header(one(R"("dtype":"U8","dtype":"I8","shape":[],"data_offsets":[0,1])"), 1));
  expect_error(corrupt, "has no shape", header(one(R"("dtype":"U8","data_offsets":[0,1])"), 1));
  expect_error(corrupt, "no non-negative integer", header(one(R"("dtype":"U8","shape":[-1],"data_offsets":[0,1])"), 1));
  expect_error(corrupt, "no non-negative integer",
               header(one(R"("dtype":"U8","shape":[1.0],"data_offsets":[0,1])"), 1));
  expect_error(corrupt, "1 data_offsets, 2 needed", header(one(R"("dtype":"U8","shape":[],"data_offsets":[0])"), 1));
  expect_error(corrupt, "8 bytes needed for float32 of shape (2,)",
               header(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,9])"), 9));
  expect_error(corrupt, "overflows",
               header(one(R"("dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0])"), 0));
  expect_error(corrupt, "data_offsets [8, 4]", header(one(R"("dtype":"F32","shape":[1],"data_offsets":[8,4])"), 8));
  expect_error(corrupt, "starts at byte 4 of the data, the one before ends at 0",
               header(one(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"), 8));
  expect_error(corrupt, "the tensors take 4 bytes, 5 follow",
               header(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 5));
  expect_error(ErrorCode::truncated, "the tensors take 4 bytes, 3 follow",
               header(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 3));
  expect_error(
      corrupt, "starts at byte 0",
      header(
          R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
          2));
  expect_error(ErrorCode::unsupported, "dtype 'F6_E2M3' is not known",
               header(one(R"("dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3])"), 3));
  expect_error(corrupt, "F4 rows", header(one(R"("dtype":"F4","shape":[3],"data_offsets":[0,2])"), 2));
  expect_error(corrupt, "__metadata__", header(R"({"__metadata__":{"a":1}})", 0));
  std::string many = "1";
  for (int i = 0; i < 64; ++i) many += ",1";
  expect_error(ErrorCode::limit, "max_tensor_rank = 64",
               header(one("\"dtype\":\"U8\",\"shape\":[" + many + "],\"data_offsets\":[0,1]"), 1));
}

TEST(Safetensors, EveryPrefixAndEveryChangedByte) {
  const Tensor floats = Tensor::of<float>({2}, std::vector<float>{1, 2});
  const std::string file = written(state_dict({{"a", floats}, {"b", Tensor::zeros({0, 3}, DType::int64)}}),
                                   {.metadata = {{"format", "pt"}}});
  expect_robust(file, [](std::string bytes) { return read_bytes(std::move(bytes)); });
}

TEST(Safetensors, WritesWhatTheLibraryWrites) {
  // Each header was printed by safetensors 0.8.0 (save) for the same tensors.
  EXPECT_EQ(header_of(written({})), "{}      ");
  std::vector<std::pair<std::string, Tensor>> kinds;
  for (const auto dtype : {DType::float8_e5m2, DType::float8_e4m3fn, DType::float8_e5m2fnuz, DType::float8_e4m3fnuz,
                           DType::float8_e8m0fnu, DType::int8, DType::uint8, DType::boolean, DType::float4_e2m1fn_x2})
    kinds.emplace_back(std::string(name(dtype)), Tensor::zeros({2}, dtype));
  kinds.emplace_back("f6x", Tensor::zeros({1}, DType::int16));
  kinds.emplace_back("c", Tensor::zeros({1}, DType::complex64));
  kinds.emplace_back("d", Tensor::zeros({1}, DType::float64));
  EXPECT_EQ(
      header_of(written(state_dict(kinds))),
      R"({"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"c":{"dtype":"C64","shape":[1],"data_offsets":[8,16]},)"
      R"("f6x":{"dtype":"I16","shape":[1],"data_offsets":[16,18]},"float8_e5m2fnuz":{"dtype":"F8_E5M2FNUZ","shape":[2],"data_offsets":[18,20]},)"
      R"("float8_e4m3fnuz":{"dtype":"F8_E4M3FNUZ","shape":[2],"data_offsets":[20,22]},"float8_e8m0fnu":{"dtype":"F8_E8M0","shape":[2],"data_offsets":[22,24]},)"
      R"("float8_e4m3fn":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[24,26]},"float8_e5m2":{"dtype":"F8_E5M2","shape":[2],"data_offsets":[26,28]},)"
      R"("int8":{"dtype":"I8","shape":[2],"data_offsets":[28,30]},"uint8":{"dtype":"U8","shape":[2],"data_offsets":[30,32]},)"
      R"("float4_e2m1fn_x2":{"dtype":"F4","shape":[4],"data_offsets":[32,34]},"bool":{"dtype":"BOOL","shape":[2],"data_offsets":[34,36]}}  )");
  const std::string odd("a\"\\/\n\x01\x7f\xe2\x80\xa8\x1f\b\f\t\0\xc3\xa9\xf0\x9f\x98\x80", 21);
  EXPECT_EQ(header_of(written(state_dict({{odd, Tensor::zeros({6})}}))),
            "{\"a\\\"\\\\/"
            "\\n\\u0001\x7f\xe2\x80\xa8\\u001f\\b\\f\\t\\u0000\xc3\xa9\xf0\x9f\x98\x80\":{\"dtype\":\"F32\",\"shape\":["
            "6],\"data_offsets\":[0,24]}}");
  EXPECT_EQ(header_of(written(state_dict({{"a", Tensor::zeros({6})}}),
                              {.metadata = {{"format", "pt"}, {"b", "x"}, {"a", "ü\""}}})),
            "{\"__metadata__\":{\"format\":\"pt\",\"b\":\"x\",\"a\":\"ü\\\"\"},\"a\":{\"dtype\":\"F32\",\"shape\":[6],"
            "\"data_offsets\":[0,24]}}       ");
  EXPECT_EQ(header_of(written(state_dict({{"a", Tensor::zeros({6})}}), {.with_metadata = true})),
            "{\"__metadata__\":{},\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24]}}       ");
}

TEST(Safetensors, SharedMemoryIsRefusedOrDropped) {
  const Tensor whole = Tensor::of<float>({6}, std::vector<float>{0, 1, 2, 3, 4, 5});
  const auto halves = state_dict({{"b", whole.narrow(0, 3, 3)}, {"a", whole.narrow(0, 0, 3)}});
  EXPECT_THAT(header_of(written(halves)), HasSubstr(R"("b":{"dtype":"F32","shape":[3],"data_offsets":[12,24]})"))
      << "neighbours do not overlap";
  const auto tied =
      state_dict({{"z", whole}, {"b", whole}, {"part", whole.narrow(0, 0, 2)}, {"other", Tensor::zeros({1})}});
  expect_error(ErrorCode::unsupported, "shares memory with", [&] { (void)written(tied); });
  const std::string file = written(tied, {.metadata = {{"z", "mine"}}, .deduplicate = true});
  EXPECT_THAT(header_of(file), HasSubstr(R"({"__metadata__":{"z":"mine","part":"b"},"b":)"))
      << "user data is not overwritten";
  const auto back = read_bytes(file);
  EXPECT_EQ(back.root().size(), 2u);
  EXPECT_TRUE(back["b"].as_tensor().equal(whole));
  const auto overlapping = state_dict({{"a", whole.narrow(0, 0, 4)}, {"b", whole.narrow(0, 3, 3)}});
  expect_error(ErrorCode::unsupported, "no tensor covers the whole storage",
               [&] { (void)written(overlapping, {.deduplicate = true}); });
}

TEST(Safetensors, ViewsAreWrittenRowMajor) {
  const Tensor tensor = Tensor::of<float>({2, 3}, std::vector<float>{0, 1, 2, 3, 4, 5});
  const auto back = read_bytes(written(state_dict({{"t", tensor.permute({1, 0})}})));
  EXPECT_THAT(back["t"].as_tensor().data<float>(), ElementsAre(0, 3, 1, 4, 2, 5));
}

TEST(Safetensors, WhatTheFormatLacksIsRefusedBeforeWriting) {
  const auto refuse = [](const std::string& text, StateDict values) {
    bytes::MemorySink sink;
    expect_error(ErrorCode::unsupported, text, [&] { write(values, sink); });
    EXPECT_TRUE(sink.text().empty());
  };
  refuse("tensor 'a': safetensors has no dtype for complex128",
         state_dict({{"a", Tensor::zeros({1}, DType::complex128)}}));
  refuse("meta tensor", state_dict({{"a", Tensor::meta({1}, DType::float32)}}));
  refuse("keeps this name", state_dict({{"__metadata__", Tensor::zeros({1})}}));
  refuse("utf-8", state_dict({{"\xed\xa0\x80", Tensor::zeros({1})}}));
  StateDict extra;
  extra.set_extra("a", Value(1));
  refuse("'a' is a int", extra);
}

}  // namespace
}  // namespace flambeau::formats::safetensors
