#include "plan/kernels/narrow.h"

#include <algorithm>

#include "plan/array.h"
#include "plan/kernels/vector.h"

namespace flambeau::plan {
namespace {

Geometry geometry_of(const Program& program, const Operation& operation) {
  const Shape &input = program[operation.inputs[0]].shape, &weight = program[operation.inputs[1]].shape;
  if (operation.op == graph::Op::linear) {
    const std::int64_t rows = product(input) / weight[1];
    return {{1, weight[1], rows, 1},
            {1, weight[0], rows, 1},
            {weight[0], weight[1], 1, 1},
            {{1, 1}, {0, 0}, {1, 1}, {0, 0}}};
  }
  return {input, program[operation.output].shape, weight, std::get<graph::ConvAttributes>(operation.attributes)};
}

}  // namespace

std::optional<Geometry> narrow_product(const Program& program, const Operation& operation, std::int64_t fewest_inputs) {
  const bool conv = operation.op == graph::Op::conv && !program.convs_in_float;
  if (!conv && operation.op != graph::Op::linear) return std::nullopt;
  const auto is_constant = [&](ValueId id) { return program[id].is_constant(); };
  if (is_constant(operation.inputs[0])) return std::nullopt;
  if (!std::all_of(operation.inputs.begin() + 1, operation.inputs.end(), is_constant)) return std::nullopt;
  if (conv && program[operation.inputs[0]].shape.size() != 4) return std::nullopt;
  Geometry g = geometry_of(program, operation);
  // A single row is read from memory once, whatever its type.
  constexpr std::int64_t fewest_rows = 3;
  const bool filled = g.in[1] / g.a.groups >= fewest_inputs && g.out[1] / g.a.groups >= fewest_channels;
  if ((!filled && !g.is_depthwise()) || g.rows() < fewest_rows) return std::nullopt;
  return g;
}

std::optional<std::size_t> scaled_image(const Program& program, const Operation& operation) {
  if (operation.op != graph::Op::mul || !operation.post.empty()) return std::nullopt;
  const Shape& shape = program[operation.output].shape;
  if (shape.size() != 4) return std::nullopt;
  for (const std::size_t image : {0, 1}) {
    const Value &x = program[operation.inputs[image]], &factors = program[operation.inputs[1 - image]];
    if (x.shape == shape && factors.shape == Shape{shape[0], shape[1], 1, 1} && !x.is_constant()) return image;
  }
  return std::nullopt;
}

bool averages_channels(const Program& program, const Operation& operation) {
  if (operation.op != graph::Op::avg_pool || !operation.post.empty()) return false;
  const auto& a = std::get<graph::PoolAttributes>(operation.attributes);
  const Shape& in = program[operation.inputs[0]].shape;
  return in.size() == 4 && a.kernel == Shape{in[2], in[3]} && a.padding == Shape{0, 0} && a.divisor_override == 0;
}

bool is_activated_narrowly(const Operation& operation) {
  return operation.post.empty() &&
         std::get<graph::ActivationAttributes>(operation.attributes).kind != graph::Activation::pow;
}

namespace {

bool is_read_as_bfloat16(const Program& program, ValueId id);

/// Whether the operation reads `id`, one of its operands, as bfloat16 where it lies so.
bool takes_bfloat16(const Program& program, const Operation& operation, ValueId id) {
  switch (operation.op) {
    case graph::Op::max_pool:
      return true;
    case graph::Op::avg_pool:
      return averages_channels(program, operation);
    case graph::Op::activation:
      return is_activated_narrowly(operation) && is_read_as_bfloat16(program, operation.output);
    case graph::Op::mul: {
      const auto image = scaled_image(program, operation);
      return image && operation.inputs[*image] == id && is_read_as_bfloat16(program, operation.output);
    }
    default:
      return narrow_product(program, operation).has_value();
  }
}

/// True if all that is done with the value takes bfloat16.
bool is_read_as_bfloat16(const Program& program, ValueId id) {
  if (std::ranges::find(program.outputs, id) != program.outputs.end()) return false;
  bool read = false;
  for (const Operation& operation : program.operations) {
    const bool enters = std::ranges::find(operation.inputs, id) != operation.inputs.end();
    const bool is_added = std::ranges::any_of(operation.post, [&](const Post& post) { return post.operand == id; });
    if (!enters && !is_added) continue;
    read = true;
    if (!takes_bfloat16(program, operation, id)) return false;
  }
  return read;
}

}  // namespace

bool gives_bfloat16(const Request& request) {
  return request.options.precision == Precision::bf16 && has_bfloat16() &&
         is_read_as_bfloat16(request.program, request.operation.output);
}

}  // namespace flambeau::plan
