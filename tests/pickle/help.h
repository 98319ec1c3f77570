#pragma once

#include <string>
#include <string_view>

#include <flambeau/error.h>
#include <gtest/gtest.h>

#include "pickle/reader.h"
#include "pickle/writer.h"

namespace flambeau::pickle {

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// A literal with NULs in it: lit("a\0b").
template <std::size_t N>
std::string lit(const char (&text)[N]) {
  return std::string(text, N - 1);
}

inline Result read(std::string_view stream, object::Heap& heap, Limits limits = {}, Allowance allowance = {}) {
  Meaning none;
  return read(bytes_of(stream), heap, none, limits, allowance);
}

struct NoTensors : Reducer {
  Reduction tensor(object::Heap&, object::TensorNode&) override { throw std::logic_error("a tensor"); }
  object::Ref storage(object::Heap&, object::StorageNode&) override { throw std::logic_error("a storage"); }
};

inline std::string write(object::Ref root) {
  NoTensors reducer;
  std::string out;
  write(root, reducer, [&](std::string_view piece) { out += piece; });
  return out;
}

/// The error that reading gives; a test failure if it gives none.
inline Error error_of(std::string_view stream, Limits limits = {}, Allowance allowance = {}) {
  object::Heap heap;
  try {
    read(stream, heap, limits, allowance);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return Error(ErrorCode::internal, "none");
}

inline std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[c & 15];
  }
  return out;
}

}  // namespace flambeau::pickle
