#include <flambeau/error.h>
#include <flambeau/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <complex>
#include <cstring>
#include <limits>
#include <numeric>

#include "tensor/elements.h"

namespace flambeau {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();

Tensor iota(Shape shape) {
  Tensor tensor = Tensor::uninitialized(std::move(shape));
  const auto values = tensor.mutable_data<float>();
  std::iota(values.begin(), values.end(), 0.0f);
  return tensor;
}

std::vector<float> values(const Tensor& tensor) {
  const Tensor dense = tensor.contiguous();
  const auto data = dense.data<float>();
  return {data.begin(), data.end()};
}

template <class F>
void expect_error(ErrorCode code, std::string_view text, F&& f) {
  try {
    f();
    FAIL() << "no error: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(std::string(text)));
  }
}

TEST(Tensor, ViewsOutsideTheStorageAreRefusedWithBothNumbers) {
  const auto storage = Storage::zeros(400, DType::float32);
  const auto view = [&](Shape shape, Shape strides, std::int64_t offset) {
    return [=] { (void)Tensor(storage, DType::float32, shape, strides, offset); };
  };
  EXPECT_NO_THROW(view({10, 10}, {10, 1}, 0)());
  expect_error(ErrorCode::corrupt, "storage holds 400 bytes, 404 needed", view({10, 10}, {10, 1}, 1));
  expect_error(ErrorCode::corrupt, "storage holds 400 bytes, 800 needed", view({20, 10}, {10, 1}, 0));
  expect_error(ErrorCode::corrupt, "storage holds 400 bytes", view({2}, {huge}, 0));
  expect_error(ErrorCode::corrupt, "storage holds 400 bytes", view({2, 2}, {huge, huge}, huge));
  expect_error(ErrorCode::corrupt, "more than 2^63 bytes", view({huge, huge}, {0, 0}, 0));
  expect_error(ErrorCode::corrupt, "more than 2^63 bytes", view({huge / 2}, {0}, 0));
  expect_error(ErrorCode::corrupt, "stride -1", view({2}, {-1}, 5));
  expect_error(ErrorCode::corrupt, "size -2", view({-2}, {1}, 0));
  expect_error(ErrorCode::corrupt, "offset -1", view({2}, {1}, -1));
  expect_error(ErrorCode::corrupt, "has 1 dimensions, strides (1, 1) have 2", view({2}, {1, 1}, 0));
}

TEST(Tensor, EmptyTensorsMayHaveAnyStridesAndOffset) {
  const auto storage = Storage::zeros(0, DType::float32);
  const Tensor empty(storage, DType::float32, {2, 0, huge}, {7, huge, 3}, 12);
  EXPECT_EQ(empty.numel(), 0);
  EXPECT_EQ(empty.nbytes(), 0u);
  EXPECT_TRUE(empty.is_contiguous());
  EXPECT_TRUE(empty.data<float>().empty());
}

TEST(Tensor, ExpandedTensorsNeedOnlyWhatTheyTouch) {
  const auto storage = Storage::zeros(4, DType::float32);
  storage->mutable_bytes()[3] = std::byte{0x40};
  const Tensor wide(storage, DType::float32, {1 << 20, 1 << 20, 1 << 20}, {0, 0, 0});
  EXPECT_FALSE(wide.is_contiguous());
  expect_error(ErrorCode::limit, "max_dense_bytes = 68719476736", [&] { (void)wide.contiguous(); });
  expect_error(ErrorCode::limit, "max_dense_bytes", [&] { (void)wide.clone(); });
  expect_error(ErrorCode::limit, "max_dense_bytes = 8",
               [&] { (void)Tensor(storage, DType::float32, {3}, {0}).contiguous(8); });
  EXPECT_THAT(values(Tensor(storage, DType::float32, {3}, {0})), ElementsAre(2, 2, 2));
}

TEST(Tensor, ContiguityFollowsTorch) {
  const auto storage = Storage::zeros(24 * 4, DType::float32);
  const auto contiguous = [&](Shape shape, Shape strides) {
    return Tensor(storage, DType::float32, shape, strides).is_contiguous();
  };
  EXPECT_TRUE(contiguous({2, 3, 4}, {12, 4, 1}));
  EXPECT_TRUE(contiguous({2, 1, 4}, {4, 99, 1}));
  EXPECT_TRUE(contiguous({}, {}));
  EXPECT_FALSE(contiguous({2, 3}, {1, 2}));
  EXPECT_FALSE(contiguous({2, 3}, {4, 1}));
}

TEST(Tensor, StridesOfNewTensorsAreTorchs) {
  EXPECT_EQ(contiguous_strides({2, 0, 3}), (Shape{3, 3, 1}));
  EXPECT_EQ(contiguous_strides({}), Shape{});
  expect_error(ErrorCode::corrupt, "do not fit", [] { (void)contiguous_strides({2, huge, huge}); });
  EXPECT_EQ(to_string(Shape{64}), "(64,)");
  EXPECT_EQ(to_string(Shape{}), "()");
  EXPECT_EQ(to_string(Shape{3, 224}), "(3, 224)");
}

TEST(Tensor, PermuteAndNarrowShareTheStorage) {
  const Tensor tensor = iota({2, 3, 4});
  const Tensor turned = tensor.permute({2, 0, 1});
  EXPECT_EQ(turned.shape(), (Shape{4, 2, 3}));
  EXPECT_EQ(turned.strides(), (Shape{1, 12, 4}));
  EXPECT_EQ(turned.storage(), tensor.storage());
  EXPECT_THAT(values(turned.narrow(0, 1, 1)), ElementsAre(1, 5, 9, 13, 17, 21));
  EXPECT_THAT(values(tensor.narrow(1, 1, 2).narrow(-1, 2, 2)), ElementsAre(6, 7, 10, 11, 18, 19, 22, 23));
  EXPECT_EQ(tensor.narrow(0, 2, 0).numel(), 0);
  EXPECT_THROW((void)tensor.narrow(0, 1, 2), Error);
  EXPECT_THROW((void)tensor.narrow(0, 1, huge), Error);
  EXPECT_THROW((void)tensor.narrow(3, 0, 1), Error);
  EXPECT_THROW((void)tensor.permute({0, 0, 1}), Error);
}

TEST(Tensor, ReshapeSharesWhereItCan) {
  const Tensor tensor = iota({2, 3, 4});
  const Tensor flat = tensor.reshape({-1});
  EXPECT_EQ(flat.shape(), Shape{24});
  EXPECT_EQ(flat.storage(), tensor.storage());
  const Tensor turned = tensor.permute({1, 0, 2}).reshape({3, -1});
  EXPECT_NE(turned.storage(), tensor.storage());
  EXPECT_THAT(values(turned.narrow(0, 0, 1)), ElementsAre(0, 1, 2, 3, 12, 13, 14, 15));
  EXPECT_THROW((void)tensor.reshape({5, -1}), Error);
  EXPECT_THROW((void)tensor.reshape({-1, -1}), Error);
  EXPECT_THROW((void)tensor.reshape({25}), Error);
  EXPECT_THROW((void)Tensor::zeros({0}).reshape({0, -1}), Error);
}

TEST(Tensor, StridedCopiesOfEveryElementSize) {
  for (const auto dtype : {DType::uint8, DType::float16, DType::float32, DType::int64, DType::complex128}) {
    const std::size_t size = itemsize(dtype);
    Tensor tensor = Tensor::uninitialized({3, 5, 7}, dtype);
    const auto raw = tensor.storage()->mutable_bytes();
    for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = static_cast<std::byte>(i * 31 + i / 256);
    const Tensor turned = tensor.permute({2, 1, 0});
    const Tensor dense = turned.clone();
    for (std::size_t i = 0; i < 7; ++i)
      for (std::size_t j = 0; j < 5; ++j)
        for (std::size_t k = 0; k < 3; ++k)
          ASSERT_EQ(std::memcmp(dense.bytes().data() + ((i * 5 + j) * 3 + k) * size,
                                raw.data() + ((k * 5 + j) * 7 + i) * size, size),
                    0);
    EXPECT_TRUE(dense.equal(turned));
    Tensor back = Tensor::zeros({3, 5, 7}, dtype);
    Tensor target = back.permute({2, 1, 0});
    target.copy_from(dense);
    EXPECT_TRUE(back.equal(tensor));
  }
}

TEST(Tensor, GatherStartsAnywhere) {
  const Tensor turned = iota({4, 5, 6}).permute({2, 0, 1});
  const auto all = values(turned);
  for (std::uint64_t first = 0; first < all.size(); first += 7) {
    std::vector<float> some(std::min<std::size_t>(11, all.size() - first));
    tensor::gather(turned, first, some.size(), reinterpret_cast<std::byte*>(some.data()));
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin() + static_cast<std::ptrdiff_t>(first)));
  }
}

TEST(Tensor, EachBlockGivesTheDenseBytes) {
  const Tensor big = iota({700, 1000}).permute({1, 0});
  std::vector<std::byte> joined;
  std::size_t largest = 0;
  tensor::each_block(big, [&](std::span<const std::byte> piece) {
    joined.insert(joined.end(), piece.begin(), piece.end());
    largest = std::max(largest, piece.size());
  });
  const Tensor dense = big.contiguous();
  ASSERT_EQ(joined.size(), dense.nbytes());
  EXPECT_EQ(std::memcmp(joined.data(), dense.bytes().data(), joined.size()), 0);
  EXPECT_LE(largest, 1u << 20);
}

TEST(Tensor, ConjugateAndNegativeBitsAreCarriedOut) {
  using C = std::complex<float>;
  const std::vector<C> numbers = {{1, 2}, {-3, 4}};
  Tensor tensor = Tensor::of<C>({2}, numbers);
  tensor.set_conj(true);
  EXPECT_THROW((void)tensor.data<C>(), Error);
  EXPECT_THAT(tensor.contiguous().data<C>(), ElementsAre(C{1, -2}, C{-3, -4}));
  EXPECT_THAT(tensor.clone().set_neg(true).contiguous().data<C>(), ElementsAre(C{-1, 2}, C{3, 4}));
  EXPECT_FALSE(tensor.contiguous().is_conj());
  Tensor real = iota({3});
  real.set_neg(true);
  EXPECT_THAT(values(real), ElementsAre(0, -1, -2));
  EXPECT_TRUE(std::signbit(values(real)[0]));
  EXPECT_THROW((void)iota({1}).set_conj(true).contiguous(), Error);
}

TEST(Tensor, PackedDtypesRoundEachRowUp) {
  const auto packed = [](Shape shape, DType dtype) { return Tensor::zeros(std::move(shape), dtype).nbytes(); };
  EXPECT_EQ(packed({3, 3}, DType::quint4x2), 6u);
  EXPECT_EQ(packed({3, 3}, DType::quint2x4), 3u);
  EXPECT_EQ(packed({5}, DType::quint2x4), 2u);
  EXPECT_EQ(packed({}, DType::quint4x2), 1u);
  EXPECT_EQ(packed({0, 4}, DType::quint4x2), 0u);
  const auto six = Storage::zeros(6, DType::quint4x2);
  EXPECT_EQ(Tensor(six, DType::quint4x2, {3, 3}, {3, 1}).clone().bytes().size(), 6u);
  expect_error(ErrorCode::corrupt, "storage holds 6 bytes, 8 needed", [&] {
    (void)Tensor(six, DType::quint4x2, {4, 3}, {3, 1});
  });
  expect_error(ErrorCode::unsupported, "not contiguous", [&] { (void)Tensor(six, DType::quint4x2, {3, 2}, {1, 3}); });
}

TEST(Tensor, MetaTensorsReachNoFurtherThan64Bits) {
  expect_error(ErrorCode::corrupt, "does not fit in 64 bits", [] {
    (void)Tensor(nullptr, DType::int64, {4, 2}, {std::int64_t{1} << 62, 1});
  });
}

TEST(Tensor, TypedAccessChecksTheElementType) {
  expect_error(ErrorCode::invalid_argument, "a float16 tensor has no elements of type float32",
               [] { (void)Tensor::zeros({1}, DType::float16).data<float>(); });
  EXPECT_EQ(Tensor::zeros({3}, DType::boolean).data<std::uint8_t>().size(), 3u);
  EXPECT_EQ(Tensor::zeros({3}, DType::bfloat16).data<std::uint16_t>().size(), 3u);
  EXPECT_EQ(Tensor::zeros({3}, DType::qint32).data<std::int32_t>().size(), 3u);
  EXPECT_THROW((void)Tensor::zeros({3}, DType::int8).data<std::uint8_t>(), Error);
  EXPECT_THROW((void)Tensor::meta({3}, DType::float32).data<float>(), Error);
  EXPECT_THROW((void)Tensor().data<float>(), Error);
  EXPECT_THROW((void)iota({2, 2}).permute({1, 0}).data<float>(), Error);
}

TEST(Tensor, CopyFromConvertsAcrossStridesAndOverlap) {
  Tensor target = Tensor::zeros({3, 2}, DType::float64);
  target.copy_from(iota({2, 3}).permute({1, 0}));
  EXPECT_THAT(target.data<double>(), ElementsAre(0, 3, 1, 4, 2, 5));
  const Tensor line = iota({6});
  Tensor later = line.narrow(0, 1, 5);
  later.copy_from(line.narrow(0, 0, 5));
  EXPECT_THAT(values(line), ElementsAre(0, 0, 1, 2, 3, 4));
  EXPECT_THROW(target.copy_from(iota({2, 3})), Error);
  Tensor expanded(Storage::zeros(4, DType::float32), DType::float32, {3}, {0});
  EXPECT_THROW(expanded.copy_from(iota({3})), Error);
}

TEST(Tensor, EqualComparesBits) {
  const std::vector<float> nan = {std::numeric_limits<float>::quiet_NaN(), 0.0f},
                           minus = {std::numeric_limits<float>::quiet_NaN(), -0.0f};
  EXPECT_TRUE(Tensor::of<float>({2}, nan).equal(Tensor::of<float>({2}, nan)));
  EXPECT_FALSE(Tensor::of<float>({2}, nan).equal(Tensor::of<float>({2}, minus)));
  EXPECT_FALSE(iota({2, 3}).equal(iota({3, 2})));
  EXPECT_FALSE(iota({2}).equal(iota({2}).to(DType::float64)));
  EXPECT_TRUE(iota({2, 3}).permute({1, 0}).equal(iota({2, 3}).permute({1, 0}).clone()));
}

TEST(Tensor, ItemAndToKeepWhatTheyShould) {
  const std::vector<std::int64_t> one = {-7};
  EXPECT_EQ(Tensor::of<std::int64_t>({}, one).item(), -7);
  EXPECT_THROW((void)iota({2}).item(), Error);
  const Tensor tensor = iota({2}).set_requires_grad(true);
  EXPECT_EQ(tensor.to(DType::float32).storage(), tensor.storage());
  EXPECT_TRUE(tensor.to(DType::float64).requires_grad());
  EXPECT_TRUE(Tensor::meta({4}, DType::float32).to(DType::int8).is_meta());
  EXPECT_THROW((void)Tensor::of<float>({3}, std::vector<float>{1, 2}), Error);
}

TEST(DType, NamesWithModuleAndAliases) {
  EXPECT_EQ(dtype_named("torch.float32"), DType::float32);
  EXPECT_EQ(dtype_named("half"), DType::float16);
  EXPECT_EQ(dtype_named("torch.long"), DType::int64);
  EXPECT_EQ(dtype_named("float33"), std::nullopt);
  for (const auto& row : dtypes) EXPECT_EQ(dtype_named(row.name), row.dtype);
}

}  // namespace
}  // namespace flambeau
