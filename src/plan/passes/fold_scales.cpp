// y = (W x + b) · factor + summand, per output channel, becomes y = (W · factor) x + (b · factor + summand).
#include <algorithm>
#include <cmath>
#include <optional>

#include "plan/array.h"
#include "plan/passes.h"

namespace flambeau::plan {
namespace {

using graph::Op;

struct Affine {
  std::vector<double> factor, summand;  // per output channel
};

/// A constant seen as one number per index of dimension `dim` of `shape`; nullopt if it varies along another dimension.
std::optional<std::vector<double>> per_channel(const Value& value, const Shape& shape, std::size_t dim) {
  if (!value.is_constant() || info(value.dtype).kind != DTypeClass::floating) return std::nullopt;
  const Shape& own = value.shape;
  if (own.size() > shape.size()) return std::nullopt;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const std::size_t at = shape.size() - own.size() + i;
    if (own[i] != 1 && (at != dim || own[i] != shape[at])) return std::nullopt;
  }
  const Tensor dense = as_float(value);
  const float* const numbers = floats(dense);
  const bool one = dense.numel() == 1;
  std::vector<double> result(static_cast<std::size_t>(shape[dim]));
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = numbers[one ? 0 : i];
  return result;
}

/// What `operation` does to dimension `dim` of its first operand (or of the other, for commuting ones).
std::optional<Affine> affine(const Program& program, const Operation& operation, std::size_t operand, std::size_t dim) {
  const Shape& shape = program[operation.output].shape;
  if (program[operation.inputs[operand]].shape != shape) return std::nullopt;
  const auto channels = static_cast<std::size_t>(shape[dim]);
  Affine result{std::vector<double>(channels, 1.0), std::vector<double>(channels, 0.0)};
  if (operation.op == Op::batch_norm) {
    if (operand != 0 || dim != 1) return std::nullopt;
    std::vector<Tensor> parameters;
    for (std::size_t i = 1; i < operation.inputs.size(); ++i) {
      const Value& value = program[operation.inputs[i]];
      if (!value.is_constant()) return std::nullopt;
      parameters.push_back(as_float(value));
    }
    const double eps = std::get<graph::NormAttributes>(operation.attributes).eps;
    const float *const mean = floats(parameters[0]), *const variance = floats(parameters[1]);
    const float* const weight = parameters.size() > 2 ? floats(parameters[2]) : nullptr;
    const float* const bias = parameters.size() > 3 ? floats(parameters[3]) : nullptr;
    for (std::size_t c = 0; c < channels; ++c) {
      result.factor[c] = (weight ? weight[c] : 1.0) / std::sqrt(static_cast<double>(variance[c]) + eps);
      result.summand[c] = (bias ? bias[c] : 0.0) - mean[c] * result.factor[c];
    }
    return result;
  }
  const auto other = per_channel(program[operation.inputs[1 - operand]], shape, dim);
  if (!other) return std::nullopt;
  const bool commutes = operation.op == Op::add || operation.op == Op::mul;
  if (!commutes && operand != 0) return std::nullopt;
  for (std::size_t c = 0; c < channels; ++c) {
    if (operation.op == Op::add) result.summand[c] = (*other)[c];
    if (operation.op == Op::sub) result.summand[c] = -(*other)[c];
    if (operation.op == Op::mul) result.factor[c] = (*other)[c];
    if (operation.op == Op::div) result.factor[c] = 1 / (*other)[c];
  }
  return result;
}

/// New weight and bias of a conv, conv_transpose or linear.
void apply(Program& program, Operation& product_op, const Affine& affine) {
  const auto channels = affine.factor.size();
  const bool unit = std::all_of(affine.factor.begin(), affine.factor.end(), [](double f) { return f == 1.0; });
  if (!unit) {
    // The weight itself is multiplied when it is packed.
    Value scaled = program[product_op.inputs[1]];
    // Weights of conv_transpose are (in, out / groups, …): the group of an output channel follows from the input
    // channel.
    const bool transposed = product_op.op == Op::conv_transpose;
    const std::int64_t groups = transposed ? std::get<graph::ConvAttributes>(product_op.attributes).groups : 1;
    const std::int64_t per_group = transposed ? scaled.shape[1] : 1, in_per_group = scaled.shape[0] / groups;
    std::vector<float> factors(static_cast<std::size_t>(scaled.shape[0] * per_group), 1.0F);
    if (scaled.factors) factors = *scaled.factors;
    for (std::int64_t part = 0; part < static_cast<std::int64_t>(factors.size()); ++part) {
      const std::int64_t channel = transposed ? part / per_group / in_per_group * per_group + part % per_group : part;
      factors[static_cast<std::size_t>(part)] *= static_cast<float>(affine.factor[static_cast<std::size_t>(channel)]);
    }
    scaled.factors = std::make_shared<const std::vector<float>>(std::move(factors));
    program.values.push_back(std::move(scaled));
    product_op.inputs[1] = static_cast<ValueId>(program.values.size() - 1);
  }
  Tensor bias = Tensor::uninitialized({static_cast<std::int64_t>(channels)});
  const bool had = product_op.inputs.size() > 2;
  const Tensor before = had ? as_float(program[product_op.inputs[2]]) : Tensor();
  const float* const old = had ? floats(before) : nullptr;
  const std::span<float> sums = bias.mutable_data<float>();
  for (std::size_t c = 0; c < channels; ++c)
    sums[c] = static_cast<float>((old ? old[c] : 0.0) * affine.factor[c] + affine.summand[c]);
  const ValueId id = program.add_constant(std::move(bias));
  if (had) {
    product_op.inputs[2] = id;
  } else {
    product_op.inputs.push_back(id);
  }
}

bool is_foldable(const Program& program, const Operation& operation) {
  if (operation.op != Op::conv && operation.op != Op::conv_transpose && operation.op != Op::linear) return false;
  return operation.post.empty() && std::all_of(operation.inputs.begin() + 1, operation.inputs.end(),
                                               [&](ValueId id) { return program[id].is_constant(); });
}

/// Folds `operation` into the product that makes operand `operand`, directly or through permutes; true if done.
bool fold(Program& program, const Operation& operation, std::size_t operand, const std::vector<int>& makers,
          const std::vector<int>& uses) {
  const ValueId start = operation.inputs[operand];
  std::vector<const Operation*> permutes;
  ValueId id = start;
  int maker = -1;
  for (;;) {
    if (uses[static_cast<std::size_t>(id)] != 1) return false;
    maker = makers[static_cast<std::size_t>(id)];
    if (maker < 0) return false;
    const Operation& from = program.operations[static_cast<std::size_t>(maker)];
    if (from.op != Op::permute) break;
    permutes.push_back(&from);
    id = from.inputs[0];
  }
  Operation& source = program.operations[static_cast<std::size_t>(maker)];
  if (!is_foldable(program, source)) return false;
  // The product's channel dimension, followed to where the operation sees it.
  auto dim = static_cast<std::int64_t>(source.op == Op::linear ? program[source.output].shape.size() - 1 : 1);
  for (auto it = permutes.rbegin(); it != permutes.rend(); ++it) {
    const Shape& order = std::get<graph::ShapeAttributes>((*it)->attributes).shape;
    dim = std::find(order.begin(), order.end(), dim) - order.begin();
  }
  const auto change = affine(program, operation, operand, static_cast<std::size_t>(dim));
  if (!change) return false;
  apply(program, source, *change);
  program.replace(operation.output, start);
  return true;
}

}  // namespace

void fold_scales(Program& program) {
  const std::vector<int> makers = program.makers();
  for (std::size_t i = 0; i < program.operations.size(); ++i) {
    const Operation operation = program.operations[i];
    const bool binary =
        operation.op == Op::add || operation.op == Op::sub || operation.op == Op::mul || operation.op == Op::div;
    if (!binary && (operation.op != Op::batch_norm || is_impure(operation))) continue;
    const auto uses = program.uses();
    for (std::size_t operand = 0; operand < (binary ? 2U : 1U); ++operand)
      if (fold(program, operation, operand, makers, uses)) {
        // It stays in the list, reading what nobody else needs; its result is unread now.
        program.operations[i].inputs.clear();
        break;
      }
  }
  std::erase_if(program.operations, [](const Operation& operation) { return operation.inputs.empty(); });
  program.drop_unused();
}

}  // namespace flambeau::plan
