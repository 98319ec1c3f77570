#include "formats/npy.h"

#include <complex>

#include "formats/neighbours.h"

namespace flambeau::formats {
namespace {

using namespace flambeau::formats::test;
using testing::ElementsAre;

std::string npy_file(const std::string& literal, const std::string& data, int version = 1) {
  std::string file = std::string("\x93NUMPY") + static_cast<char>(version) + '\0';
  file +=
      version == 1 ? raw(static_cast<std::uint16_t>(literal.size())) : raw(static_cast<std::uint32_t>(literal.size()));
  return file + literal + data;
}
Checkpoint read_npy(std::string file) { return npy::read(bytes::from_memory(std::move(file), "x.npy"), {}); }
Checkpoint read_literal(const std::string& literal, std::size_t data_bytes) {
  return read_npy(npy_file(literal, std::string(data_bytes, '\1')));
}
Checkpoint read_npz(std::string file, const LoadOptions& options = {}) {
  const archive::ZipReader zip(bytes::from_memory(std::move(file), "x.npz"), options.limits);
  return npz::read(zip, "x.npz", options);
}

TEST(Npy, FixturesReadAsTheManifestSays) {
  FLAMBEAU_NEEDS_FIXTURES();
  for (const std::string version : {"torch-1.13", "torch-2.13"})
    for (const std::string name : {"big-endian", "c-order", "complex", "fortran-order", "int16", "zero-dim"}) {
      const std::string path = version + "/numpy/" + name + ".npy";
      for (const auto mode : {Read::map, Read::lazy, Read::copy})
        expect_like_manifest(
            npy::read(bytes::open_file(fixtures + path, mode == Read::map ? bytes::Access::map : bytes::Access::pread),
                      {.read = mode}),
            path);
      EXPECT_TRUE(npy::sniff(bytes_of(slurp(fixtures + path).substr(0, 16))));
    }
}

TEST(Npz, FixturesReadAsTheManifestSays) {
  FLAMBEAU_NEEDS_FIXTURES();
  for (const std::string version : {"torch-1.13", "torch-2.13"})
    for (const std::string name : {"arrays", "arrays-compressed"}) {
      const std::string path = version + "/numpy/" + name + ".npz";
      for (const auto mode : {Read::map, Read::lazy, Read::copy}) {
        const archive::ZipReader zip(
            bytes::open_file(fixtures + path, mode == Read::map ? bytes::Access::map : bytes::Access::pread), {});
        EXPECT_TRUE(npz::sniff(zip));
        expect_like_manifest(npz::read(zip, path, {.read = mode}), path);
      }
    }
}

TEST(Npy, HeadersOfOtherWritersAreRead) {
  EXPECT_EQ(
      read_literal("{'shape': (2L, 3L), \"descr\": '<i2', 'fortran_order': False}\n", 12).root().as_tensor().shape(),
      (Shape{2, 3}));
  EXPECT_EQ(read_npy(npy_file("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", "x", 3))
                .root()
                .as_tensor()
                .dtype(),
            DType::uint8);
  EXPECT_EQ(read_literal("{'descr': '|b1', 'fortran_order': False, 'shape': (0, 2), }", 0).root().as_tensor().strides(),
            (Shape{0, 0}));
}

TEST(Npy, BigEndianElementsAreSwappedPartByPart) {
  const std::string data{'\x3f', '\x80', 0, 0, '\x40', 0, 0, 0};  // 1 + 2i
  const auto checkpoint = read_npy(npy_file("{'descr': '>c8', 'fortran_order': False, 'shape': (1,), }", data));
  EXPECT_THAT(checkpoint.root().as_tensor().data<std::complex<float>>(), ElementsAre(std::complex<float>(1, 2)));
}

TEST(Npy, BrokenFilesAreRefusedWithTheReason) {
  const auto literal = [](const std::string& text, std::size_t data) {
    return [=] { (void)read_literal(text, data); };
  };
  const auto of = [](const std::string& descr, const std::string& shape) {
    return "{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape + ", }";
  };
  const auto corrupt = ErrorCode::corrupt;
  expect_error(ErrorCode::unsupported, "object array is a pickle", literal(of("'|O'", "(1,)"), 8));
  expect_error(ErrorCode::unsupported, "structured array", literal(of("[('a', '<f4')]", "(1,)"), 4));
  for (const std::string descr : {"'<U5'", "'|S3'", "'<M8[ns]'", "'|V2'", "'<f16'", "''", "'<'"})
    expect_error(ErrorCode::unsupported, "has no tensor type", literal(of(descr, "(1,)"), 8));
  expect_error(corrupt, "has no size", literal(of("'<f4'", "(-1, 3)"), 12));
  expect_error(corrupt, "has no size", literal(of("'<f4'", "(99999999999999999999,)"), 12));
  expect_error(corrupt, "do not fit", literal(of("'<f4'", "(4611686018427387904, 4611686018427387904)"), 12));
  expect_error(corrupt, "an unexpected key 'descr'",
               literal("{'descr': '<f4', 'descr': '<f4', 'shape': (), 'fortran_order': False}", 4));
  expect_error(corrupt, "has no 'shape'", literal("{'descr': '<f4', 'fortran_order': False}", 4));
  expect_error(corrupt, "does not end", literal(of("'<f4'", "()") + " x", 4));
  expect_error(corrupt, "True or False",
               literal("{'descr': '<f4', 'fortran_order': __import__('os'), 'shape': ()}", 4));
  expect_error(corrupt, "5 bytes follow the numpy header, 4 needed", literal(of("'<f4'", "()"), 5));
  expect_error(ErrorCode::truncated, "3 bytes follow the numpy header, 4 needed", literal(of("'<f4'", "()"), 3));
  expect_error(ErrorCode::unsupported, "npy version 4.0",
               [&] { (void)read_npy(npy_file(of("'<f4'", "()"), "1234", 4)); });
  expect_error(ErrorCode::limit, "at most 10000", literal(of("'<f4'", "()") + std::string(10000, ' '), 4));
  std::string ones;
  for (int i = 0; i < 65; ++i) ones += "1,";
  expect_error(ErrorCode::limit, "max_tensor_rank", literal(of("'<f4'", "(" + ones + ")"), 4));
}

TEST(Npy, EveryPrefixAndEveryChangedByte) {
  expect_robust(npy_file("{'descr': '>f4', 'fortran_order': True, 'shape': (2, 1), }   \n", "12345678"), read_npy);
  if (have_fixtures())
    expect_robust(slurp(fixtures + "torch-2.13/numpy/arrays-compressed.npz"),
                  [](std::string file) { return read_npz(std::move(file)); });
}

TEST(Npz, ADamagedArrayIsNoticed) {
  FLAMBEAU_NEEDS_FIXTURES();
  std::string file = slurp(fixtures + "torch-2.13/numpy/arrays.npz");
  const auto ones = std::string("\0\0\0\0\0\0\x80\x3f\0\0\0\x40", 12);  // 0, 1, 2 of "weight"
  const auto at = file.find(ones);
  ASSERT_NE(at, std::string::npos);
  file[at] = 1;
  const auto checkpoint = read_npz(file);
  expect_error(ErrorCode::checksum, "weight.npy", [&] { (void)checkpoint["weight"].as_tensor().bytes(); });
  EXPECT_NO_THROW((void)checkpoint["ids"].as_tensor().bytes());
}

TEST(Npz, TheHeaderOfAnEmptyArrayIsChecked) {
  FLAMBEAU_NEEDS_FIXTURES();
  std::string file = slurp(fixtures + "torch-2.13/numpy/arrays.npz");
  const auto at = file.find("(0, 2)");
  ASSERT_NE(at, std::string::npos);
  file[at + 4] = '3';
  expect_error(ErrorCode::checksum, "empty.npy", [&] { (void)read_npz(file); });
}

TEST(Npz, OnlyArraysAreAnNpz) {
  bytes::MemorySink sink;
  archive::ZipWriter writer(sink, "root");
  writer.add("a.npy", npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "1234"));
  writer.finish();
  const archive::ZipReader zip(bytes::from_memory(sink.take()), {});
  EXPECT_FALSE(npz::sniff(zip)) << "torch's version record stands beside it";
  expect_error(ErrorCode::unsupported, "no .npy file", [&] { (void)npz::read(zip, "x", {}); });
}

}  // namespace
}  // namespace flambeau::formats
