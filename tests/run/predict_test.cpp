// Numbers into labels, and .npy files in and out.

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <flambeau/error.h>
#include <flambeau/predict.h>

namespace flambeau {
namespace {

Tensor floats(Shape shape, std::vector<float> values) { return Tensor::of<float>(std::move(shape), values); }

std::string scratch(const std::string& name) {
  return (std::filesystem::path(testing::TempDir()) / ("flambeau_run_" + std::to_string(getpid()) + "_" + name))
      .string();
}

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

TEST(Softmax, SumsToOneAndStandsLargeLogits) {
  const Tensor p = predict::softmax(floats({2, 3}, {1000, 1000, -1000, 0, std::log(2.0f), std::log(3.0f)}));
  EXPECT_EQ(p.shape(), (Shape{2, 3}));
  const auto values = p.data<float>();
  const std::vector<float> expected = {0.5f, 0.5f, 0.0f, 1 / 6.0f, 2 / 6.0f, 3 / 6.0f};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-7f) << i;
}

TEST(TopK, OrdersByScoreThenIndexWithNanLast) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto rows = predict::top_k(floats({2, 4}, {1, 3, 3, nan, 4, 3, 2, 1}), 9);
  ASSERT_EQ(rows.size(), 2u);
  const auto indices = [](const std::vector<predict::Class>& row) {
    std::vector<std::int64_t> all;
    for (const auto& each : row) all.push_back(each.index);
    return all;
  };
  EXPECT_THAT(indices(rows[0]), testing::ElementsAre(1, 2, 0, 3));
  EXPECT_THAT(indices(rows[1]), testing::ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(rows[1][0].score, 4.0f);
  EXPECT_EQ(rows[1][0].label, "");
}

TEST(TopK, LabelsMustFit) {
  const std::vector<std::string_view> labels = {"cat", "dog"};
  EXPECT_EQ(predict::top_k(floats({2}, {0, 1}), 1, labels)[0][0].label, "dog");
  EXPECT_THAT(
      [&] {
        predict::top_k(floats({3}, {0, 1, 2}), 1, labels);
      },
      testing::ThrowsMessage<Error>(testing::HasSubstr("2 labels for 3 classes")));
  EXPECT_THROW(predict::top_k(Tensor(), 1), Error);
  EXPECT_THROW(predict::softmax(floats({}, {1})), Error);
}

TEST(Labels, AreFoundBesideTheWeights) {
  const auto labels = [](std::string_view key, const Value& value, std::int64_t classes) {
    Checkpoint checkpoint;
    checkpoint.set(key, value);
    return predict::labels_of(checkpoint, classes);
  };
  Value list = Value::list(), to_index = Value::dict(), from_text = Value::dict();
  list.append("cat").append("dog");
  to_index.set("dog", 1).set("cat", 0);
  from_text.set("1", "dog").set("0", "cat");
  const auto expected = testing::ElementsAre("cat", "dog");
  EXPECT_THAT(labels("classes", list, 2), expected);
  EXPECT_THAT(labels("class_to_idx", to_index, 2), expected);
  EXPECT_THAT(labels("id2label", from_text, 2), expected);
  EXPECT_THAT(labels("classes", list, 3), testing::IsEmpty()) << "of another number of classes";
  EXPECT_THAT(labels("colours", list, 2), testing::IsEmpty());
  EXPECT_THAT(labels("classes", Value::dict().set("cat", 0).set("dog", 0), 2), testing::IsEmpty()) << "one index twice";
  EXPECT_THAT(labels("classes", Value::dict().set("cat", 0).set("dog", 7), 2), testing::IsEmpty());
  EXPECT_THAT(labels("classes", Value::list().append("cat").append(1), 2), testing::IsEmpty());
  EXPECT_THAT(predict::labels_of(Checkpoint(Value(1)), 2), testing::IsEmpty());
}

TEST(Npy, IsByteForByteWhatNumpySaves) {
  const std::string path = scratch("a.npy");
  for (const std::string file : {"float32.npy", "int64.npy", "scalar.npy"}) {
    const std::string golden = std::string(FLAMBEAU_TEST_DATA) + "/" + file;
    write_npy(path, read_npy(golden));
    EXPECT_EQ(content(path), content(golden)) << file;
  }
  EXPECT_TRUE(read_npy(std::string(FLAMBEAU_TEST_DATA) + "/float32.npy").equal(floats({1, 3}, {1.5f, -2.0f, 0.25f})));
  std::filesystem::remove(path);
}

TEST(Npy, KeepsDtypeAndOrderThroughAFile) {
  const std::string path = scratch("b.npy");
  const Tensor transposed = floats({2, 3}, {1, 2, 3, 4, 5, 6}).permute({1, 0});
  const std::vector<std::int64_t> numbers = {7, -8};
  for (const Tensor& tensor : {transposed, transposed.to(DType::float64), transposed.to(DType::float16),
                               Tensor::of<std::int64_t>({2}, numbers), floats({}, {3}), floats({0, 4}, {})}) {
    write_npy(path, tensor);
    const Tensor back = read_npy(path);
    EXPECT_TRUE(back.is_contiguous());
    EXPECT_TRUE(back.equal(tensor.contiguous())) << name(tensor.dtype()) << to_string(tensor.shape());
  }
  EXPECT_THROW(write_npy(path, floats({1}, {1}).to(DType::bfloat16)), Error);
  std::filesystem::remove(path);
}

TEST(Npy, RefusesOtherFiles) {
  const std::string path = scratch("c.npy");
  std::ofstream(path) << "no array";
  EXPECT_THROW(read_npy(path), Error);
  std::ofstream(path, std::ios::binary) << std::string("\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fort", 30);
  EXPECT_THROW(read_npy(path), Error);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace flambeau
