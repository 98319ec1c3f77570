#include <algorithm>

#include "plan/array.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/posts.h"
#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

/// y = x Wᵀ + b for one or two rows, limited by reading W once: it is used as it lies in the checkpoint.
class GemvKernel final : public Kernel {
 public:
  GemvKernel(const Operation& operation, Tensor weight, Tensor bias, std::int64_t rows)
      : post_(operation.post),
        weight_(std::move(weight)),
        bias_(std::move(bias)),
        rows_(rows),
        out_(weight_.shape()[0]),
        in_(weight_.shape()[1]) {}

  void run(const Run& run) const override {
    const auto& kernels = vector_kernels();
    const auto* x = reinterpret_cast<const float*>(run.inputs[0]);
    const auto* z = run.inputs.size() > 1 ? reinterpret_cast<const float*>(run.inputs[1]) : nullptr;
    auto* y = reinterpret_cast<float*>(run.output);
    const float *w = floats(weight_), *bias = bias_.defined() ? floats(bias_) : nullptr;
    constexpr std::int64_t step = 4;  // outputs that one pass over x makes
    parallel_for((out_ + step - 1) / step, 16, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t first = begin * step, last = std::min(end * step, out_);
      kernels.gemv(x, rows_, in_, w, bias, y, out_, first, last);
      apply_posts(post_, {0, rows_}, {first, last}, out_, z, y);
    });
  }

  std::string name() const override { return "gemv, weights in place"; }

 private:
  std::vector<Post> post_;
  Tensor weight_, bias_;
  std::int64_t rows_, out_, in_;
};

}  // namespace

std::optional<Choice> gemv_implementation(const Request& request) {
  const Value &x = request.input(0), &weight = request.input(1);
  const bool biased = request.input_count() > 2;
  if (x.is_constant() || !weight.is_constant() || (biased && !request.input(2).is_constant())) return std::nullopt;
  const Shape& shape = weight.shape;
  if (product(shape) == 0) return std::nullopt;
  const std::int64_t rows = product(x.shape) / shape[1];
  if (rows < 1 || rows > 2) return std::nullopt;
  Choice choice;
  choice.uses = {{request.operation.inputs[0], Layout::plain(x.shape)}};
  for (const Post& post : request.operation.post)
    if (post.kind == Post::Kind::add) choice.uses.push_back({post.operand, Layout::plain(request.output().shape)});
  choice.output = Layout::plain(request.output().shape);
  choice.kernel = std::make_unique<GemvKernel>(request.operation, as_float(weight.constant),
                                               biased ? as_float(request.input(2).constant) : Tensor(), rows);
  return choice;
}

}  // namespace flambeau::plan
