#include "plan/kernels/oneshot_product.h"

#include <algorithm>
#include <utility>

#include "plan/kernels/posts.h"
#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

/// Each panel of weights is made in a thread's cache, used for all rows of the piece and forgotten.
class TurningKernel final : public Kernel {
 public:
  TurningKernel(const Operation& operation, const Product& p, std::int64_t rows, const Lines& lines, int threads,
                const Value& weight, Tensor bias)
      : post_(operation.post),
        p_(p),
        rows_(rows),
        lines_(lines),
        weight_(unscaled(weight)),
        factors_(weight.factors),
        bias_(std::move(bias)) {
    // A panel is made once for each part of the lines: few, but so many that no thread stands idle.
    constexpr std::int64_t fewest = 96;
    while (parts_ * p.groups() < 2 * threads && rows / (parts_ + 1) >= fewest) ++parts_;
    if (lines_.rows > 0) return;
    constexpr std::int64_t panel = 24;  // whole panels of every instruction set
    lines_.rows = ((rows + parts_ - 1) / parts_ + panel - 1) / panel * panel;
    lines_.x_step = lines_.rows * p.x_stride;
  }

  static std::size_t scratch_bytes(const Product& p, int threads) {
    return static_cast<std::size_t>(threads * p.in * p.group) * sizeof(float);
  }

  void run(const Run& run) const override {
    const auto* x = reinterpret_cast<const float*>(run.inputs[0]);
    const auto* z = run.inputs.size() > 1 ? reinterpret_cast<const float*>(run.inputs[1]) : nullptr;
    auto* y = reinterpret_cast<float*>(run.output);
    auto* panels = reinterpret_cast<float*>(run.scratch);
    const std::int64_t lines = (rows_ + lines_.rows - 1) / lines_.rows;
    parallel_slots(p_.groups() * parts_, [&](std::int64_t slot, std::int64_t i) {
      const std::int64_t group = i / parts_, part = i % parts_;
      const std::int64_t first = group * p_.group, last = std::min(first + p_.group, p_.out);
      float* const u = panels + slot * p_.in * p_.group;
      const auto& kernels = vector_kernels();
      kernels.turn({.rows = last - first,
                    .count = p_.in,
                    .filled = filled(last - first),
                    .stride = p_.in,
                    .outer_step = p_.group,
                    .factors = factors_ ? factors_->data() + first : nullptr},
                   floats(weight_) + first * p_.in, u);
      Product narrow = p_;
      narrow.out = last - first;
      for (std::int64_t line = lines * part / parts_; line < lines * (part + 1) / parts_; ++line) {
        const Range rows{line * lines_.rows, std::min((line + 1) * lines_.rows, rows_)};
        kernels.product(narrow, x + line * lines_.x_step, u, bias_.defined() ? floats(bias_) + first : nullptr,
                        {0, rows.size()}, {0, 1}, y + rows.first * p_.out + first);
        apply_posts(post_, rows, {first, last}, p_.out, z, y);
      }
    });
  }

  std::string name() const override { return "product, weights in place"; }

 private:
  std::vector<Post> post_;
  Product p_;
  std::int64_t rows_, parts_ = 1;
  Lines lines_;
  Tensor weight_;
  std::shared_ptr<const std::vector<float>> factors_;
  Tensor bias_;
};

/// For fewer rows than a weight has: x is laid side by side once, in panels of rows, and the weights are read as they
/// lie. What the vectors then give is yᵀ, piece by piece, which is turned back.
class FewRowsKernel final : public Kernel {
 public:
  FewRowsKernel(const Operation& operation, const Product& p, std::int64_t rows, int threads, const Value& weight,
                Tensor bias)
      : post_(operation.post),
        p_(p),
        rows_(rows),
        weight_(unscaled(weight)),
        factors_(weight.factors),
        bias_(std::move(bias)) {
    turned_ = {p.in, filled(rows), p.group, p.in, 0};
    turned_.y_stride = turned_.out;
    // The panels of x are read again for each piece; no thread shall stand idle at the end.
    constexpr std::int64_t most = 128, unit = 8;
    piece_ = std::clamp(p.out / (3 * threads) / unit * unit, unit, most);
  }

  /// Floats: the panels of x, then for each thread a piece of yᵀ.
  std::int64_t panels() const { return turned_.groups() * p_.in * p_.group; }
  std::size_t scratch_bytes(int threads) const {
    return static_cast<std::size_t>(panels() + threads * piece_ * turned_.y_stride) * sizeof(float);
  }

  void run(const Run& run) const override {
    const auto* x = reinterpret_cast<const float*>(run.inputs[0]);
    const auto* z = run.inputs.size() > 1 ? reinterpret_cast<const float*>(run.inputs[1]) : nullptr;
    auto* y = reinterpret_cast<float*>(run.output);
    auto* u = reinterpret_cast<float*>(run.scratch);
    lay_side_by_side(x, u);
    parallel_slots((p_.out + piece_ - 1) / piece_, [&](std::int64_t slot, std::int64_t i) {
      const Range outs{i * piece_, std::min((i + 1) * piece_, p_.out)};
      float* const turned = u + panels() + slot * piece_ * turned_.y_stride;
      const auto& kernels = vector_kernels();
      kernels.product(turned_, floats(weight_) + outs.first * p_.in, u, nullptr, {0, outs.size()},
                      {0, turned_.groups()}, turned);
      kernels.turn({.rows = outs.size(),
                    .count = rows_,
                    .stride = turned_.y_stride,
                    .outer_step = p_.out,
                    .factors = factors_ ? factors_->data() + outs.first : nullptr},
                   turned, y + outs.first);
      if (bias_.defined()) {
        const float* const bias = floats(bias_) + outs.first;
        kernels.combine(Combine::add, {rows_, outs.size(), p_.out, 1, 0, 1, p_.out}, y + outs.first, bias, bias,
                        y + outs.first);
      }
      apply_posts(post_, {0, rows_}, outs, p_.out, z, y);
    });
  }

  std::string name() const override { return "product of few rows, weights in place"; }

 private:
  void lay_side_by_side(const float* x, float* u) const {
    constexpr std::int64_t parts = 4;  // of the inputs: there are few panels
    parallel_for(turned_.groups() * parts, 2, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t group = i / parts, first = group * p_.group, from = p_.in * (i % parts) / parts;
        const std::int64_t count = p_.in * (i % parts + 1) / parts - from, used = std::min(rows_ - first, p_.group);
        float* const to = u + group * p_.in * p_.group + from * p_.group;
        vector_kernels().turn(
            {.rows = used, .count = count, .filled = filled(used), .stride = p_.x_stride, .outer_step = p_.group},
            x + first * p_.x_stride + from, to);
      }
    });
  }

  std::vector<Post> post_;
  Product p_, turned_{};
  std::int64_t rows_, piece_ = 0;
  Tensor weight_;
  std::shared_ptr<const std::vector<float>> factors_;
  Tensor bias_;
};

/// Whether turning x and y is less work than turning the weights, the lanes that then stay empty included. The unit is
/// an input of a row of x times all outputs.
bool are_few(const Product& p, std::int64_t rows) {
  constexpr std::int64_t most = 3 << 17;  // floats of the panels, which are fresh memory and read for each piece
  const std::int64_t padded = filled(rows);
  if (p.in * padded > most) return false;
  // Turning a number takes as long as multiplying it by so many rows (measured with AVX-512; half with AVX2).
  const double turn = vector_kernels().lanes == 16 ? 55 : 28;
  const double in = static_cast<double>(p.in), out = static_cast<double>(p.out), count = static_cast<double>(rows);
  return static_cast<double>(padded) + turn * count * (1 / in + 1 / out) < count + turn;
}

}  // namespace

OneshotProduct oneshot_product(const Request& request, const Product& p, std::int64_t rows, const Lines& lines,
                               Tensor bias) {
  const int threads = request.options.threads;
  if (lines.rows == 0 && are_few(p, rows)) {
    auto kernel =
        std::make_unique<FewRowsKernel>(request.operation, p, rows, threads, request.input(1), std::move(bias));
    const std::size_t scratch = kernel->scratch_bytes(threads);
    return {std::move(kernel), scratch};
  }
  return {
      std::make_unique<TurningKernel>(request.operation, p, rows, lines, threads, request.input(1), std::move(bias)),
      TurningKernel::scratch_bytes(p, threads)};
}

}  // namespace flambeau::plan
