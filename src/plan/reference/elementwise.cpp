// Elementwise operations, the mean and the random layers.
#include <cmath>
#include <utility>

#include "plan/reference/reference.h"

namespace flambeau::plan::reference {
namespace {

template <class F>
void binary(const Call& call, F&& f) {
  const Array &a = call.inputs[0], &b = call.inputs[1];
  float* y = call.output.floats();
  const Shape& shape = call.output.shape;
  const Shape a_strides = broadcast_strides(a.shape, shape), b_strides = broadcast_strides(b.shape, shape);
  // Row by row: constants are computed with this too, Swin's masks among them.
  Shape rows = shape;
  std::int64_t columns = 1, a_step = 0, b_step = 0;
  if (!shape.empty()) {
    columns = std::exchange(rows.back(), 1);
    a_step = a_strides.back(), b_step = b_strides.back();
  }
  for (Walk walk(rows, {a_strides, b_strides}); columns > 0 && !walk.done(); walk.next()) {
    const float *from = a.floats() + walk.offset(0), *other = b.floats() + walk.offset(1);
    for (std::int64_t i = 0; i < columns; ++i) *y++ = f(from[i * a_step], other[i * b_step]);
  }
}

double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }  // NaN stays
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

double activate(graph::Activation kind, double a, double b, double x) {
  using enum graph::Activation;
  switch (kind) {
    case relu:
      return x < 0 ? 0 : x;
    case relu6:
      return clip(x, 0, 6);
    case sigmoid:
      return reference::sigmoid(x);
    case tanh:
      return std::tanh(x);
    case silu:
      return x * reference::sigmoid(x);
    case gelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case hardswish:
      return x * clip(x + 3, 0, 6) / 6;
    case hardsigmoid:
      return clip(x + 3, 0, 6) / 6;
    case hardtanh:
    case clamp:
      return clip(x, a, b);
    case leaky_relu:
      return x > 0 ? x : a * x;
    case elu:
      return x > 0 ? x : a * std::expm1(x);
    case celu:
      return x > 0 ? x : a * std::expm1(x / a);
    case selu:
      return 1.0507009873554804934193349852946 * (x > 0 ? x : 1.6732632423543772848170429916717 * std::expm1(x));
    case softplus:
      return x * a > b ? x : reference::softplus(x * a) / a;
    case softsign:
      return x / (1 + std::abs(x));
    case mish:
      return x * std::tanh(reference::softplus(x));
    case log_sigmoid:
      return -reference::softplus(-x);
    case tanhshrink:
      return x - std::tanh(x);
    case hardshrink:
      return x >= -a && x <= a ? 0 : x;
    case softshrink:
      return x > a ? x - a : x < -a ? x + a : std::isnan(x) ? x : 0;
    case threshold:
      return x <= a ? b : x;
    case exp:
      return std::exp(x);
    case sqrt:
      return std::sqrt(x);
    case abs:
      return std::abs(x);
    case neg:
      return -x;
    case pow:
      return std::pow(x, a);
  }
  return x;
}

}  // namespace

float activate(const graph::ActivationAttributes& attributes, float x) noexcept {
  return static_cast<float>(activate(attributes.kind, attributes.a, attributes.b, static_cast<double>(x)));
}

void activation(const Call& call) {
  const auto& attributes = std::get<graph::ActivationAttributes>(call.attributes);
  for (std::int64_t i = 0; i < product(call.output.shape); ++i)
    call.output.floats()[i] = activate(attributes, call.inputs[0].floats()[i]);
}

void prelu(const Call& call) {
  const Array &x = call.inputs[0], &weight = call.inputs[1];
  const std::int64_t inner = x.shape.size() < 2 ? 1 : product(x.shape, 2, x.shape.size());
  for (std::int64_t i = 0; i < product(x.shape); ++i) {
    const float slope = weight.floats()[i / inner % weight.shape[0]];
    call.output.floats()[i] = x.floats()[i] > 0 ? x.floats()[i] : slope * x.floats()[i];
  }
}

void add(const Call& call) {
  binary(call, [](float a, float b) { return a + b; });
}
void sub(const Call& call) {
  binary(call, [](float a, float b) { return a - b; });
}
void mul(const Call& call) {
  binary(call, [](float a, float b) { return a * b; });
}
void div(const Call& call) {
  binary(call, [](float a, float b) { return a / b; });
}

void mean(const Call& call) {
  const Shape &in = call.inputs[0].shape, &dims = std::get<graph::DimAttributes>(call.attributes).dims;
  // Where an element goes: the output's strides, 0 along the reduced dimensions.
  Shape kept = in;
  for (const std::int64_t dim : dims) kept[static_cast<std::size_t>(dim)] = 1;
  std::vector<double> sums(static_cast<std::size_t>(product(kept)), 0.0);
  const float* x = call.inputs[0].floats();
  for (Walk walk(in, {broadcast_strides(kept, in)}); !walk.done(); walk.next())
    sums[static_cast<std::size_t>(walk.offset(0))] += *x++;
  const double count = static_cast<double>(product(in)) / static_cast<double>(product(kept));
  for (std::size_t i = 0; i < sums.size(); ++i) call.output.floats()[i] = static_cast<float>(sums[i] / count);
}

}  // namespace flambeau::plan::reference
