#include <algorithm>
#include <numeric>

#include "plan/passes.h"

namespace flambeau::plan {
namespace {

using graph::Op;

bool all_are(const Shape& values, std::int64_t value) {
  return std::all_of(values.begin(), values.end(), [&](std::int64_t v) { return v == value; });
}

/// True if the operation gives its input, element for element, in the same shape.
bool is_identity(const Program& program, const Operation& operation) {
  const Shape &in = program[operation.inputs[0]].shape, &out = program[operation.output].shape;
  switch (operation.op) {
    case Op::permute: {
      // Sizes of 1 may stand anywhere: only the order of the others matters.
      const Shape& order = std::get<graph::ShapeAttributes>(operation.attributes).shape;
      return in == out && std::is_sorted(order.begin(), order.end());
    }
    case Op::roll:
      return all_are(std::get<graph::ShapeAttributes>(operation.attributes).shape, 0);
    case Op::pad:
      return all_are(std::get<graph::DimAttributes>(operation.attributes).dims, 0);
    case Op::cat:
      return operation.inputs.size() == 1;
    case Op::reshape:
    case Op::narrow:
    case Op::adaptive_avg_pool:
    case Op::adaptive_max_pool:
      return in == out;
    case Op::interpolate:
      return in == out && std::get<graph::DimAttributes>(operation.attributes).value == 0;
    case Op::mean:
      return std::get<graph::DimAttributes>(operation.attributes).dims.empty();
    case Op::activation: {
      const auto& a = std::get<graph::ActivationAttributes>(operation.attributes);
      return a.kind == graph::Activation::pow && a.a == 1;
    }
    default:
      return false;
  }
}

/// A mean over all spatial dimensions is a pool to size 1.
void mean_to_pool(Program& program, std::size_t index) {
  Operation& operation = program.operations[index];
  const auto a = std::get<graph::DimAttributes>(operation.attributes);
  const Shape in = program[operation.inputs[0]].shape;
  if (in.size() < 3 || in.size() > 5 || a.dims.size() != in.size() - 2 || a.dims[0] != 2) return;
  Shape pooled = {in[0], in[1]};
  pooled.resize(in.size(), 1);
  operation.op = Op::adaptive_avg_pool;
  operation.attributes = graph::ShapeAttributes{Shape(in.size() - 2, 1)};
  if (a.keepdim) return;
  const ValueId out = operation.output, middle = program.add_value(pooled);
  program.operations[index].output = middle;
  Operation reshape{Op::reshape, graph::ShapeAttributes{program[out].shape}, {middle}, out, {}};
  program.operations.insert(program.operations.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(reshape));
}

/// An adaptive pool whose windows are all equal is a plain one.
void adaptive_to_pool(const Program& program, Operation& operation) {
  const Shape &in = program[operation.inputs[0]].shape, &out = program[operation.output].shape;
  graph::PoolAttributes a;
  for (std::size_t i = 2; i < in.size(); ++i) {
    if (out[i] == 0 || in[i] % out[i] != 0) return;
    a.kernel.push_back(in[i] / out[i]);
  }
  a.stride = a.kernel;
  a.padding.assign(a.kernel.size(), 0);
  a.dilation.assign(a.kernel.size(), 1);
  operation.op = operation.op == Op::adaptive_avg_pool ? Op::avg_pool : Op::max_pool;
  operation.attributes = std::move(a);
}

/// Squares and roots have instructions of their own, as torch has them for these exponents.
void power_to_simple(Operation& operation) {
  const auto a = std::get<graph::ActivationAttributes>(operation.attributes);
  if (a.kind != graph::Activation::pow) return;
  if (a.a == 0.5) operation.attributes = graph::ActivationAttributes{graph::Activation::sqrt};
  if (a.a == 2) {
    operation.op = Op::mul;
    operation.attributes = {};
    operation.inputs.push_back(operation.inputs[0]);
  }
}

}  // namespace

void simplify(Program& program) {
  for (std::size_t i = 0; i < program.operations.size(); ++i) {
    if (program.operations[i].op == Op::mean) mean_to_pool(program, i);
    Operation& operation = program.operations[i];
    if (is_identity(program, operation)) program.replace(operation.output, operation.inputs[0]);
    if (operation.op == Op::activation) power_to_simple(operation);
    if (operation.op == Op::adaptive_avg_pool || operation.op == Op::adaptive_max_pool)
      adaptive_to_pool(program, operation);
    if (operation.op == Op::reshape) {
      // Of a chain of reshapes the last one decides.
      const int maker = program.makers()[static_cast<std::size_t>(operation.inputs[0])];
      if (maker >= 0 && program.operations[static_cast<std::size_t>(maker)].op == Op::reshape)
        operation.inputs[0] = program.operations[static_cast<std::size_t>(maker)].inputs[0];
    }
  }
  program.drop_unused();
}

}  // namespace flambeau::plan
