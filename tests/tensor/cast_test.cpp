// Casts against PyTorch 2.13: data/casts.txt holds the CRC-32 of torch's results, data/make_casts.py says for which
// inputs.
#include "tensor/cast.h"

#include <flambeau/error.h>
#include <flambeau/tensor.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>

#include "bytes/crc32.h"
#include "tensor/half.h"
#include "tensor/numbers.h"

namespace flambeau {
namespace {

using Bytes = std::vector<std::byte>;

std::vector<std::uint64_t> splitmix(std::size_t count) {
  std::vector<std::uint64_t> words(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t z = (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    words[i] = z ^ (z >> 31);
  }
  return words;
}

Bytes inputs(DType dtype) {
  const auto size = itemsize(dtype);
  Bytes bytes;
  const auto put = [&](auto value) {
    const auto raw = std::bit_cast<std::array<std::byte, sizeof(value)>>(value);
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  };
  if (size == 1)
    for (int i = 0; i < 256; ++i) put(static_cast<std::uint8_t>(dtype == DType::boolean ? i & 1 : i));
  else if (size == 2)
    for (int i = 0; i < 65536; ++i) put(static_cast<std::uint16_t>(i));
  if (size <= 2) return bytes;

  const auto words = splitmix(16384);
  const auto small = [](std::uint64_t word) { return static_cast<std::int64_t>(word >> 56) - 128; };
  const auto high_float = [](std::uint64_t word, std::uint32_t mask) {
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(word >> 32) & mask));
  };
  for (int pattern = 0; pattern < 4; ++pattern)
    for (const auto word : words) {
      if (pattern == 0) {
        put(word);
      } else if (dtype == DType::float32 || dtype == DType::complex64) {
        const auto near = static_cast<float>(static_cast<double>(small(word)) / 2);
        if (pattern == 1) put(word & 0xFFFF8000FFFF8000u);
        if (pattern == 2) put(word & 0xFFF80000FFF80000u);
        if (pattern == 3) put(near), put(near);
      } else if (dtype == DType::float64 || dtype == DType::complex128) {
        if (pattern == 1) put(high_float(word, 0xffffffffu));
        if (pattern == 2) put(high_float(word, 0xFFF80000u));
        if (pattern == 3) put(static_cast<double>(small(word)) / 2);
      } else {
        if (pattern == 1) put(small(word));
        if (pattern == 2) put(word >> 24);
        if (pattern == 3) put(word >> 7);
      }
    }
  return bytes;
}

template <class Bits>
void nan_to_ones(Bytes& bytes, Bits infinity) {
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(Bits)) {
    Bits bits;
    std::memcpy(&bits, bytes.data() + at, sizeof(Bits));
    if ((bits & std::numeric_limits<Bits>::max() >> 1) > infinity) std::memset(bytes.data() + at, 0xff, sizeof(Bits));
  }
}

void canonical(Bytes& bytes, DType dtype) {
  switch (dtype) {
    case DType::float16:
    case DType::complex32:
      return nan_to_ones<std::uint16_t>(bytes, 0x7c00);
    case DType::bfloat16:
      return nan_to_ones<std::uint16_t>(bytes, 0x7f80);
    case DType::float32:
    case DType::complex64:
      return nan_to_ones<std::uint32_t>(bytes, 0x7f800000);
    case DType::float64:
    case DType::complex128:
      return nan_to_ones<std::uint64_t>(bytes, 0x7ff0000000000000);
    default:
      return;
  }
}

Bytes convert(DType from, const Bytes& source, DType to) {
  const auto count = source.size() / itemsize(from);
  Bytes target(count * itemsize(to));
  tensor::cast(from, source.data(), to, target.data(), count);
  return target;
}

/// What C++ leaves undefined and torch's own code paths answer differently.
void clear_undefined(Bytes& out, DType to, DType from, const Bytes& source) {
  const auto kind = info(from).kind;
  if (kind != DTypeClass::floating && kind != DTypeClass::complex) return;
  const bool eight_bits = itemsize(from) == 1 && (to == DType::int32 || to == DType::int64);
  if (to != DType::uint32 && to != DType::uint64 && !eight_bits) return;
  const double low = eight_bits ? -0x1p63 : -1, high = to == DType::uint32 ? 0x1p32 : 0x1p64;
  const auto wide = convert(from, source, DType::float64);
  for (std::size_t i = 0; i < out.size() / itemsize(to); ++i) {
    double value;
    std::memcpy(&value, wide.data() + 8 * i, 8);
    if (!(value > low && value < high)) std::memset(out.data() + i * itemsize(to), 0, itemsize(to));
  }
}

TEST(Cast, EveryPairIsBitForBitWhatTorchMakes) {
  std::ifstream golden(FLAMBEAU_TEST_DATA "/casts.txt");
  std::string from_name, to_name, crc;
  int pairs = 0;
  while (golden >> from_name >> to_name >> crc) {
    const DType from = dtype_named(from_name).value(), to = dtype_named(to_name).value();
    const Bytes source = inputs(from);
    Bytes out = convert(from, source, to);
    canonical(out, to);
    clear_undefined(out, to, from, source);
    EXPECT_EQ(bytes::crc32(0, std::as_bytes(std::span(out))), std::stoul(crc, nullptr, 16))
        << from_name << " to " << to_name;
    ++pairs;
  }
  EXPECT_EQ(pairs, 420);
}

TEST(Cast, NanBitsOfTheFastPathsAreTorchs) {
  const std::vector<std::uint32_t> nans(9, 0x7fa12345u);
  std::vector<std::uint16_t> out(9);
  const auto* const source = reinterpret_cast<const std::byte*>(nans.data());
  auto* const target = reinterpret_cast<std::byte*>(out.data());
  tensor::float_to_bfloat16(source, target, 9);
  EXPECT_EQ(out, std::vector<std::uint16_t>(9, 0xffff));
  tensor::float_to_half(source, target, 9);
  EXPECT_EQ(out, std::vector<std::uint16_t>(9, 0x7f09));
}

TEST(Cast, VectorAndScalarCodeAgree) {
  std::mt19937 random(1);
  std::vector<std::uint32_t> bits(1 << 16);
  for (std::size_t i = 0; i < bits.size(); ++i)
    bits[i] = i % 3 ? static_cast<std::uint32_t>(random()) : static_cast<std::uint32_t>(random()) & 0xfffff000u;
  std::vector<std::uint16_t> half(bits.size()), bfloat(bits.size());
  const auto* const source = reinterpret_cast<const std::byte*>(bits.data());
  tensor::float_to_half(source, reinterpret_cast<std::byte*>(half.data()), bits.size());
  tensor::float_to_bfloat16(source, reinterpret_cast<std::byte*>(bfloat.data()), bits.size());
  for (std::size_t i = 0; i < bits.size(); ++i) {
    ASSERT_EQ(half[i], tensor::to_half(std::bit_cast<float>(bits[i])).bits) << std::hex << bits[i];
    ASSERT_EQ(bfloat[i], tensor::to_bfloat16(std::bit_cast<float>(bits[i]), 0xffff).bits) << std::hex << bits[i];
  }
  std::vector<std::uint16_t> all(1 << 16);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  std::vector<std::uint32_t> wide(all.size());
  tensor::half_to_float(reinterpret_cast<const std::byte*>(all.data()), reinterpret_cast<std::byte*>(wide.data()),
                        all.size());
  for (std::size_t i = 0; i < all.size(); ++i)
    ASSERT_EQ(wide[i], std::bit_cast<std::uint32_t>(tensor::to_float(tensor::Half{all[i]}))) << std::hex << i;
}

TEST(Cast, IntegersOutOfRangeFollowX86) {
  const std::vector<float> values = {NAN, INFINITY, -INFINITY, 1e10f, -1.0f, 300.0f, -129.0f, 70000.0f};
  const auto source = Tensor::of<float>({8}, values);
  const auto ints = source.to(DType::int32);
  EXPECT_EQ(std::vector<std::int32_t>(ints.data<std::int32_t>().begin(), ints.data<std::int32_t>().end()),
            (std::vector<std::int32_t>{INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, -1, 300, -129, 70000}));
  const auto small = source.to(DType::int8);
  EXPECT_EQ(std::vector<std::int8_t>(small.data<std::int8_t>().begin(), small.data<std::int8_t>().end()),
            (std::vector<std::int8_t>{0, 0, 0, 0, -1, 44, 127, 112}));
}

TEST(Cast, WhatIsNoNumberIsRefused) {
  for (const auto dtype :
       {DType::quint8, DType::qint32, DType::quint4x2, DType::bits8, DType::uint4, DType::float4_e2m1fn_x2}) {
    try {
      (void)Tensor::zeros({4}, dtype).to(DType::float32);
      FAIL() << name(dtype);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported);
      EXPECT_EQ(error.message(), std::string(name(dtype)) + " cannot be converted to float32");
    }
  }
  EXPECT_EQ(Tensor::zeros({4}, DType::float4_e2m1fn_x2).clone().nbytes(), 4u);
}

}  // namespace
}  // namespace flambeau
