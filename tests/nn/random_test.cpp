#include <gtest/gtest.h>

#include <flambeau/error.h>

#include "nn/layer_cases.h"
#include "nn/random.h"
#include "nn/random_kernels.h"

namespace flambeau {
namespace {

using nn::test::fnv;

std::string hex(std::uint64_t value) {
  std::ostringstream text;
  text << std::hex << value;
  return text.str();
}

TEST(Random, DrawsWhatTorchDrawsForEverySize) {
  const auto rows = nn::test::rows(FLAMBEAU_TEST_DATA "/random.tsv");
  ASSERT_GE(rows.size(), 13u);
  for (const auto& row : rows) {
    const std::int64_t n = std::stoll(row[0]);
    SCOPED_TRACE(n);
    manual_seed(7);
    std::vector<std::string> found;
    const auto add = [&](const Tensor& tensor) { found.push_back(hex(fnv(tensor))); };
    const auto filled = [&](auto fill) {
      Tensor tensor = Tensor::uninitialized({n});
      fill(tensor);
      add(tensor);
    };
    add(rand({n}));
    add(randn({n}));
    filled([](Tensor& t) { nn::init::uniform_(t, -0.3, 0.7); });
    filled([](Tensor& t) { nn::init::normal_(t, 0.1, 0.02); });
    if (n < 1000000) {
      filled([](Tensor& t) { bernoulli_(t, 0.3); });
      filled([](Tensor& t) { nn::init::trunc_normal_(t, 0, 1, -1, 2); });
      filled([](Tensor& t) { nn::init::trunc_normal_(t, 0, 1, 2, 3); });
      add(randint(0, 100, {n}));
      add(randint(-5, 1ll << 33, {n}));
      add(randint(0, (1 << 28) - 1, {n}));
      add(randint(0, 1 << 28, {n}));
      add(randperm(n));
    }
    add(default_generator().state());
    EXPECT_EQ(found, std::vector<std::string>(row.begin() + 1, row.end()));
  }
}

TEST(Random, SelfTestValuesOfTheNotes) {
  manual_seed(0);
  const auto permutation = randperm(10);
  const auto order = permutation.data<std::int64_t>();
  EXPECT_EQ(std::vector(order.begin(), order.end()), (std::vector<std::int64_t>{4, 1, 7, 5, 3, 9, 0, 8, 6, 2}));
  const auto numbers = randint(0, 100, {5});
  const auto drawn = numbers.data<std::int64_t>();
  EXPECT_EQ(std::vector(drawn.begin(), drawn.end()), (std::vector<std::int64_t>{83, 1, 66, 56, 99}));
}

TEST(Random, OnlyTheLow32BitsOfASeedCount) {
  Generator a(5), b((1ull << 32) + 5), c(6);
  const auto first = a.random();
  EXPECT_EQ(first, b.random());
  EXPECT_NE(first, c.random());
}

TEST(Random, TwoThreadsGiveWhatOneGives) {
  const std::size_t n = (1u << 20) + 5000;
  std::vector<float> at_once(n), in_pieces(n);
  for (const bool normal : {false, true}) {
    const auto fill = [&](Generator& generator, std::span<float> out) {
      if (normal)
        nn::random::fill_normal(generator, out, 0.5, 2);
      else
        nn::random::fill_uniform(generator, out, -1, 2);
    };
    Generator one(3), two(3);
    fill(one, at_once);
    const std::size_t piece = 16000;
    for (std::size_t i = 0; i < n; i += piece) fill(two, std::span(in_pieces).subspan(i, std::min(piece, n - i)));
    const std::size_t compared = normal ? n / 16 * 16 - 16 : n;  // the tail is drawn anew
    EXPECT_TRUE(
        std::equal(at_once.begin(), at_once.begin() + static_cast<std::ptrdiff_t>(compared), in_pieces.begin()));
    EXPECT_EQ(one.random(), two.random());
  }
}

TEST(Random, PortableKernelsRoundLikeTheVectorOnes) {
  Generator generator(11);
  std::vector<std::uint32_t> draws(160 * 1024);
  generator.random(draws);
  for (std::size_t i = 0; i < 16; ++i) draws[i] = i % 2 == 0 ? 0 : 0xffffffffu;  // the ends of the range
  std::vector<float> fast(draws.size()), plain(draws.size());
  nn::random::kernels().normal(draws.data(), fast.data(), draws.size() / 16, 0.1f, 1.5f);
  nn::random::plain_kernels().normal(draws.data(), plain.data(), draws.size() / 16, 0.1f, 1.5f);
  EXPECT_EQ(fast, plain);
  nn::random::kernels().uniform(draws.data(), fast.data(), draws.size(), 0.3f, -0.1f);
  nn::random::plain_kernels().uniform(draws.data(), plain.data(), draws.size(), 0.3f, -0.1f);
  EXPECT_EQ(fast, plain);
}

TEST(Random, DiscardSkipsExactly) {
  Generator a(1), b(1);
  for (int i = 0; i < 1500; ++i) a.random();
  b.discard(1500);
  EXPECT_EQ(a.random(), b.random());
}

TEST(Random, StateRoundTripsWithItsSpareNormal) {
  Generator a(9);
  a.normal64();
  const Tensor state = a.state();
  Generator b(1);
  b.set_state(state);
  EXPECT_EQ(a.normal64(), b.normal64());
  EXPECT_EQ(a.random(), b.random());
  EXPECT_EQ(fnv(a.state()), fnv(b.state()));
}

TEST(Random, RefusesAStateThatIsNone) {
  Generator generator(1);
  EXPECT_THROW(generator.set_state(Tensor::zeros({16}, DType::uint8)), Error);
  Tensor wild = generator.state();
  wild.mutable_data<std::uint8_t>()[17] = 0x7f;  // next draw far outside
  EXPECT_THROW(generator.set_state(wild), Error);
}

TEST(Random, MetaTensorsDrawNothing) {
  manual_seed(4);
  Tensor meta = Tensor::meta({1000}, DType::float32);
  nn::init::normal_(meta);
  nn::init::kaiming_uniform_(*std::make_unique<Tensor>(Tensor::meta({4, 4}, DType::float32)));
  EXPECT_EQ(default_generator().random(), Generator(4).random());
}

TEST(Init, GainsAndFans) {
  EXPECT_EQ(nn::init::calculate_gain("tanh"), 5.0 / 3);
  EXPECT_EQ(nn::init::calculate_gain("leaky_relu", 1.0), 1.0);
  EXPECT_THROW(nn::init::calculate_gain("nothing"), Error);
  const auto fans = nn::init::fans(Tensor::meta({8, 3, 5, 7}, DType::float32));
  EXPECT_EQ(fans.in, 3 * 35);
  EXPECT_EQ(fans.out, 8 * 35);
  EXPECT_THROW(nn::init::fans(Tensor::meta({8}, DType::float32)), Error);
}

TEST(Init, RefusesOtherDtypes) {
  Tensor half = Tensor::zeros({4}, DType::float16);
  EXPECT_THROW(nn::init::normal_(half), Error);
}

}  // namespace
}  // namespace flambeau
