#include <algorithm>

#include "plan/array.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/oneshot_product.h"
#include "plan/kernels/pieces.h"
#include "plan/kernels/posts.h"
#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

Tensor packed(const Product& p, const Value& weight, WeightPool& pool) {
  return pool.floats(p.groups() * p.in * p.group, [p, weight](float* u) {
    const Tensor dense = as_float(weight);
    parallel_for(p.groups(), 4, [&](std::int64_t begin, std::int64_t end) {
      pack_panels(p, floats(dense), p.in, 1, 1, {begin, end}, u);
    });
  });
}

/// y = x Wᵀ + b for many rows, in pieces of rows and outputs.
class LinearKernel final : public Kernel {
 public:
  LinearKernel(const Operation& operation, const Product& p, const Pieces& pieces, Tensor u, Tensor bias)
      : post_(operation.post), p_(p), pieces_(pieces), u_(std::move(u)), bias_(std::move(bias)) {}

  void run(const Run& run) const override {
    const auto* x = reinterpret_cast<const float*>(run.inputs[0]);
    const auto* z = run.inputs.size() > 1 ? reinterpret_cast<const float*>(run.inputs[1]) : nullptr;
    auto* y = reinterpret_cast<float*>(run.output);
    parallel_slots(pieces_.count(), [&](std::int64_t, std::int64_t i) {
      const Range rows = pieces_.rows(i), groups = pieces_.groups(i);
      vector_kernels().product(p_, x, floats(u_), bias_.defined() ? floats(bias_) : nullptr, rows, groups, y);
      apply_posts(post_, rows, {groups.first * p_.group, std::min(groups.last * p_.group, p_.out)}, p_.out, z, y);
    });
  }

  std::string name() const override { return "packed product"; }
  std::uint64_t packed_bytes() const override { return u_.nbytes() + (bias_.defined() ? bias_.nbytes() : 0); }

 private:
  std::vector<Post> post_;
  Product p_;
  Pieces pieces_;
  Tensor u_, bias_;
};

/// A product of the first input's rows with constant weights, and a bias.
struct Parts {
  Product p;
  std::int64_t rows;
  Tensor bias;  // padded to whole panels; may be undefined
};

std::optional<Parts> parts_of(const Request& request) {
  const Value &x = request.input(0), &weight = request.input(1);
  const bool biased = request.input_count() > 2;
  if (isa() == Isa::plain || x.is_constant() || !weight.is_constant() || (biased && !request.input(2).is_constant()))
    return std::nullopt;
  if (request.output().dtype != DType::float32 || product(weight.shape) == 0 || product(x.shape) == 0)
    return std::nullopt;
  const std::int64_t in = weight.shape[1], out = weight.shape[0];
  Parts parts{{in, out, vector_kernels().product_group, in, out}, product(request.output().shape) / out, {}};
  if (biased) {
    const Tensor given = as_float(request.input(2));
    parts.bias = request.program.packed->floats(
        parts.p.groups() * parts.p.group, [out, given](float* padded) { std::copy_n(floats(given), out, padded); });
  }
  return parts;
}

/// Uses and output of such a product, whose operands lie row after row in a layout of that kind.
Choice laid_out(const Request& request, Layout (*kind)(const Shape&)) {
  Choice choice;
  choice.uses = {{request.operation.inputs[0], kind(request.input(0).shape)}};
  choice.output = kind(request.output().shape);
  for (const Post& post : request.operation.post)
    if (post.kind == Post::Kind::add) choice.uses.push_back({post.operand, choice.output});
  return choice;
}

/// For a single run, with weights as they lie in the file.
void set_oneshot(const Request& request, Parts parts, const Lines& lines, Choice& choice) {
  OneshotProduct made = oneshot_product(request, parts.p, parts.rows, lines, std::move(parts.bias));
  choice.scratch_bytes = made.scratch_bytes;
  choice.kernel = std::move(made.kernel);
}

}  // namespace

std::optional<Choice> linear_implementation(const Request& request) {
  const bool steady = request.options.effort == Effort::steady;
  // With AVX-512, oneDNN's packed ones are better for small operands.
  const Shape& shape = request.input(1).shape;
  const bool small = shape[1] < 256 || product(request.input(0).shape) < 96 * shape[1];
  if (steady && isa() == Isa::avx512 && small) return std::nullopt;
  std::optional<Parts> parts = parts_of(request);
  if (!parts) return std::nullopt;
  Choice choice = laid_out(request, Layout::plain);
  if (!steady) {
    set_oneshot(request, std::move(*parts), {}, choice);
    return choice;
  }
  const Product& p = parts->p;
  constexpr std::int64_t panel = 24;  // whole panels of every instruction set: they have 4, 6 or 8 rows
  const Pieces pieces({.rows = parts->rows,
                       .out = p.out,
                       .groups = p.groups(),
                       .row_bytes = std::min(p.in, Product::longest_pass) * static_cast<std::int64_t>(sizeof(float)),
                       .share = 0.25,
                       .panel = panel,
                       .fewest = 2 * panel},
                      request.options.threads);
  choice.kernel = std::make_unique<LinearKernel>(
      request.operation, p, pieces, packed(p, request.input(1), *request.program.packed), std::move(parts->bias));
  return choice;
}

std::optional<Choice> pointwise_implementation(const Request& request) {
  // Packing a small weight costs little, and oneDNN's kernels are better at few channels.
  constexpr std::int64_t fewest_weights = 32 << 10;
  const Shape &in = request.input(0).shape, &kernel = request.input(1).shape;
  const auto& a = std::get<graph::ConvAttributes>(request.operation.attributes);
  if (request.options.effort != Effort::oneshot || in.size() != 4 || a.groups != 1 || kernel[2] != 1 ||
      kernel[3] != 1 || a.padding != Shape{0, 0} || product(kernel) < fewest_weights)
    return std::nullopt;
  const std::int64_t down = a.stride[0], across = a.stride[1];
  if (in[0] > 1 && in[2] % down != 0) return std::nullopt;  // images would not follow each other in whole steps
  if (!same(request.input_layout(0), Layout::channels_last(in), in)) return std::nullopt;
  std::optional<Parts> parts = parts_of(request);
  if (!parts) return std::nullopt;
  Choice choice = laid_out(request, Layout::channels_last);
  parts->p.x_stride = across * in[1];
  const bool strided = down > 1 || across > 1;
  const Lines lines{request.output().shape[3], down * in[3] * in[1]};
  set_oneshot(request, std::move(*parts), strided ? lines : Lines{}, choice);
  return choice;
}

}  // namespace flambeau::plan
