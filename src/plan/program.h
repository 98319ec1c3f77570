#pragma once
// The graph as the passes change it: operations in order over values, each value made by one operation.

#include <flambeau/graph.h>

#include <memory>
#include <string>
#include <vector>

#include "plan/weight_pool.h"

namespace flambeau::plan {

/// Index into Program::values.
using ValueId = int;

struct Value {
  Shape shape{};
  DType dtype = DType::float32;
  Tensor constant{};  ///< defined: known when the plan is made
  /// Of a weight that a pass has scaled: one for each of the equal parts that it consists of, multiplied when the
  /// weight is packed. Null: 1.
  std::shared_ptr<const std::vector<float>> factors{};
  bool is_constant() const noexcept { return constant.defined(); }
};

/// What a kernel does to its result before it stores it.
struct Post {
  enum class Kind : std::uint8_t { activation, add } kind;
  graph::ActivationAttributes activation{};
  ValueId operand = -1;  ///< of add: has the output's shape
};

struct Operation {
  graph::Op op;
  graph::Attributes attributes{};
  std::vector<ValueId> inputs{};
  ValueId output = -1;
  std::vector<Post> post{};
};

struct Program {
  std::vector<Value> values{};
  std::vector<Operation> operations{};
  std::vector<ValueId> inputs{}, outputs{};
  bool convs_in_float = false;  ///< although the plan's precision is bf16: Winograd makes them faster
  bool keeps_nan = false;       ///< only by kernels that do
  std::shared_ptr<WeightPool> packed = std::make_shared<WeightPool>();  ///< of what kernels keep

  static Program from(const graph::Graph& graph);

  Value& operator[](ValueId id) { return values[static_cast<std::size_t>(id)]; }
  const Value& operator[](ValueId id) const { return values[static_cast<std::size_t>(id)]; }
  ValueId add_value(Shape shape, DType dtype = DType::float32);
  ValueId add_constant(Tensor tensor);
  /// How often each value is read, by operations, posts and outputs.
  std::vector<int> uses() const;
  /// Index of the operation that makes each value; -1 for inputs and constants.
  std::vector<int> makers() const;
  /// True if no element can be negative, judging by what makes the value.
  bool is_nonnegative(ValueId id) const;
  /// Lets every reader of `from` read `to`.
  void replace(ValueId from, ValueId to);
  /// Drops operations whose results nobody reads (training batch norms stay: they update statistics).
  void drop_unused();
};

/// True for operations that change their constants: batch norms in training.
bool is_impure(const Operation& operation) noexcept;

/// A dense float32 copy of a floating constant, or the tensor itself where it is one already and aligned for float.
/// Never runs the CRC pass over mapped bytes that need no conversion.
Tensor as_float(const Value& constant);
/// The same without its factors.
Tensor unscaled(const Value& constant);
/// First element of a dense tensor, null if there is none; without the CRC pass.
template <class T>
const T* elements(const Tensor& dense) {
  if (dense.numel() == 0) return nullptr;
  return reinterpret_cast<const T*>(dense.storage()->unchecked_bytes().data()) + dense.offset();
}
inline const float* floats(const Tensor& dense) { return elements<float>(dense); }

}  // namespace flambeau::plan
