#include <flambeau/error.h>
#include <flambeau/graph.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "bytes/scratch.h"

namespace flambeau::graph {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Shapes : public testing::Test {
 protected:
  Graph graph{};
  Var in(Shape shape, DType dtype = DType::float32) { return graph.input(std::move(shape), dtype); }
  Var weight(Shape shape) { return graph.constant(Tensor::meta(std::move(shape), DType::float32)); }
  static std::string error_of(const std::function<void()>& f, ErrorCode code = ErrorCode::invalid_argument) {
    try {
      f();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      return error.what();
    }
    return "nothing was thrown";
  }
};

TEST_F(Shapes, Convolutions) {
  EXPECT_EQ(conv(in({2, 3, 224, 224}), weight({64, 3, 7, 7}), {}, {2}, {3}, {}).shape(), (Shape{2, 64, 112, 112}));
  EXPECT_EQ(conv(in({1, 8, 9, 7}), weight({6, 4, 3, 2}), weight({6}), {2, 1}, {1, 0}, {2, 1}, 2).shape(),
            (Shape{1, 6, 4, 6}));
  EXPECT_EQ(conv(in({1, 8, 9}), weight({6, 8, 9}), {}, {}, {}, {}).shape(), (Shape{1, 6, 1}));
  EXPECT_EQ(conv_transpose(in({1, 4, 5, 5}), weight({4, 3, 3, 3}), {}, {2}, {1}, {1}, {}, 2).shape(),
            (Shape{1, 6, 10, 10}));
}

TEST_F(Shapes, ConvolutionsThatDoNotFitNameBothShapes) {
  const Var x = in({1, 4, 5, 5});
  EXPECT_THAT(error_of([&] {
                conv(x, weight({8, 3, 3, 3}), {}, {}, {}, {});
              }),
              AllOf(HasSubstr("conv: "), HasSubstr("(1, 4, 5, 5)"), HasSubstr("(8, 3, 3, 3)")));
  EXPECT_THAT(error_of([&] { conv(x, weight({8, 4, 7, 7}), {}, {}, {}, {}); }), HasSubstr("smaller"));
  EXPECT_THAT(error_of([&] {
                conv(x, weight({8, 4, 3, 3}), weight({7}), {}, {}, {});
              }),
              AllOf(HasSubstr("(7,)"), HasSubstr("(8,)")));
  EXPECT_THAT(error_of([&] { conv(x, weight({8, 4, 3, 3}), {}, {0}, {}, {}); }), HasSubstr("stride"));
  EXPECT_THAT(error_of([&] { conv(x, weight({8, 4, 3, 3}), {}, {1, 2, 3}, {}, {}); }), HasSubstr("3 values"));
  EXPECT_THAT(error_of([&] { conv(x, weight({9, 2, 3, 3}), {}, {}, {}, {}, 2); }), HasSubstr("groups 2"));
}

TEST_F(Shapes, HugeAttributesOverflowNothing) {
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max() / 2 + 1;
  const Var x = in({1, 1, 4, 4});
  error_of([&] { conv(x, weight({1, 1, 3, 3}), {}, {}, {huge}, {}); }, ErrorCode::limit);
  error_of([&] { conv_transpose(x, weight({1, 1, 3, 3}), {}, {huge}, {}, {}, {}); }, ErrorCode::limit);
  error_of([&] { pad(x, {huge, huge}); }, ErrorCode::limit);
  error_of([&] { in({huge, huge}); }, ErrorCode::limit);
  error_of([&] { in({huge, huge, 0}); }, ErrorCode::limit);
  EXPECT_THAT(error_of([&] { in({-1}); }), HasSubstr("negative"));
}

TEST_F(Shapes, Pools) {
  EXPECT_EQ(max_pool(in({1, 1, 112, 112}), {3}, {2}, {1}, {}).shape(), (Shape{1, 1, 56, 56}));
  EXPECT_EQ(max_pool(in({1, 1, 6, 7}), {3}, {2}, {}, {}, true).shape(), (Shape{1, 1, 3, 3}));
  // The last window of ceil_mode must start inside the input or its left padding.
  EXPECT_EQ(avg_pool(in({1, 1, 4}), {2}, {3}, {1}, true).shape(), (Shape{1, 1, 2}));
  EXPECT_EQ(avg_pool(in({1, 1, 8, 8}), {2}, {}, {}).shape(), (Shape{1, 1, 4, 4}));
  EXPECT_EQ(adaptive_avg_pool(in({1, 5, 7, 9}), {3, -1}).shape(), (Shape{1, 5, 3, 9}));
  EXPECT_THAT(error_of([&] { max_pool(in({1, 1, 8, 8}), {3}, {2}, {2}, {}); }), HasSubstr("half"));
}

TEST_F(Shapes, ProductsAndNorms) {
  EXPECT_EQ(linear(in({2, 7, 5}), weight({3, 5}), weight({3})).shape(), (Shape{2, 7, 3}));
  EXPECT_EQ(matmul(in({2, 1, 3, 4}), in({5, 4, 6})).shape(), (Shape{2, 5, 3, 6}));
  EXPECT_EQ(embedding(in({2, 3}, DType::int64), weight({10, 4})).shape(), (Shape{2, 3, 4}));
  EXPECT_EQ(attention(in({2, 3, 5, 4}), in({2, 3, 7, 4}), in({2, 3, 7, 6}), weight({5, 7}), 1).shape(),
            (Shape{2, 3, 5, 6}));
  EXPECT_THAT(error_of([&] { linear(in({2, 4}), weight({3, 5})); }), AllOf(HasSubstr("(2, 4)"), HasSubstr("(3, 5)")));
  EXPECT_THAT(error_of([&] { embedding(in({2}), weight({3, 5})); }), HasSubstr("int64"));
  EXPECT_THAT(error_of([&] {
                attention(in({1, 5, 4}), in({1, 7, 4}), in({1, 7, 4}), weight({6, 7}), 1);
              }),
              HasSubstr("(6, 7)"));
  EXPECT_THAT(error_of([&] { layer_norm(in({2, 4}), {5}, {}, {}, 0); }), HasSubstr("(5,)"));
  EXPECT_THAT(error_of([&] { group_norm(in({2, 4, 3}), 3, {}, {}, 0); }), HasSubstr("3 groups"));
  EXPECT_THAT(error_of([&] {
                batch_norm(in({1, 3, 1, 1}), weight({3}), weight({3}), {}, {}, 0, true);
              }),
              HasSubstr("more than 1 value per channel when training"));
}

TEST_F(Shapes, Movement) {
  const Var x = in({2, 3, 4});
  EXPECT_EQ(reshape(x, {-1, 6}).shape(), (Shape{4, 6}));
  EXPECT_EQ(flatten(x).shape(), (Shape{2, 12}));
  EXPECT_EQ(flatten(x, 0, -2).shape(), (Shape{6, 4}));
  EXPECT_EQ(permute(x, {2, 0, -2}).shape(), (Shape{4, 2, 3}));
  EXPECT_EQ(transpose(x, -1, 0).shape(), (Shape{4, 3, 2}));
  EXPECT_EQ(narrow(x, 1, -2, 2).shape(), (Shape{2, 2, 4}));
  EXPECT_EQ(pad(x, {1, 2, -1, 0}).shape(), (Shape{2, 2, 7}));
  EXPECT_EQ(chunk(x, 2, 1).back().shape(), (Shape{2, 1, 4}));
  EXPECT_EQ(mean(x, {0, -1}).shape(), (Shape{3}));
  EXPECT_EQ(mean(x, {1}, true).shape(), (Shape{2, 1, 4}));
  EXPECT_EQ(mean(x, {}).shape(), Shape{});
  const Var parts[] = {x, in({2, 5, 4})};
  EXPECT_EQ(cat(parts, -2).shape(), (Shape{2, 8, 4}));
  EXPECT_THAT(error_of([&] { cat(parts, 0); }), AllOf(HasSubstr("(2, 3, 4)"), HasSubstr("(2, 5, 4)")));
  EXPECT_THAT(error_of([&] { reshape(x, {5, -1}); }), AllOf(HasSubstr("24"), HasSubstr("(5, -1)")));
  EXPECT_THAT(error_of([&] { reshape(x, {-1, -1}); }), HasSubstr("one -1"));
  EXPECT_THAT(error_of([&] { permute(x, {0, 1, 1}); }), HasSubstr("twice"));
  EXPECT_THAT(error_of([&] { narrow(x, 1, 2, 2); }), HasSubstr("outside"));
  EXPECT_THAT(error_of([&] { pad(x, {4, 0}, "reflect"); }), HasSubstr("reflect"));
  EXPECT_THAT(error_of([&] { pad(x, {1, 0}, "mirror"); }, ErrorCode::unsupported), HasSubstr("mirror"));
}

TEST_F(Shapes, BroadcastingNamesBothShapes) {
  EXPECT_EQ(add(in({2, 1, 4}), in({3, 1})).shape(), (Shape{2, 3, 4}));
  EXPECT_EQ(mul(in({2, 3}), 0.5).shape(), (Shape{2, 3}));
  EXPECT_THAT(error_of([&] { add(in({2, 3}), in({4})); }), AllOf(HasSubstr("(2, 3)"), HasSubstr("(4,)")));
}

TEST_F(Shapes, AnEmptyOperandIsNamed) {
  const Var x = in({2, 3, 4, 4}), none;
  EXPECT_THAT(error_of([&] { linear(x, none); }), HasSubstr("linear: weight is None"));
  EXPECT_THAT(error_of([&] { conv(x, none, {}, {}, {}, {}); }), HasSubstr("conv: weight is None"));
  EXPECT_THAT(error_of([&] { batch_norm(x, weight({3}), none, {}, {}, 1e-5); }), HasSubstr("variance is None"));
  EXPECT_THAT(error_of([&] { prelu(x, none); }), HasSubstr("None"));
  EXPECT_THAT(error_of([&] { embedding(in({2}, DType::int64), none); }), HasSubstr("weight is None"));
  EXPECT_THAT(error_of([&] { relu(none); }), HasSubstr("input is None"));
  EXPECT_THAT(error_of([&] { reshape(none, {1}); }), HasSubstr("None"));
  EXPECT_THAT(error_of([&] { none.size(0); }), HasSubstr("None"));
}

TEST_F(Shapes, ABiasWithoutAWeightGetsOnes) {
  const Var y = layer_norm(in({2, 3}), {3}, {}, weight({3}), 1e-5);
  ASSERT_EQ(graph[y.id()].inputs.size(), 3U);
  EXPECT_EQ(graph[graph[y.id()].inputs[1]].constant.data<float>()[2], 1.0F);
  EXPECT_EQ(graph[batch_norm(in({2, 3}), weight({3}), weight({3}), {}, weight({3}), 1e-5).id()].inputs.size(), 5U);
  EXPECT_THAT(error_of([&] { group_norm(in({2, 4}), 2, {}, weight({3}), 1e-5); }), HasSubstr("bias has shape (3,)"));
}

TEST(Graph, TheSameConstantIsOneNode) {
  Graph graph;
  const Tensor tensor = Tensor::zeros({4, 6});
  const Var first = graph.constant(tensor);
  EXPECT_EQ(graph.constant(tensor).id(), first.id());
  EXPECT_NE(graph.constant(tensor.narrow(0, 1, 2)).id(), first.id());
  EXPECT_NE(graph.constant(Tensor::zeros({4, 6})).id(), first.id());
}

TEST(Graph, OutputsMustBelongToIt) {
  Graph graph, other;
  const Var stranger = other.input({1});
  EXPECT_THROW(graph.set_outputs(std::span(&stranger, 1)), Error);
}

TEST(Graph, OperandsOfTwoGraphsAreRefused) {
  Graph graph, other;
  const Var x = graph.input({2, 3}), stranger = other.input({2, 3});
  EXPECT_ERROR(add(x, stranger), ErrorCode::invalid_argument, "add: operands of two graphs");
  EXPECT_ERROR(linear(x, other.input({4, 3}), {}), ErrorCode::invalid_argument, "operands of two graphs");
  EXPECT_ERROR(prelu(x, other.input({1})), ErrorCode::invalid_argument, "operands of two graphs");
  const Var parts[] = {x, stranger};
  EXPECT_ERROR(cat(parts, 0), ErrorCode::invalid_argument, "operands of two graphs");
}

TEST(Graph, ReadsAsText) {
  Graph graph;
  const Var x = graph.input({1, 2, 4, 4});
  const Var y = relu(max_pool(x, {2}, {}, {}, {}));
  graph.set_outputs(std::span(&y, 1));
  EXPECT_EQ(to_string(graph),
            "%0 = input() : float32(1, 2, 4, 4)\n"
            "%1 = max_pool(%0) kernel=(2, 2) stride=(2, 2) padding=(0, 0) dilation=(1, 1) ceil_mode=false "
            "count_include_pad=true divisor=0 : float32(1, 2, 2, 2)\n"
            "%2 = activation(%1) relu a=0 b=0 : float32(1, 2, 2, 2)\n"
            "return %2\n");
}

}  // namespace
}  // namespace flambeau::graph
