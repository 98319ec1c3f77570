// Normalisations and softmax.
#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "plan/reference/reference.h"

namespace flambeau::plan::reference {
namespace {

const graph::NormAttributes& norm(const Call& call) { return std::get<graph::NormAttributes>(call.attributes); }

struct Moments {
  double mean = 0, variance = 0;  // biased
};

/// Of elements that `at(i)` gives for i in [0, count).
template <class At>
Moments moments(std::int64_t count, At&& at) {
  Moments m;
  for (std::int64_t i = 0; i < count; ++i) m.mean += at(i);
  m.mean /= static_cast<double>(count);
  for (std::int64_t i = 0; i < count; ++i) m.variance += (at(i) - m.mean) * (at(i) - m.mean);
  m.variance /= static_cast<double>(count);
  return m;
}

float weight_of(const Call& call, std::size_t input, std::int64_t index) {
  return call.inputs.size() > input ? call.inputs[input].floats()[index] : 1.0F;
}
float bias_of(const Call& call, std::size_t input, std::int64_t index) {
  return call.inputs.size() > input ? call.inputs[input].floats()[index] : 0.0F;
}

/// Visits the lines along dimension `dim`: f(offset of the first element, stride).
template <class F>
void for_each_line(const Call& call, F&& f) {
  const Shape& shape = call.inputs[0].shape;
  const auto& dims = std::get<graph::DimAttributes>(call.attributes).dims;
  const std::size_t dim = dims.empty() ? 0 : static_cast<std::size_t>(dims[0]);
  const std::int64_t size = shape.empty() ? 1 : shape[dim];
  const std::int64_t inner = shape.empty() ? 1 : product(shape, dim + 1, shape.size());
  const std::int64_t outer = shape.empty() ? 1 : product(shape, 0, dim);
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t i = 0; i < inner; ++i) f(o * size * inner + i, inner, size);
}

void softmax_lines(const Call& call, bool log) {
  for_each_line(call, [&](std::int64_t first, std::int64_t stride, std::int64_t size) {
    const float* x = call.inputs[0].floats() + first;
    float* y = call.output.floats() + first;
    double most = -std::numeric_limits<double>::infinity(), total = 0;
    for (std::int64_t i = 0; i < size; ++i) most = std::fmax(most, x[i * stride]);
    for (std::int64_t i = 0; i < size; ++i) total += std::exp(x[i * stride] - most);
    for (std::int64_t i = 0; i < size; ++i) {
      const double shifted = x[i * stride] - most;
      y[i * stride] = static_cast<float>(log ? shifted - std::log(total) : std::exp(shifted) / total);
    }
  });
}

}  // namespace

void batch_norm(const Call& call) {
  const auto& a = norm(call);
  const Shape& shape = call.inputs[0].shape;
  const std::int64_t batch = shape[0], channels = shape[1], inner = product(shape, 2, shape.size());
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto at = [&](std::int64_t i) { return (i / inner * channels + c) * inner + i % inner; };
    float &running_mean = call.inputs[1].floats()[c], &running_variance = call.inputs[2].floats()[c];
    const std::int64_t count = batch * inner;
    Moments m{running_mean, running_variance};
    if (a.training) {
      m = moments(count, [&](std::int64_t i) { return static_cast<double>(call.inputs[0].floats()[at(i)]); });
      const double unbiased = m.variance * static_cast<double>(count) / static_cast<double>(count - 1);
      running_mean = static_cast<float>((1 - a.momentum) * running_mean + a.momentum * m.mean);
      running_variance = static_cast<float>((1 - a.momentum) * running_variance + a.momentum * unbiased);
    }
    const double scale = weight_of(call, 3, c) / std::sqrt(m.variance + a.eps);
    for (std::int64_t i = 0; i < count; ++i)
      call.output.floats()[at(i)] =
          static_cast<float>((call.inputs[0].floats()[at(i)] - m.mean) * scale + bias_of(call, 4, c));
  }
}

void layer_norm(const Call& call) {
  const auto& a = norm(call);
  const std::int64_t size = product(a.normalized_shape);
  const std::int64_t rows = size == 0 ? 0 : product(call.inputs[0].shape) / size;
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* x = call.inputs[0].floats() + row * size;
    const Moments m = moments(size, [&](std::int64_t i) { return static_cast<double>(x[i]); });
    const double scale = 1 / std::sqrt(m.variance + a.eps);
    for (std::int64_t i = 0; i < size; ++i)
      call.output.floats()[row * size + i] =
          static_cast<float>((x[i] - m.mean) * scale * weight_of(call, 1, i) + bias_of(call, 2, i));
  }
}

void group_norm(const Call& call) {
  const auto& a = norm(call);
  const Shape& shape = call.inputs[0].shape;
  const std::int64_t inner = product(shape, 2, shape.size()), per_group = shape[1] / a.groups;
  for (std::int64_t group = 0; group < shape[0] * a.groups; ++group) {
    const float* x = call.inputs[0].floats() + group * per_group * inner;
    const Moments m = moments(per_group * inner, [&](std::int64_t i) { return static_cast<double>(x[i]); });
    const double scale = 1 / std::sqrt(m.variance + a.eps);
    for (std::int64_t i = 0; i < per_group * inner; ++i) {
      const std::int64_t channel = group % a.groups * per_group + i / inner;
      call.output.floats()[group * per_group * inner + i] =
          static_cast<float>((x[i] - m.mean) * scale * weight_of(call, 1, channel) + bias_of(call, 2, channel));
    }
  }
}

void local_response_norm(const Call& call) {
  const auto& a = norm(call);
  const Shape& shape = call.inputs[0].shape;
  const std::int64_t channels = shape[1], inner = product(shape, 2, shape.size());
  const float* x = call.inputs[0].floats();
  for (std::int64_t i = 0; i < product(shape); ++i) {
    const std::int64_t channel = i / inner % channels;
    double squares = 0;
    // torch pads size / 2 in front and (size - 1) / 2 behind; the mean counts the padding.
    const std::int64_t first = std::max<std::int64_t>(channel - a.size / 2, 0);
    const std::int64_t behind = std::min((a.size - 1) / 2, channels - 1 - channel);
    for (std::int64_t c = first; c <= channel + behind; ++c)
      squares += std::pow(static_cast<double>(x[i + (c - channel) * inner]), 2);
    call.output.floats()[i] =
        static_cast<float>(x[i] / std::pow(a.k + a.alpha * squares / static_cast<double>(a.size), a.beta));
  }
}

void rms_norm(const Call& call) {
  const auto& a = norm(call);
  const std::int64_t size = product(a.normalized_shape);
  const std::int64_t rows = size == 0 ? 0 : product(call.inputs[0].shape) / size;
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* x = call.inputs[0].floats() + row * size;
    double squares = 0;
    for (std::int64_t i = 0; i < size; ++i) squares += static_cast<double>(x[i]) * x[i];
    const double scale = 1 / std::sqrt(squares / static_cast<double>(size) + a.eps);
    for (std::int64_t i = 0; i < size; ++i)
      call.output.floats()[row * size + i] = static_cast<float>(x[i] * scale * weight_of(call, 1, i));
  }
}

void l2_normalize(const Call& call) {
  const double eps = std::get<graph::DimAttributes>(call.attributes).value;
  for_each_line(call, [&](std::int64_t first, std::int64_t stride, std::int64_t size) {
    const float* x = call.inputs[0].floats() + first;
    double squares = 0;
    for (std::int64_t i = 0; i < size; ++i) squares += static_cast<double>(x[i * stride]) * x[i * stride];
    const double length = std::fmax(std::sqrt(squares), eps);
    for (std::int64_t i = 0; i < size; ++i)
      call.output.floats()[first + i * stride] = static_cast<float>(x[i * stride] / length);
  });
}

void softmax(const Call& call) { softmax_lines(call, false); }
void log_softmax(const Call& call) { softmax_lines(call, true); }

}  // namespace flambeau::plan::reference
