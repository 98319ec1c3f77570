#include <functional>
#include <utility>

#include "plan/kernels/kernels.h"
#include "plan/reference/reference.h"

namespace flambeau::plan {
namespace {

/// Computes the operation itself, without its posts.
using Compute = std::function<void(const graph::Attributes&, std::span<const Array>, const Array&)>;

/// A function as a kernel: plain layouts, posts one after the other.
class FunctionKernel final : public Kernel {
 public:
  FunctionKernel(const Request& request, Compute compute, std::string name)
      : operation_(request.operation), output_(request.output()), compute_(std::move(compute)), name_(std::move(name)) {
    for (const ValueId id : operation_.inputs) inputs_.push_back(request.value(id));
    // Only shapes and dtypes are needed later; constants would be kept alive for nothing.
    for (Value& value : inputs_) value.constant = Tensor();
  }

  void run(const Run& run) const override {
    std::vector<Array> arrays;
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      arrays.push_back({const_cast<std::byte*>(run.inputs[i]), inputs_[i].shape, inputs_[i].dtype});
    const Array out{run.output, output_.shape, output_.dtype};
    compute_(operation_.attributes, arrays, out);
    std::size_t operand = inputs_.size();
    for (const Post& post : operation_.post) {
      const auto* other =
          post.kind == Post::Kind::add ? reinterpret_cast<const float*>(run.inputs[operand++]) : nullptr;
      for (std::int64_t i = 0; i < product(output_.shape); ++i) {
        float& y = out.floats()[i];
        y = other ? y + other[i] : reference::activate(post.activation, y);
      }
    }
  }

  std::string name() const override { return name_; }

 private:
  Operation operation_;
  std::vector<Value> inputs_{};
  Value output_;
  Compute compute_;
  std::string name_;
};

Choice choice_of(const Request& request, Compute compute, std::string name) {
  Choice choice;
  choice.kernel = std::make_unique<FunctionKernel>(request, std::move(compute), std::move(name));
  for (const ValueId id : request.operation.inputs) choice.uses.push_back({id, Layout::plain(request.value(id).shape)});
  for (const Post& post : request.operation.post)
    if (post.kind == Post::Kind::add) choice.uses.push_back({post.operand, Layout::plain(request.output().shape)});
  choice.output = Layout::plain(request.output().shape);
  return choice;
}

}  // namespace

std::optional<Choice> reference_implementation(const Request& request) {
  const reference::Function function = reference::function(request.operation.op);
  if (!function) return std::nullopt;
  return choice_of(
      request,
      [function](const graph::Attributes& attributes, std::span<const Array> inputs, const Array& output) {
        function({attributes, inputs, output});
      },
      "reference");
}

std::optional<Choice> own_implementation(const Request& request) {
  if (!request.options.own || !*request.options.own || is_impure(request.operation)) return std::nullopt;
  std::vector<Shape> shapes;
  bool floats = request.output().dtype == DType::float32;
  for (const ValueId id : request.operation.inputs) {
    shapes.push_back(request.value(id).shape);
    floats &= request.value(id).dtype == DType::float32;
  }
  if (!floats) return std::nullopt;
  OwnKernel own =
      (*request.options.own)({request.operation.op, request.operation.attributes, shapes, request.output().shape});
  if (!own) return std::nullopt;
  return choice_of(
      request,
      [own = std::move(own)](const graph::Attributes&, std::span<const Array> inputs, const Array& output) {
        std::vector<const float*> first;
        for (const Array& input : inputs) first.push_back(input.floats());
        own(first, output.floats());
      },
      "own");
}

}  // namespace flambeau::plan
