#include <algorithm>

#include "plan/kernel.h"
#include "plan/passes.h"

namespace flambeau::plan {
namespace {

using graph::Op;

bool takes_posts(Op op) { return op == Op::conv || op == Op::linear; }
bool takes_activation(Op op) {
  return takes_posts(op) || op == Op::matmul || op == Op::batch_norm || op == Op::add || op == Op::sub ||
         op == Op::mul || op == Op::div;
}

/// Activations that every kernel with posts can apply.
bool is_fusable(graph::Activation kind) {
  using enum graph::Activation;
  constexpr graph::Activation known[] = {relu, relu6,     sigmoid,     tanh,     silu,  gelu,       gelu_tanh,
                                         mish, hardswish, hardsigmoid, hardtanh, clamp, leaky_relu, elu};
  return std::find(std::begin(known), std::end(known), kind) != std::end(known);
}

/// Those that oneDNN computes as the larger or smaller of two numbers, which a NaN never is.
bool drops_nan(graph::Activation kind) {
  using enum graph::Activation;
  return kind == relu || kind == relu6 || kind == hardsigmoid || kind == hardtanh || kind == clamp;
}

}  // namespace

void fuse_posts(Program& program) {
  auto& operations = program.operations;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Operation user = operations[i];
    const bool activation = user.op == Op::activation;
    if (!activation && user.op != Op::add) continue;
    const auto kind = activation ? std::get<graph::ActivationAttributes>(user.attributes).kind : graph::Activation{};
    if (activation && (!is_fusable(kind) || (program.keeps_nan && drops_nan(kind)))) continue;
    if (!activation && (!user.post.empty() || program[user.inputs[0]].shape != program[user.inputs[1]].shape ||
                        user.inputs[0] == user.inputs[1]))
      continue;
    const auto uses = program.uses();
    const auto makers = program.makers();
    int maker = -1;
    std::size_t operand = 0;
    for (std::size_t k = 0; k < user.inputs.size(); ++k) {
      const auto id = static_cast<std::size_t>(user.inputs[k]);
      if (makers[id] <= maker || uses[id] != 1) continue;
      const Operation& from = operations[static_cast<std::size_t>(makers[id])];
      const bool fits =
          activation ? takes_activation(from.op) && (from.post.empty() || from.post.back().kind == Post::Kind::add)
                     : takes_posts(from.op) && from.post.empty();
      if (!fits || is_impure(from) || (activation && is_better_apart(from.op, kind))) continue;
      maker = makers[id];
      operand = k;
    }
    if (maker < 0) continue;
    // The product moves down to where its user stood: the other summand is there by then.
    Operation fused = std::move(operations[static_cast<std::size_t>(maker)]);
    if (activation) {
      fused.post.push_back({Post::Kind::activation, std::get<graph::ActivationAttributes>(user.attributes)});
    } else {
      fused.post.push_back({Post::Kind::add, {}, user.inputs[1 - operand]});
    }
    fused.output = user.output;
    operations[i] = std::move(fused);
    operations.erase(operations.begin() + maker);
    --i;
  }
}

}  // namespace flambeau::plan
