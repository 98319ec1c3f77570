// Operations on rows along the last dimension: normalisations and softmax.
#include <algorithm>

#include "plan/array.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

using graph::Op;

class RowKernel final : public Kernel {
 public:
  RowKernel(const Operation& operation, const Shape& shape, std::int64_t width, const Layout& from)
      : op_(operation.op), width_(width), from_(from) {
    if (const auto* norm = std::get_if<graph::NormAttributes>(&operation.attributes))
      eps_ = static_cast<float>(norm->eps);
    if (op_ == Op::l2_normalize) eps_ = static_cast<float>(std::get<graph::DimAttributes>(operation.attributes).value);
    rows_ = product(shape) / width;
    outer_.assign(shape.begin(), shape.end());
    // The rows' own dimensions leave the walk.
    for (std::int64_t left = width; left > 1; outer_.pop_back()) left /= outer_.back();
    from_.strides.resize(outer_.size());
  }

  void run(const Run& run) const override {
    const auto* x = reinterpret_cast<const float*>(run.inputs[0]) + from_.offset;
    const auto parameter = [&](std::size_t i) {
      return run.inputs.size() > i ? reinterpret_cast<const float*>(run.inputs[i]) : nullptr;
    };
    auto* y = reinterpret_cast<float*>(run.output);
    const auto& kernels = vector_kernels();
    parallel_for(rows_, std::max<std::int64_t>(8192 / width_, 1), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const float* from = x + start_of(row);
        float* to = y + row * width_;
        switch (op_) {
          case Op::softmax:
          case Op::log_softmax:
            kernels.softmax(from, to, width_, op_ == Op::log_softmax);
            break;
          case Op::l2_normalize:
            kernels.l2_normalize(from, eps_, to, width_);
            break;
          default:
            kernels.layer_norm(from, parameter(1), parameter(2), eps_, op_ == Op::layer_norm, to, width_);
        }
      }
    });
  }

  std::string name() const override { return "vector rows"; }

 private:
  std::int64_t start_of(std::int64_t row) const noexcept {
    std::int64_t start = 0;
    for (std::size_t k = outer_.size(); k-- > 0; row /= outer_[k]) start += row % outer_[k] * from_.strides[k];
    return start;
  }

  Op op_;
  std::int64_t width_, rows_ = 0;
  Layout from_;
  Shape outer_{};
  float eps_ = 0;
};

}  // namespace

std::optional<Choice> rows_implementation(const Request& request) {
  const Shape& shape = request.output().shape;
  if (request.output().dtype != DType::float32 || product(shape) == 0 || shape.empty()) return std::nullopt;
  std::int64_t width = shape.back();
  if (const auto* norm = std::get_if<graph::NormAttributes>(&request.operation.attributes)) {
    width = product(norm->normalized_shape);
  } else if (std::get<graph::DimAttributes>(request.operation.attributes).dims[0] + 1 !=
             static_cast<std::int64_t>(shape.size())) {
    return std::nullopt;
  }
  // Rows may lie anywhere as long as each is one run.
  Layout from = request.input_layout(0);
  const bool one_run = from.block == 1 && width == shape.back() && from.strides.back() == 1;
  if (!one_run) from = Layout::plain(shape);
  Choice choice;
  choice.uses = {{request.operation.inputs[0], from}};
  for (std::size_t i = 1; i < request.input_count(); ++i)
    choice.uses.push_back({request.operation.inputs[i], Layout::plain(request.input(i).shape)});
  choice.output = Layout::plain(shape);
  if (is_plain(from, shape)) choice.overwrites = 0;
  choice.kernel = std::make_unique<RowKernel>(request.operation, shape, width, from);
  return choice;
}

}  // namespace flambeau::plan
