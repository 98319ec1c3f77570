#include <flambeau/init.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <flambeau/error.h>

#include "nn/random.h"

namespace flambeau {
namespace {

/// The elements to fill; empty for meta tensors.
std::span<float> floats(Tensor& tensor, const char* what) {
  if (!tensor.defined())
    throw Error(ErrorCode::invalid_argument, std::string(what) + " needs a tensor, this one is None");
  if (tensor.is_meta()) return {};
  if (tensor.dtype() != DType::float32)
    throw Error(ErrorCode::unsupported,
                std::string(what) + " fills float32 tensors, this one is " + std::string(name(tensor.dtype())));
  return tensor.mutable_data<float>();
}

double normal_cdf(double x) { return (1.0 + std::erf(x / std::sqrt(2.0))) / 2.0; }

/// -((x - mean) / std)² / 2 - peak, each step rounded to float as torch's in-place operations do.
float log_density(float x, float mean, float std, float peak) {
  const float z = (x - mean) / std;
  return (z * z) * -0.5f - peak;
}

}  // namespace

namespace nn::init {

Fans fans(const Tensor& weight) {
  if (weight.dim() < 2)
    throw Error(ErrorCode::invalid_argument,
                "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
  std::int64_t field = 1;
  for (std::int64_t d = 2; d < weight.dim(); ++d) field *= weight.size(d);
  return {weight.size(1) * field, weight.size(0) * field};
}

double calculate_gain(std::string_view nonlinearity, std::optional<double> param) {
  for (const auto plain :
       {"linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid"})
    if (nonlinearity == plain) return 1.0;
  if (nonlinearity == "tanh") return 5.0 / 3;
  if (nonlinearity == "relu") return std::sqrt(2.0);
  if (nonlinearity == "leaky_relu") {
    const double slope = param.value_or(0.01);
    return std::sqrt(2.0 / (1 + slope * slope));
  }
  if (nonlinearity == "selu") return 3.0 / 4;
  throw Error(ErrorCode::invalid_argument, "Unsupported nonlinearity " + std::string(nonlinearity));
}

void constant_(Tensor& tensor, double value) {
  const auto out = floats(tensor, "constant_");
  std::fill(out.begin(), out.end(), static_cast<float>(value));
}

void uniform_(Tensor& tensor, double a, double b) {
  random::fill_uniform(default_generator(), floats(tensor, "uniform_"), a, b);
}

void normal_(Tensor& tensor, double mean, double std) {
  random::fill_normal(default_generator(), floats(tensor, "normal_"), mean, std);
}

void trunc_normal_(Tensor& tensor, double mean, double std, double a, double b) {
  const auto out = floats(tensor, "trunc_normal_");
  if (out.empty()) return;
  Generator& generator = default_generator();
  const std::size_t n = out.size();
  if (normal_cdf((b - mean) / std) - normal_cdf((a - mean) / std) > 0.3) {
    const float low = static_cast<float>(a), high = static_cast<float>(b);
    const auto outside = [&](float x) { return x < low || x > high; };
    random::fill_normal(generator, out, mean, std);
    std::vector<float> again;
    while (std::any_of(out.begin(), out.end(), outside)) {
      again.resize(n);
      random::fill_normal(generator, again, mean, std);
      for (std::size_t i = 0; i < n; ++i)
        if (outside(out[i])) out[i] = again[i];
    }
    return;
  }
  const double mode = std::max(a, std::min(mean, b));
  const double z = (mode - mean) / std;
  const float peak = static_cast<float>(-0.5 * (z * z)), mean32 = static_cast<float>(mean),
              std32 = static_cast<float>(std);
  std::vector<float> candidates(n), accept(n);
  std::vector<bool> pending(n, true);
  for (bool any = true; any;) {
    any = false;
    random::fill_uniform(generator, candidates, a, b);
    random::fill_uniform(generator, accept, 0, 1);
    for (std::size_t i = 0; i < n; ++i)
      if (pending[i]) {
        out[i] = candidates[i];
        pending[i] = std::log(accept[i]) > log_density(candidates[i], mean32, std32, peak);
        any = any || pending[i];
      }
  }
}

void xavier_uniform_(Tensor& tensor, double gain) {
  const auto [in, out] = fans(tensor);
  const double std = gain * std::sqrt(2.0 / static_cast<double>(in + out));
  const double bound = std::sqrt(3.0) * std;
  uniform_(tensor, -bound, bound);
}

void xavier_normal_(Tensor& tensor, double gain) {
  const auto [in, out] = fans(tensor);
  normal_(tensor, 0, gain * std::sqrt(2.0 / static_cast<double>(in + out)));
}

void kaiming_uniform_(Tensor& tensor, double a, FanMode mode, std::string_view nonlinearity) {
  if (tensor.numel() == 0) return;
  const auto [in, out] = fans(tensor);
  const double std =
      calculate_gain(nonlinearity, a) / std::sqrt(static_cast<double>(mode == FanMode::fan_in ? in : out));
  const double bound = std::sqrt(3.0) * std;
  uniform_(tensor, -bound, bound);
}

void kaiming_normal_(Tensor& tensor, double a, FanMode mode, std::string_view nonlinearity) {
  if (tensor.numel() == 0) return;
  const auto [in, out] = fans(tensor);
  normal_(tensor, 0,
          calculate_gain(nonlinearity, a) / std::sqrt(static_cast<double>(mode == FanMode::fan_in ? in : out)));
}

}  // namespace nn::init

Tensor rand(Shape shape) {
  Tensor tensor = Tensor::uninitialized(std::move(shape));
  nn::init::uniform_(tensor);
  return tensor;
}

Tensor randn(Shape shape) {
  Tensor tensor = Tensor::uninitialized(std::move(shape));
  nn::init::normal_(tensor);
  return tensor;
}

Tensor randint(std::int64_t low, std::int64_t high, Shape shape) {
  if (low >= high)
    throw Error(ErrorCode::invalid_argument, "random_ expects 'from' to be less than 'to', but got from=" +
                                                 std::to_string(low) + " >= to=" + std::to_string(high));
  const std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  Generator& generator = default_generator();
  Tensor tensor = Tensor::uninitialized(std::move(shape), DType::int64);
  for (std::int64_t& x : tensor.mutable_data<std::int64_t>()) {
    const std::uint64_t draw = range >= (1u << 28) ? generator.random64() : generator.random();
    x = static_cast<std::int64_t>(draw % range + static_cast<std::uint64_t>(low));
  }
  return tensor;
}

Tensor randperm(std::int64_t n) {
  if (n < 0) throw Error(ErrorCode::invalid_argument, "n must be non-negative, got " + std::to_string(n));
  Generator& generator = default_generator();
  Tensor tensor = Tensor::uninitialized({n}, DType::int64);
  const auto out = tensor.mutable_data<std::int64_t>();
  std::iota(out.begin(), out.end(), 0);
  for (std::size_t i = 0; i + 1 < out.size(); ++i) std::swap(out[i], out[i + generator.random() % (out.size() - i)]);
  return tensor;
}

void bernoulli_(Tensor& tensor, double p) {
  Generator& generator = default_generator();
  for (float& x : floats(tensor, "bernoulli_")) x = generator.uniform64() < p ? 1.0f : 0.0f;
}

}  // namespace flambeau
