// What the window reads, and what it need not read again.
#include <gtest/gtest.h>

#include <vector>

#include "archive/window.h"

namespace flambeau::archive {
namespace {

/// Bytes that tell their offset; notes what is read.
class Noting final : public bytes::Source {
 public:
  explicit Noting(std::uint64_t size) : size_(size) {}
  std::uint64_t size() const noexcept override { return size_; }
  const std::string& name() const noexcept override { return name_; }
  std::span<const std::byte> view() const noexcept override { return {}; }
  void read(std::uint64_t offset, std::span<std::byte> into) const override {
    reads.emplace_back(offset, into.size());
    for (std::byte& byte : into) byte = at(offset++);
  }
  static std::byte at(std::uint64_t offset) noexcept { return static_cast<std::byte>(offset ^ offset >> 8); }
  mutable std::vector<std::pair<std::uint64_t, std::size_t>> reads{};

 private:
  std::uint64_t size_;
  std::string name_ = "noting";
};
using Reads = decltype(Noting::reads);

void look(Window& window, std::uint64_t offset, std::size_t size) {
  const auto found = window.at(offset, size);
  ASSERT_EQ(found.size(), size);
  for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(found[i], Noting::at(offset + i)) << offset + i;
}

TEST(Window, keeps_the_first_bytes_and_the_last_ones) {
  const Noting source(1 << 20);
  Window window(source);
  look(window, 0, 100);
  look(window, (1 << 20) - 4096, 4096);
  look(window, 500000, 30);
  look(window, 8000, 192);
  look(window, (1 << 20) - 22, 22);
  EXPECT_EQ(source.reads, (Reads{{0, 8192}, {(1 << 20) - 4096, 4096}, {500000, 4096}}));
  EXPECT_EQ(window.find(600000, 1), nullptr);
  EXPECT_NE(window.find(500000, 4096), nullptr);
  EXPECT_EQ(window.find(500000, 4097), nullptr);
}

TEST(Window, reads_longer_pieces_where_it_goes_on) {
  const Noting source(1 << 20);
  Window window(source);
  for (std::uint64_t offset = 100000; offset < 150000; offset += 100) look(window, offset, 100);
  EXPECT_EQ(source.reads, (Reads{{100000, 4096}, {104000, 16384}, {120300, 65536}}));
}

TEST(Window, reads_just_what_it_is_told_to) {
  const Noting source(1 << 20);
  Window window(source);
  window.read(300000, 46);
  look(window, 300000, 30);
  look(window, 300030, 16);
  EXPECT_EQ(source.reads, (Reads{{300000, 46}}));
}

TEST(Window, holds_sources_smaller_than_a_piece) {
  const Noting source(10);
  Window window(source);
  look(window, 3, 7);
  look(window, 0, 10);
  EXPECT_EQ(source.reads, (Reads{{0, 10}}));
  const Noting empty(0);
  EXPECT_TRUE(Window(empty).at(0, 0).empty());
}

}  // namespace
}  // namespace flambeau::archive
