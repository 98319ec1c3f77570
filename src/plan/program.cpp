#include "plan/program.h"

#include <flambeau/error.h>

#include <algorithm>

#include <fmt/format.h>

#include "plan/parallel.h"

namespace flambeau::plan {

using graph::Op;

Program Program::from(const graph::Graph& graph) {
  Program program;
  for (const graph::Node& node : graph.nodes()) {
    const auto id = static_cast<ValueId>(program.values.size());
    // Kernels compute in float32; constants of other floating dtypes are converted when they are first looked at.
    const bool floating = info(node.dtype).kind == DTypeClass::floating;
    if (node.op == Op::input && floating && node.dtype != DType::float32)
      throw Error(ErrorCode::unsupported,
                  fmt::format("input %{} has dtype {}, float32 is needed", id, flambeau::name(node.dtype)));
    program.values.push_back({node.shape, floating ? DType::float32 : node.dtype, node.constant, nullptr});
    if (node.op == Op::constant && node.constant.is_meta())
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("constant %{} of shape {} has no data: a meta tensor cannot run", id,
                              flambeau::to_string(node.shape)));
    if (node.op == Op::input || node.op == Op::constant) continue;
    program.operations.push_back({node.op, node.attributes, {node.inputs.begin(), node.inputs.end()}, id, {}});
  }
  program.inputs.assign(graph.inputs().begin(), graph.inputs().end());
  program.outputs.assign(graph.outputs().begin(), graph.outputs().end());
  program.drop_unused();
  return program;
}

ValueId Program::add_value(Shape shape, DType dtype) {
  values.push_back({std::move(shape), dtype, {}, nullptr});
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Program::add_constant(Tensor tensor) {
  Shape shape = tensor.shape();
  const DType dtype = tensor.dtype();
  values.push_back({std::move(shape), dtype, std::move(tensor), nullptr});
  return static_cast<ValueId>(values.size() - 1);
}

std::vector<int> Program::uses() const {
  std::vector<int> count(values.size(), 0);
  const auto use = [&](ValueId id) { ++count[static_cast<std::size_t>(id)]; };
  for (const Operation& operation : operations) {
    for (const ValueId id : operation.inputs) use(id);
    for (const Post& post : operation.post)
      if (post.operand >= 0) use(post.operand);
  }
  for (const ValueId id : outputs) use(id);
  return count;
}

std::vector<int> Program::makers() const {
  std::vector<int> maker(values.size(), -1);
  for (std::size_t i = 0; i < operations.size(); ++i)
    maker[static_cast<std::size_t>(operations[i].output)] = static_cast<int>(i);
  return maker;
}

bool Program::is_nonnegative(ValueId id) const {
  const std::vector<int> maker = makers();
  for (;;) {
    const int index = maker[static_cast<std::size_t>(id)];
    if (index < 0) return false;
    const Operation& operation = operations[static_cast<std::size_t>(index)];
    const auto* activation = std::get_if<graph::ActivationAttributes>(&operation.attributes);
    if (!operation.post.empty()) {
      if (operation.post.back().kind != Post::Kind::activation) return false;
      activation = &operation.post.back().activation;
    }
    if (activation) {
      using enum graph::Activation;
      constexpr graph::Activation never_negative[] = {relu, relu6, sigmoid, hardsigmoid, exp, softplus, sqrt, abs};
      return std::ranges::find(never_negative, activation->kind) != std::end(never_negative);
    }
    constexpr Op keep_signs[] = {Op::max_pool, Op::avg_pool, Op::adaptive_max_pool, Op::adaptive_avg_pool, Op::reshape,
                                 Op::permute,  Op::narrow};
    if (std::ranges::find(keep_signs, operation.op) == std::end(keep_signs)) return false;
    id = operation.inputs[0];
  }
}

void Program::replace(ValueId from, ValueId to) {
  for (Operation& operation : operations) {
    for (ValueId& id : operation.inputs)
      if (id == from) id = to;
    for (Post& post : operation.post)
      if (post.operand == from) post.operand = to;
  }
  for (ValueId& id : outputs)
    if (id == from) id = to;
}

void Program::drop_unused() {
  std::vector<bool> needed(values.size(), false);
  for (const ValueId id : outputs) needed[static_cast<std::size_t>(id)] = true;
  std::vector<Operation> kept;
  for (std::size_t i = operations.size(); i-- > 0;) {
    Operation& operation = operations[i];
    if (!needed[static_cast<std::size_t>(operation.output)] && !is_impure(operation)) continue;
    for (const ValueId id : operation.inputs) needed[static_cast<std::size_t>(id)] = true;
    for (const Post& post : operation.post)
      if (post.operand >= 0) needed[static_cast<std::size_t>(post.operand)] = true;
    kept.push_back(std::move(operation));
  }
  operations.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
}

bool is_impure(const Operation& operation) noexcept {
  const auto* norm = std::get_if<graph::NormAttributes>(&operation.attributes);
  return operation.op == Op::batch_norm && norm && norm->training;
}

Tensor unscaled(const Value& value) {
  const Tensor& constant = value.constant;
  const bool plain = constant.dtype() == DType::float32 && constant.is_contiguous() && !constant.is_neg();
  if (plain && reinterpret_cast<std::uintptr_t>(floats(constant)) % alignof(float) == 0) return constant;
  if (plain) return constant.clone();
  return constant.to(DType::float32).contiguous();
}

Tensor as_float(const Value& value) {
  Tensor dense = unscaled(value);
  if (!value.factors) return dense;
  const std::vector<float>& factors = *value.factors;
  Tensor scaled = Tensor::uninitialized(dense.shape());
  const float* from = floats(dense);
  float* to = scaled.mutable_data<float>().data();
  const auto parts = static_cast<std::int64_t>(factors.size()), part = dense.numel() / parts;
  parallel_for(parts, std::max<std::int64_t>(65536 / part, 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const float factor = factors[static_cast<std::size_t>(k)];
      for (std::int64_t i = k * part; i < (k + 1) * part; ++i) to[i] = from[i] * factor;
    }
  });
  return scaled;
}

}  // namespace flambeau::plan
