#include <algorithm>

#include "plan/array.h"
#include "plan/passes.h"
#include "plan/reference/reference.h"

namespace flambeau::plan {
namespace {

Array array_of(const Tensor& dense) {
  auto* bytes = dense.numel() == 0 ? nullptr : const_cast<std::byte*>(dense.storage()->unchecked_bytes().data());
  return {bytes + static_cast<std::size_t>(dense.offset()) * itemsize(dense.dtype()), dense.shape(), dense.dtype()};
}

Tensor evaluate(const Program& program, const Operation& operation) {
  std::vector<Tensor> held;
  std::vector<Array> inputs;
  for (const ValueId id : operation.inputs) {
    const Value& value = program[id];
    held.push_back(info(value.dtype).kind == DTypeClass::floating ? as_float(value) : value.constant.contiguous());
    inputs.push_back(array_of(held.back()));
  }
  const Value& out = program[operation.output];
  if (operation.op == graph::Op::reshape) return held[0].reshape(out.shape);  // the same elements
  Tensor result = Tensor::uninitialized(out.shape, out.dtype);
  reference::function(operation.op)({operation.attributes, inputs, array_of(result)});
  return result;
}

}  // namespace

void fold_constants(Program& program) {
  for (const Operation& operation : program.operations) {
    const bool constant = std::all_of(operation.inputs.begin(), operation.inputs.end(),
                                      [&](ValueId id) { return program[id].is_constant(); });
    if (!constant || is_impure(operation)) continue;
    program[operation.output].constant = evaluate(program, operation);
  }
  std::erase_if(program.operations,
                [&](const Operation& operation) { return program[operation.output].is_constant(); });
}

}  // namespace flambeau::plan
