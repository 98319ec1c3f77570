#include <flambeau/error.h>
#include <flambeau/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <numeric>
#include <thread>

#include "bytes/crc32.h"

namespace flambeau {
namespace {

using testing::HasSubstr;

/// Bytes 0, 1, 2, … with a view or only by reading, with a right, wrong or no CRC.
class FakeSource final : public StorageSource {
 public:
  enum class Crc { none, right, wrong };
  FakeSource(std::size_t size, bool mapped, Crc crc, std::size_t skew = 0)
      : bytes_(size + skew), skew_(skew), mapped_(mapped), crc_(crc) {
    for (std::size_t i = 0; i < size; ++i) bytes_[i + skew] = static_cast<std::byte>(i * 7 + i / 256);
  }
  std::span<const std::byte> payload() const { return std::span(bytes_).subspan(skew_); }
  std::span<const std::byte> view() const noexcept override {
    return mapped_ ? payload() : std::span<const std::byte>{};
  }
  void read(std::uint64_t offset, std::span<std::byte> into) const override {
    if (offset + into.size() > payload().size()) throw Error(ErrorCode::truncated, "past the end");
    ++reads;
    std::memcpy(into.data(), payload().data() + offset, into.size());
  }
  bool recorded_crc(std::uint32_t& crc) const noexcept override {
    ++crc_asked;
    crc = bytes::crc32(0, payload()) ^ (crc_ == Crc::wrong ? 1u : 0u);
    return crc_ != Crc::none;
  }
  Place place() const override { return {"x.pth", "archive/data/0", {}, {}}; }

  mutable std::atomic<int> reads = 0, crc_asked = 0;

 private:
  std::vector<std::byte> bytes_;
  std::size_t skew_;
  bool mapped_;
  Crc crc_;
};

bool same(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

TEST(Storage, ZerosAreZeroAndAligned) {
  for (const std::uint64_t size : {1ull, 63ull, 4096ull, (2ull << 20) + 5, 5ull << 20}) {
    const auto storage = Storage::zeros(size, DType::uint8);
    const auto bytes = storage->bytes();
    ASSERT_EQ(bytes.size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes.data()) % 64, 0u);
    EXPECT_EQ(std::accumulate(bytes.begin(), bytes.end(), 0u,
                              [](unsigned sum, std::byte b) { return sum + std::to_integer<unsigned>(b); }),
              0u);
    storage->mutable_bytes().back() = std::byte{1};
    EXPECT_EQ(storage->bytes().back(), std::byte{1});
  }
  EXPECT_TRUE(Storage::zeros(0, DType::uint8)->bytes().empty());
}

TEST(Storage, RefusedMemoryIsAnErrorWithTheNumber) {
  try {
    (void)Storage::uninitialized(1ull << 62, DType::uint8);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io);
    EXPECT_THAT(error.what(), HasSubstr("4611686018427387904 bytes"));
  }
}

TEST(Storage, MappedBytesAreUsedInPlaceAndCheckedOnce) {
  const auto source = std::make_shared<FakeSource>(1 << 20, true, FakeSource::Crc::right);
  const auto storage = Storage::from(source, 1 << 20, DType::uint8);
  EXPECT_TRUE(storage->resident());
  EXPECT_EQ(storage->unchecked_bytes().data(), source->payload().data());
  EXPECT_EQ(source->crc_asked, 0);
  EXPECT_EQ(storage->bytes().data(), source->payload().data());
  (void)storage->bytes();
  EXPECT_EQ(source->crc_asked, 1);
  EXPECT_EQ(source->reads, 0);
}

TEST(Storage, VersionTellsWhetherSomebodyCouldWrite) {
  const auto mapped = Storage::from(std::make_shared<FakeSource>(64, true, FakeSource::Crc::right), 64, DType::uint8);
  (void)mapped->bytes();
  EXPECT_EQ(mapped->version(), 0u);
  (void)mapped->mutable_bytes();
  (void)mapped->mutable_bytes();
  EXPECT_EQ(mapped->version(), 2u);
  EXPECT_EQ(Storage::zeros(8, DType::uint8)->version(), 0u);
  std::vector<std::byte> memory(8);
  EXPECT_EQ(Storage::borrow(memory, DType::uint8)->version(), 1u);
}

TEST(Storage, LazyBytesAreReadOnceByManyThreads) {
  const std::size_t size = 3u << 20;
  const auto source = std::make_shared<FakeSource>(size, false, FakeSource::Crc::right);
  const auto storage = Storage::from(source, size, DType::uint8);
  EXPECT_FALSE(storage->resident());
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { good += same(storage->bytes(), source->payload()) ? 1 : 0; });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 8);
  EXPECT_EQ(source->crc_asked, 1);
  EXPECT_TRUE(storage->resident());
}

TEST(Storage, AWrongCrcIsReportedHoweverTheBytesAreRead) {
  for (const bool mapped : {true, false}) {
    const auto source = std::make_shared<FakeSource>(1000, mapped, FakeSource::Crc::wrong);
    const auto storage = Storage::from(source, 1000, DType::float32);
    std::vector<std::byte> copy(1000);
    const auto expect = [](auto&& read) {
      try {
        read();
        FAIL();
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::checksum);
        EXPECT_THAT(error.what(), HasSubstr("x.pth: archive/data/0"));
        EXPECT_THAT(error.what(), HasSubstr("recorded is"));
      }
    };
    expect([&] { (void)storage->bytes(); });
    expect([&] { (void)storage->bytes(); });
    expect([&] { storage->copy_to(copy); });
    expect([&] { (void)storage->mutable_bytes(); });
    expect([&] { storage->each_block([](auto) {}); });
    if (mapped) {
      EXPECT_TRUE(same(storage->unchecked_bytes(), source->payload()));
    }
  }
}

TEST(Storage, CopyChecksAndDoesNotKeep) {
  const std::size_t size = (1u << 20) + 3;
  for (const bool mapped : {true, false}) {
    const auto source = std::make_shared<FakeSource>(size, mapped, FakeSource::Crc::right);
    const auto storage = Storage::from(source, size, DType::uint8);
    std::vector<std::byte> copy(size);
    storage->copy_to(copy);
    EXPECT_TRUE(same(copy, source->payload()));
    EXPECT_EQ(storage->resident(), mapped);
    std::vector<std::byte> joined;
    storage->each_block(
        [&](std::span<const std::byte> piece) { joined.insert(joined.end(), piece.begin(), piece.end()); });
    EXPECT_TRUE(same(joined, source->payload()));
    EXPECT_THROW(storage->copy_to(std::span(copy).first(size - 1)), Error);
  }
}

TEST(Storage, WritingLeavesTheMappingAlone) {
  const auto source = std::make_shared<FakeSource>(256, true, FakeSource::Crc::right);
  const auto storage = Storage::from(source, 256, DType::uint8);
  const auto before = storage->bytes();
  storage->mutable_bytes()[0] = std::byte{99};
  EXPECT_EQ(storage->bytes()[0], std::byte{99});
  EXPECT_EQ(storage->bytes()[1], std::byte{7});
  EXPECT_EQ(source->payload()[0], std::byte{0});
  EXPECT_EQ(before[0], std::byte{0}) << "spans handed out stay valid";
}

TEST(Storage, BorrowedMemoryIsWrittenInPlace) {
  std::array<std::byte, 16> memory{};
  const auto storage = Storage::borrow(memory, DType::uint8);
  storage->mutable_bytes()[3] = std::byte{5};
  EXPECT_EQ(memory[3], std::byte{5});
}

TEST(Storage, ASourceOfAnotherSizeIsRefused) {
  const auto source = std::make_shared<FakeSource>(100, true, FakeSource::Crc::none);
  try {
    (void)Storage::from(source, 104, DType::float32);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::truncated);
    EXPECT_THAT(error.what(), HasSubstr("holds 100 bytes, 104 needed"));
  }
  EXPECT_THROW((void)Storage::from(source, 96, DType::float32), Error);
}

TEST(Storage, MisalignedMappingsAreCopiedForTypedAccess) {
  const auto source = std::make_shared<FakeSource>(64, true, FakeSource::Crc::right, 1);
  const auto storage = Storage::from(source, 64, DType::float64);
  ASSERT_NE(reinterpret_cast<std::uintptr_t>(storage->bytes().data()) % 8, 0u);
  const Tensor tensor(storage, DType::float64, {8}, {1});
  const auto values = tensor.data<double>();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(values.data()) % 8, 0u);
  EXPECT_TRUE(same(std::as_bytes(values), source->payload()));
}

}  // namespace
}  // namespace flambeau
