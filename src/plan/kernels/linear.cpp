#include <algorithm>

#include "plan/array.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/posts.h"
#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

Tensor packed(const Product& p, const Value& weight, WeightPool& pool) {
  return pool.floats(p.groups() * p.in * p.group(), [&](float* u) {
    const Tensor dense = as_float(weight);
    const float* w = floats(dense);
    parallel_for(p.groups(), 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t g = begin; g < end; ++g) {
        const std::int64_t used = std::min(p.group(), p.out - g * p.group());
        float* panel = u + g * p.in * p.group();
        for (std::int64_t i = 0; i < p.in; ++i)
          for (std::int64_t lane = 0; lane < used; ++lane)
            panel[i * p.group() + lane] = w[(g * p.group() + lane) * p.in + i];
      }
    });
  });
}

/// y = x Wᵀ + b for many rows. Pieces of rows and outputs whose operands fit a core's cache go to the threads.
class LinearKernel final : public Kernel {
 public:
  LinearKernel(const Operation& operation, const Product& p, std::int64_t rows, Tensor u, Tensor bias)
      : post_(operation.post), p_(p), rows_(rows), u_(std::move(u)), bias_(std::move(bias)) {
    // Half of the second-level cache for the panels, a quarter for the rows.
    const std::int64_t cache = second_level_cache() / static_cast<std::int64_t>(sizeof(float));
    row_parts_ = std::max<std::int64_t>((rows * p.in + cache / 4 - 1) / (cache / 4), 1);
    row_parts_ = std::min(row_parts_, (rows + 47) / 48);
    // Enough of them that no thread waits long for another's last one.
    constexpr std::int64_t most = 16;
    row_parts_ = std::max(row_parts_, std::min((rows + together - 1) / together, most));
    group_parts_ = std::max<std::int64_t>((p.groups() * p.in * p.group() + cache / 2 - 1) / (cache / 2), 1);
    group_parts_ = std::min(group_parts_, p.groups());
  }

  void run(const Run& run) const override {
    const auto* x = reinterpret_cast<const float*>(run.inputs[0]);
    const auto* z = run.inputs.size() > 1 ? reinterpret_cast<const float*>(run.inputs[1]) : nullptr;
    auto* y = reinterpret_cast<float*>(run.output);
    // Neighbours share panels, which come from far away.
    parallel_slots(row_parts_ * group_parts_, [&](std::int64_t, std::int64_t i) {
      const std::int64_t group = i / row_parts_, row = i % row_parts_;
      piece(x, z, y, {first_row(row), first_row(row + 1)},
            {p_.groups() * group / group_parts_, p_.groups() * (group + 1) / group_parts_});
    });
  }

  std::string name() const override { return "packed product"; }
  std::uint64_t packed_bytes() const override { return u_.nbytes() + (bias_.defined() ? bias_.nbytes() : 0); }

 private:
  /// Of a part; whole panels for every instruction set (they have 4, 6 or 12 rows).
  std::int64_t first_row(std::int64_t part) const {
    constexpr std::int64_t panel = 12;
    return part == row_parts_ ? rows_ : rows_ * part / row_parts_ / panel * panel;
  }
  void piece(const float* x, const float* z, float* y, Range rows, Range groups) const {
    const std::int64_t parts = (rows.size() + together - 1) / together;
    const Range outputs{groups.first * p_.group(), std::min(groups.last * p_.group(), p_.out)};
    for (std::int64_t i = 0; i < parts; ++i) {
      const Range some{rows.first + rows.size() * i / parts, rows.first + rows.size() * (i + 1) / parts};
      vector_kernels().product(p_, x, floats(u_), bias_.defined() ? floats(bias_) : nullptr, some, groups, y);
      apply_posts(post_, some, outputs, p_.out, z, y);
    }
  }

  static constexpr std::int64_t together = 96;  // rows whose results are still near when the posts come
  std::vector<Post> post_;
  Product p_;
  std::int64_t rows_, row_parts_, group_parts_;
  Tensor u_, bias_;
};

}  // namespace

std::optional<Choice> linear_implementation(const Request& request) {
  // Packing costs more than one run saves; on AVX-512 oneDNN's products are as fast, and split better among threads.
  if (request.options.effort != Effort::steady || isa() != Isa::avx2) return std::nullopt;
  const Value &x = request.input(0), &weight = request.input(1);
  const bool biased = request.input_count() > 2;
  if (x.is_constant() || !weight.is_constant() || (biased && !request.input(2).is_constant())) return std::nullopt;
  if (request.output().dtype != DType::float32 || product(weight.shape) == 0 || product(x.shape) == 0)
    return std::nullopt;
  const Product p{weight.shape[1], weight.shape[0], vector_kernels().lanes};
  Tensor bias;
  if (biased) {
    const Tensor given = as_float(request.input(2));
    bias = request.program.packed->floats(p.groups() * p.group(),
                                          [&](float* padded) { std::copy_n(floats(given), p.out, padded); });
  }
  Choice choice;
  choice.uses = {{request.operation.inputs[0], Layout::plain(x.shape)}};
  choice.output = Layout::plain(request.output().shape);
  for (const Post& post : request.operation.post)
    if (post.kind == Post::Kind::add) choice.uses.push_back({post.operand, choice.output});
  choice.kernel = std::make_unique<LinearKernel>(request.operation, p, product(x.shape) / p.in,
                                                 packed(p, weight, *request.program.packed), std::move(bias));
  return choice;
}

}  // namespace flambeau::plan
