#include "plan/kernels/narrow.h"

#include <algorithm>

#include "plan/array.h"

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
  if (operation.op != graph::Op::conv && operation.op != graph::Op::linear) return std::nullopt;
  const auto is_constant = [&](ValueId id) { return program[id].is_constant(); };
  if (is_constant(operation.inputs[0])) return std::nullopt;
  if (!std::all_of(operation.inputs.begin() + 1, operation.inputs.end(), is_constant)) return std::nullopt;
  if (operation.op == graph::Op::conv && program[operation.inputs[0]].shape.size() != 4) return std::nullopt;
  Geometry g = geometry_of(program, operation);
  // A single row is read from memory once, whatever its type.
  constexpr std::int64_t fewest_rows = 3;
  const bool filled = g.in[1] / g.a.groups >= fewest_inputs && g.out[1] / g.a.groups >= fewest_channels;
  if ((!filled && !g.is_depthwise()) || g.rows() < fewest_rows) return std::nullopt;
  return g;
}

bool is_read_as_bfloat16(const Program& program, ValueId id) {
  if (std::ranges::find(program.outputs, id) != program.outputs.end()) return false;
  bool read = false;
  for (const Operation& operation : program.operations) {
    const bool enters = std::ranges::find(operation.inputs, id) != operation.inputs.end();
    const bool is_added = std::ranges::any_of(operation.post, [&](const Post& post) { return post.operand == id; });
    if (!enters && !is_added) continue;
    read = true;
    if (operation.op != graph::Op::max_pool && !narrow_product(program, operation)) return false;
  }
  return read;
}

}  // namespace flambeau::plan
