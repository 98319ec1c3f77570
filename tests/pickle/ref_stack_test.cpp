// The machine's stack beside a plain vector, over the ends of its chunks.
#include <gtest/gtest.h>

#include <random>

#include "pickle/ref_stack.h"

namespace flambeau::pickle {
namespace {

using object::Ref;

TEST(RefStack, does_as_a_vector_does) {
  RefStack stack, other;
  std::vector<Ref> plain;
  std::mt19937 random(1);
  const auto below = [&](std::size_t most) { return random() % (most + 1); };
  for (int step = 0; step < 20000; ++step) {
    const std::size_t from = plain.size() - below(std::min<std::size_t>(plain.size(), below(7) == 0 ? 1500 : 5));
    const auto tail = plain.begin() + static_cast<std::ptrdiff_t>(from);
    switch (below(5)) {
      case 0:
        ASSERT_EQ(stack.take(from), std::vector<Ref>(tail, plain.end()));
        break;
      case 1: {
        std::vector<Ref> moved{Ref()};
        moved.reserve(1 + plain.size() - from);
        stack.move_to(from, moved);
        ASSERT_EQ(std::vector<Ref>(moved.begin() + 1, moved.end()), std::vector<Ref>(tail, plain.end()));
        break;
      }
      case 2:
        stack.truncate(from);
        break;
      case 3: {
        const std::size_t before = other.size();
        stack.move_to(from, other);
        ASSERT_EQ(other.take(before), std::vector<Ref>(tail, plain.end()));
        break;
      }
      default:
        for (std::size_t count = below(below(3) == 0 ? 1100 : 10); count > 0; --count) {
          plain.push_back(Ref::integer(step));
          stack.push(plain.back());
        }
        if (!plain.empty()) {
          ASSERT_EQ(stack.top(), plain.back());
          ASSERT_EQ(stack.pop(), plain.back());
          plain.pop_back();
        }
        ASSERT_EQ(stack.size(), plain.size());
        continue;
    }
    plain.resize(from);
    ASSERT_EQ(stack.size(), from);
    if (from > 0) {
      ASSERT_EQ(stack[from - 1], plain.back());
    }
  }
}

TEST(RefStack, moves_pairs_over_the_end_of_a_chunk) {
  RefStack stack;
  for (int i = 0; i < 1031; ++i) stack.push(Ref::integer(i));
  std::vector<object::Pair> pairs;
  stack.move_to(1021, pairs);
  ASSERT_EQ(pairs.size(), 5u);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(pairs[static_cast<std::size_t>(i)], object::Pair(Ref::integer(1021 + 2 * i), Ref::integer(1022 + 2 * i)));
  EXPECT_EQ(stack.top(), Ref::integer(1020));
}

}  // namespace
}  // namespace flambeau::pickle
