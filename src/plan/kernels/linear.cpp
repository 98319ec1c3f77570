#include <algorithm>

#include "plan/array.h"
#include "plan/kernels/kernels.h"
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

/// The same with weights as they lie in the file, for a single run: each panel is made in a thread's cache, used for
/// all rows and forgotten. No memory is touched for the first time but the weights.
class TurningLinearKernel final : public Kernel {
 public:
  TurningLinearKernel(const Operation& operation, const Product& p, std::int64_t rows, const Value& weight, Tensor bias)
      : post_(operation.post),
        p_(p),
        rows_(rows),
        weight_(unscaled(weight)),
        factors_(weight.factors),
        bias_(std::move(bias)) {}

  static std::int64_t panel_floats(const Product& p) { return p.in * p.group; }

  void run(const Run& run) const override {
    const auto* x = reinterpret_cast<const float*>(run.inputs[0]);
    const auto* z = run.inputs.size() > 1 ? reinterpret_cast<const float*>(run.inputs[1]) : nullptr;
    auto* y = reinterpret_cast<float*>(run.output);
    auto* panels = reinterpret_cast<float*>(run.scratch);
    parallel_slots(p_.groups(), [&](std::int64_t slot, std::int64_t group) {
      const std::int64_t first = group * p_.group, last = std::min(first + p_.group, p_.out);
      float* const u = panels + slot * panel_floats(p_);
      const auto& kernels = vector_kernels();
      kernels.turn({.rows = last - first,
                    .count = p_.in,
                    .stride = p_.in,
                    .outer_step = p_.group,
                    .factors = factors_ ? factors_->data() + first : nullptr},
                   floats(weight_) + first * p_.in, u);
      Product part = p_;
      part.out = last - first;
      kernels.product(part, x, u, bias_.defined() ? floats(bias_) + first : nullptr, {0, rows_}, {0, 1}, y + first);
      apply_posts(post_, {0, rows_}, {first, last}, p_.out, z, y);
    });
  }

  std::string name() const override { return "product, weights in place"; }

 private:
  std::vector<Post> post_;
  Product p_;
  std::int64_t rows_;
  Tensor weight_;
  std::shared_ptr<const std::vector<float>> factors_;
  Tensor bias_;
};

}  // namespace

std::optional<Choice> linear_implementation(const Request& request) {
  if (isa() == Isa::plain) return std::nullopt;
  const Value &x = request.input(0), &weight = request.input(1);
  const bool biased = request.input_count() > 2;
  if (x.is_constant() || !weight.is_constant() || (biased && !request.input(2).is_constant())) return std::nullopt;
  if (request.output().dtype != DType::float32 || product(weight.shape) == 0 || product(x.shape) == 0)
    return std::nullopt;
  const std::int64_t in = weight.shape[1], out = weight.shape[0], rows = product(x.shape) / in;
  const bool steady = request.options.effort == Effort::steady;
  // With AVX-512, oneDNN's packed ones are better for small operands.
  if (steady && isa() == Isa::avx512 && (in < 256 || rows < 96)) return std::nullopt;
  const Product p{in, out, vector_kernels().product_group, in, out};
  Tensor bias;
  if (biased) {
    const Tensor given = as_float(request.input(2));
    bias = request.program.packed->floats(p.groups() * p.group,
                                          [p, given](float* padded) { std::copy_n(floats(given), p.out, padded); });
  }
  Choice choice;
  choice.uses = {{request.operation.inputs[0], Layout::plain(x.shape)}};
  choice.output = Layout::plain(request.output().shape);
  for (const Post& post : request.operation.post)
    if (post.kind == Post::Kind::add) choice.uses.push_back({post.operand, choice.output});
  if (steady) {
    constexpr std::int64_t panel = 24;  // whole panels of every instruction set: they have 4, 6 or 8 rows
    const Pieces pieces({.rows = rows,
                         .out = out,
                         .groups = p.groups(),
                         .row_bytes = std::min(in, Product::longest_pass) * static_cast<std::int64_t>(sizeof(float)),
                         .share = 0.25,
                         .panel = panel,
                         .fewest = 2 * panel},
                        request.options.threads);
    choice.kernel = std::make_unique<LinearKernel>(request.operation, p, pieces,
                                                   packed(p, weight, *request.program.packed), std::move(bias));
  } else {
    choice.scratch_bytes =
        static_cast<std::size_t>(request.options.threads * TurningLinearKernel::panel_floats(p)) * sizeof(float);
    choice.kernel = std::make_unique<TurningLinearKernel>(request.operation, p, rows, weight, std::move(bias));
  }
  return choice;
}

}  // namespace flambeau::plan
