#pragma once
// For the tests of the neighbour formats: listings against the manifest, and hostile variations of a good file.

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "sha256.h"
#include "tensor/elements.h"

namespace flambeau::formats::test {

inline const std::string fixtures = std::string(FLAMBEAU_SHARED) + "/fixtures/";

inline bool have_fixtures() { return std::filesystem::exists(fixtures + "manifest.json"); }
#define FLAMBEAU_NEEDS_FIXTURES()                  \
  if (!::flambeau::formats::test::have_fixtures()) \
  GTEST_SKIP() << "no fixtures in " << ::flambeau::formats::test::fixtures

inline std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string sha256(const Tensor& tensor) {
  flambeau::test::Sha256 hash;
  tensor::each_block(tensor, [&](std::span<const std::byte> piece) { hash.add(piece); });
  return hash.hex();
}

/// The bytes of a text, for functions that sniff.
inline std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

inline Shape shape_of(simdjson::dom::array values) {
  Shape shape;
  for (const auto value : values) shape.push_back(std::int64_t(value));
  return shape;
}

/// Compares every tensor of a flat checkpoint with the row of the manifest; the order where it counts.
inline void expect_like_manifest(const Checkpoint& checkpoint, const std::string& file) {
  // One row a line; the whole holds lone surrogates, which simdjson refuses.
  std::ifstream manifest(fixtures + "manifest.json");
  const std::string start = "{\"file\":\"" + file + "\"";
  for (std::string line; std::getline(manifest, line);) {
    if (!line.starts_with(start)) continue;
    line.resize(line.rfind('}') + 1);
    simdjson::dom::parser parser;
    const simdjson::dom::element row = parser.parse(line);
    EXPECT_EQ(checkpoint.container().format, std::string_view(row["container"]));
    const simdjson::dom::array tensors = row["tensors"];
    std::size_t count = 0, position = 0;
    for (std::size_t i = 0; i < checkpoint.root().size(); ++i)
      count += checkpoint.root().item(i).second.kind() == Kind::tensor;
    if (checkpoint.root().kind() == Kind::tensor) count = 1;
    EXPECT_EQ(count, tensors.size()) << file;
    for (const auto entry : tensors) {
      const std::string name{std::string_view(entry["name"])};
      SCOPED_TRACE(file + ": " + name);
      const bool is_root = simdjson::dom::array(entry["path"]).size() == 0;
      const auto found = is_root ? checkpoint.root() : checkpoint.root()[name];
      if (bool(row["ordered"]) && !is_root) {
        EXPECT_EQ(checkpoint.root().item(position++).first.as_string(), name);
      }
      const Tensor& tensor = found.as_tensor();
      EXPECT_EQ(tensor.nbytes(), std::uint64_t(entry["nbytes"]));
      EXPECT_EQ(sha256(tensor), std::string_view(entry["sha256"]));
      if (entry["stride"].is_null()) {
        const auto& raw = checkpoint.container().raw;
        const auto at = std::find_if(raw.begin(), raw.end(), [&](const auto& one) { return one.name == name; });
        ASSERT_NE(at, raw.end());
        EXPECT_EQ(at->dtype, std::string_view(entry["dtype"]));
        EXPECT_EQ(at->shape, shape_of(entry["shape"]));
        continue;
      }
      EXPECT_EQ(flambeau::name(tensor.dtype()), std::string_view(entry["dtype"]));
      EXPECT_EQ(tensor.shape(), shape_of(entry["shape"]));
      EXPECT_EQ(tensor.strides(), shape_of(entry["stride"]));
      EXPECT_EQ(tensor.offset(), std::int64_t(entry["offset"]));
    }
    return;
  }
  FAIL() << "the manifest has no row " << file;
}

/// Reads every element of a flat checkpoint.
inline void touch(const Checkpoint& checkpoint) {
  const auto read = [](const Value& value) {
    if (value.kind() == Kind::tensor && value.as_tensor().nbytes() < (1u << 20)) (void)sha256(value.as_tensor());
  };
  read(checkpoint.root());
  if (checkpoint.root().kind() == Kind::dict)
    for (std::size_t i = 0; i < checkpoint.root().size(); ++i) read(checkpoint.root().item(i).second);
}

/// `read` takes the bytes of a file. Every shorter (or every `step`-th) file is an Error, and every changed byte an
/// Error or a file that can be read.
inline void expect_robust(const std::string& good, const std::function<Checkpoint(std::string)>& read,
                          std::size_t step = 1) {
  ASSERT_NO_THROW(touch(read(good)));
  for (std::size_t length = 0; length < good.size(); length += step)
    EXPECT_THROW(touch(read(good.substr(0, length))), Error) << "prefix of " << length;
  for (std::size_t at = 0; at < good.size(); at += step)
    for (const char change : {'\x01', '\x80', '\xff'}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ change);
      try {
        touch(read(bad));
      } catch (const Error&) {
      }
    }
}

template <class F>
void expect_error(ErrorCode code, const std::string& text, F&& f) {
  try {
    f();
    FAIL() << "no error: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(name(error.code()), name(code)) << error.what();
    EXPECT_THAT(error.what(), testing::HasSubstr(text));
  }
}

/// Little-endian bytes, as all of these formats write their numbers.
template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}

}  // namespace flambeau::formats::test
