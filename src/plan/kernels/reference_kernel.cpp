#include "plan/kernels/kernels.h"
#include "plan/reference/reference.h"

namespace flambeau::plan {
namespace {

/// A function of the reference as a kernel: plain layouts, posts one after the other.
class ReferenceKernel final : public Kernel {
 public:
  explicit ReferenceKernel(const Request& request) : operation_(request.operation), output_(request.output()) {
    for (const ValueId id : operation_.inputs) inputs_.push_back(request.value(id));
    // Only shapes and dtypes are needed later; constants would be kept alive for nothing.
    for (Value& value : inputs_) value.constant = Tensor();
  }

  void run(const Run& run) const override {
    std::vector<Array> arrays;
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      arrays.push_back({const_cast<std::byte*>(run.inputs[i]), inputs_[i].shape, inputs_[i].dtype});
    const Array out{run.output, output_.shape, output_.dtype};
    reference::function(operation_.op)({operation_.attributes, arrays, out, run.number});
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

  std::string name() const override { return "reference"; }

 private:
  Operation operation_;
  std::vector<Value> inputs_{};
  Value output_;
};

}  // namespace

std::optional<Choice> reference_implementation(const Request& request) {
  if (!reference::function(request.operation.op)) return std::nullopt;
  Choice choice;
  choice.kernel = std::make_unique<ReferenceKernel>(request);
  for (const ValueId id : request.operation.inputs) choice.uses.push_back({id, Layout::plain(request.value(id).shape)});
  for (const Post& post : request.operation.post)
    if (post.kind == Post::Kind::add) choice.uses.push_back({post.operand, Layout::plain(request.output().shape)});
  choice.output = Layout::plain(request.output().shape);
  return choice;
}

}  // namespace flambeau::plan
