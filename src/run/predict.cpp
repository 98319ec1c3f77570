#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/predict.h>

namespace flambeau::predict {
namespace {

/// The length of a row of (N, classes) or (classes).
std::int64_t row_length(const Tensor& scores) {
  if (!scores.defined() || scores.dim() < 1 || scores.numel() == 0) {
    throw Error(ErrorCode::invalid_argument,
                "scores of shape (classes) or (N, classes) needed, found " +
                    (scores.defined() ? to_string(scores.shape()) : std::string("nothing")));
  }
  return scores.shape().back();
}

}  // namespace

Tensor softmax(const Tensor& logits) {
  const auto length = static_cast<std::size_t>(row_length(logits));
  const Tensor dense = logits.to(DType::float32).contiguous();
  const std::span<const float> in = dense.data<float>();
  Tensor result = Tensor::uninitialized(logits.shape());
  const std::span<float> out = result.mutable_data<float>();
  std::vector<double> powers(length);
  for (std::size_t row = 0; row < in.size(); row += length) {
    const float largest = *std::max_element(&in[row], &in[row] + length);
    double sum = 0;
    for (std::size_t i = 0; i < length; ++i) sum += powers[i] = std::exp(double{in[row + i]} - double{largest});
    for (std::size_t i = 0; i < length; ++i) out[row + i] = static_cast<float>(powers[i] / sum);
  }
  return result;
}

std::vector<std::vector<Class>> top_k(const Tensor& scores, std::int64_t k, std::span<const std::string_view> labels) {
  const std::int64_t length = row_length(scores);
  if (k < 0) throw Error(ErrorCode::invalid_argument, fmt::format("the {} best classes; 0 or more expected", k));
  if (!labels.empty() && static_cast<std::int64_t>(labels.size()) != length) {
    throw Error(ErrorCode::invalid_argument, fmt::format("{} labels for {} classes", labels.size(), length));
  }
  const Tensor dense = scores.to(DType::float32).contiguous();
  const std::span<const float> values = dense.data<float>();
  std::vector<std::vector<Class>> rows;
  std::vector<std::int64_t> order(static_cast<std::size_t>(length));
  const auto kept = static_cast<std::ptrdiff_t>(std::min(k, length));
  for (std::size_t at = 0; at < values.size(); at += order.size()) {
    const float* row = &values[at];
    std::iota(order.begin(), order.end(), std::int64_t{0});
    const auto better = [row](std::int64_t a, std::int64_t b) {
      if (std::isnan(row[a]) != std::isnan(row[b])) return std::isnan(row[b]);
      return row[a] != row[b] && !std::isnan(row[a]) ? row[a] > row[b] : a < b;
    };
    std::partial_sort(order.begin(), order.begin() + kept, order.end(), better);
    std::vector<Class>& best = rows.emplace_back();
    for (std::ptrdiff_t i = 0; i < kept; ++i) {
      const std::int64_t index = order[static_cast<std::size_t>(i)];
      best.push_back(
          {index, row[index], labels.empty() ? std::string() : std::string(labels[static_cast<std::size_t>(index)])});
    }
  }
  return rows;
}

}  // namespace flambeau::predict
