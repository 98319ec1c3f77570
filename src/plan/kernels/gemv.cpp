#include <algorithm>
#include <utility>

#include "plan/array.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/posts.h"
#include "plan/kernels/quantize.h"
#include "plan/kernels/vector.h"
#include "plan/parallel.h"
#include "tensor/half.h"

namespace flambeau::plan {
namespace {

constexpr float int8_limit = 127;

template <class W>
using Routine = void (*)(const GemvInput&, const GemvWeights<W>&, float*, std::int64_t, Range);

/// y = x Wᵀ + b for one or two rows, limited by reading W once.
template <class W>
class GemvKernel final : public Kernel {
 public:
  struct Weights {
    Tensor rows, scales{}, bias{};  // the last two may be undefined
  };
  GemvKernel(const Operation& operation, Routine<W> routine, std::int64_t rows, std::int64_t in, Weights weights,
             const char* name)
      : post_(operation.post), routine_(routine), rows_(rows), in_(in), weights_(std::move(weights)), name_(name) {}

  void run(const Run& run) const override {
    const GemvInput x{reinterpret_cast<const float*>(run.inputs[0]), rows_, in_};
    const auto* z = run.inputs.size() > 1 ? reinterpret_cast<const float*>(run.inputs[1]) : nullptr;
    auto* y = reinterpret_cast<float*>(run.output);
    const std::int64_t out = weights_.rows.size(0);
    const GemvWeights<W> w{elements<W>(weights_.rows), weights_.rows.size(1),
                           weights_.scales.defined() ? floats(weights_.scales) : nullptr,
                           weights_.bias.defined() ? floats(weights_.bias) : nullptr};
    constexpr std::int64_t step = 4;  // outputs that one pass over x makes
    parallel_for((out + step - 1) / step, 16, [&](std::int64_t begin, std::int64_t end) {
      const Range outs{begin * step, std::min(end * step, out)};
      routine_(x, w, y, out, outs);
      apply_posts(post_, {0, rows_}, outs, out, z, y);
    });
  }

  std::string name() const override { return name_; }
  std::uint64_t packed_bytes() const override { return sizeof(W) < sizeof(float) ? weights_.rows.nbytes() : 0; }

 private:
  std::vector<Post> post_;
  Routine<W> routine_;
  std::int64_t rows_, in_;
  Weights weights_;
  const char* name_;
};

Tensor rounded_to_bfloat16(const Value& weight, std::int64_t stride, WeightPool& pool) {
  const std::int64_t out = weight.shape[0], in = weight.shape[1];
  return pool.make<std::uint16_t>({out, stride}, DType::bfloat16, [weight, in, out, stride](std::uint16_t* target) {
    const Tensor dense = as_float(weight);
    parallel_for(out, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row)
        tensor::float_to_bfloat16(reinterpret_cast<const std::byte*>(floats(dense) + row * in),
                                  reinterpret_cast<std::byte*>(target + row * stride), static_cast<std::uint64_t>(in));
    });
  });
}

/// True for a convolution that is a product of each image's only pixel.
bool is_of_single_pixels(const Request& request) {
  const auto& a = std::get<graph::ConvAttributes>(request.operation.attributes);
  const auto are_one = [](const Shape& shape) {
    return std::all_of(shape.begin() + 2, shape.end(), [](std::int64_t size) { return size == 1; });
  };
  return a.groups == 1 && are_one(request.input(0).shape) && are_one(request.input(1).shape) &&
         std::ranges::count(a.padding, 0) == std::ssize(a.padding);
}

}  // namespace

std::optional<Choice> gemv_implementation(const Request& request) {
  if (request.operation.op == graph::Op::conv && !is_of_single_pixels(request)) return std::nullopt;
  const Value &x = request.input(0), &weight = request.input(1);
  const bool biased = request.input_count() > 2;
  if (x.is_constant() || !weight.is_constant() || (biased && !request.input(2).is_constant())) return std::nullopt;
  const Shape& shape = weight.shape;
  if (product(shape) == 0) return std::nullopt;
  const std::int64_t in = shape[1], rows = product(x.shape) / in;
  if (rows < 1 || rows > 2) return std::nullopt;
  Choice choice;
  choice.uses = {{request.operation.inputs[0], Layout::plain(x.shape)}};
  for (const Post& post : request.operation.post)
    if (post.kind == Post::Kind::add) choice.uses.push_back({post.operand, Layout::plain(request.output().shape)});
  choice.output = Layout::plain(request.output().shape);

  const VectorKernels& kernels = vector_kernels();
  const Tensor bias = biased ? as_float(request.input(2)) : Tensor();
  WeightPool& pool = *request.program.packed;
  const std::int64_t stride = (in + kernels.lanes - 1) / kernels.lanes * kernels.lanes;
  // Reading the weights to make them narrow costs more than one run saves.
  const Precision precision = request.options.effort == Effort::steady ? request.options.precision : Precision::fp32;
  if (precision == Precision::bf16) {
    choice.kernel = std::make_unique<GemvKernel<std::uint16_t>>(
        request.operation, kernels.gemv_bfloat16, rows, in,
        GemvKernel<std::uint16_t>::Weights{rounded_to_bfloat16(weight, stride, pool), {}, bias},
        "gemv, bfloat16 weights");
  } else if (precision == Precision::int8) {
    Tensor scales = pool.floats(shape[0], [weight](float* to) { row_scales(as_float(weight), int8_limit, to); });
    Tensor values = pool.make<std::int8_t>({shape[0], stride}, DType::int8, [weight, stride](std::int8_t* to) {
      quantize_rows(as_float(weight), int8_limit, stride, to);
    });
    choice.kernel = std::make_unique<GemvKernel<std::int8_t>>(
        request.operation, kernels.gemv_int8, rows, in,
        GemvKernel<std::int8_t>::Weights{std::move(values), std::move(scales), bias}, "gemv, int8 weights");
  } else {
    choice.kernel = std::make_unique<GemvKernel<float>>(request.operation, kernels.gemv, rows, in,
                                                        GemvKernel<float>::Weights{as_float(weight), {}, bias},
                                                        "gemv, weights in place");
  }
  return choice;
}

}  // namespace flambeau::plan
