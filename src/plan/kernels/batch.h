#pragma once
// Batches of matrices in the last two dimensions of a value, as they lie: heads need not be brought together or apart.

#include "plan/kernel.h"

namespace flambeau::plan {

/// Leading dimensions and strides of one operand, broadcast to `batch`.
Shape batch_strides(const Layout& layout, const Shape& shape, const Shape& batch);
/// Where the matrix of that number begins.
std::int64_t offset_at(std::int64_t index, const Shape& batch, const Shape& strides) noexcept;

/// True if each row is a run, behind the one before.
bool has_runs(const Layout& layout, const Shape& shape);
/// From row to row, which are runs.
std::int64_t row_stride(const Layout& layout, const Shape& shape);
/// The wanted layout of the output if rows are runs there, else plain.
Layout run_layout(const Request& request);
/// The operand's own layout if rows are runs there, else plain.
Layout run_layout(const Request& request, ValueId id);

/// No operand is empty.
bool has_elements(const Request& request);

}  // namespace flambeau::plan
