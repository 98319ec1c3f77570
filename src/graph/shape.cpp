#include "graph/shape.h"

#include <fmt/format.h>
#include <algorithm>

#include "base/checked.h"
#include "graph/ops.h"

namespace flambeau::graph {

void fail(Op op, const std::string& message) {
  throw Error(ErrorCode::invalid_argument, fmt::format("{}: {}", name(op), message));
}

std::int64_t size_sum(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (!base::checked_add(a, b, result))
    throw Error(ErrorCode::limit, fmt::format("size {} + {} overflows 64 bits", a, b));
  return result;
}

std::int64_t size_product(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (!base::checked_mul(a, b, result))
    throw Error(ErrorCode::limit, fmt::format("size {} x {} overflows 64 bits", a, b));
  return result;
}

std::int64_t checked_numel(const Shape& shape) {
  constexpr std::int64_t most = std::int64_t{1} << 60;
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0) throw Error(ErrorCode::invalid_argument, "shape " + to_string(shape) + " has a negative size");
    // A size of 0 must not hide an overflow of the others.
    count = size_product(count, std::max<std::int64_t>(size, 1));
    if (count > most)
      throw Error(ErrorCode::limit, fmt::format("shape {} has more than {} elements", to_string(shape), most));
  }
  return std::find(shape.begin(), shape.end(), 0) == shape.end() ? count : 0;
}

std::int64_t normalized_dim(Op op, std::int64_t dim, std::size_t rank) {
  const auto count = static_cast<std::int64_t>(rank);
  if (dim < -count || dim >= count) fail(op, fmt::format("dimension {} of a tensor with {} dimensions", dim, count));
  return dim < 0 ? dim + count : dim;
}

Shape per_dimension(Op op, std::string_view what, const Shape& values, std::size_t count, std::int64_t fallback,
                    std::int64_t least) {
  Shape result = values;
  if (result.empty()) result.assign(count, fallback);
  if (result.size() == 1) result.assign(count, result[0]);
  if (result.size() != count)
    fail(op, fmt::format("{} {} has {} values, {} spatial dimensions need 1 or {}", what, to_string(values),
                         values.size(), count, count));
  for (const std::int64_t value : result)
    if (value < least) fail(op, fmt::format("{} {} must be at least {}", what, to_string(values), least));
  return result;
}

Shape broadcast(Op op, const Shape& a, const Shape& b) {
  const std::size_t rank = std::max(a.size(), b.size());
  Shape result(rank, 1);
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1)
      fail(op, fmt::format("shapes {} and {} do not broadcast", to_string(a), to_string(b)));
    result[rank - 1 - i] = x == 1 ? y : x;
  }
  return result;
}

bool broadcasts_to(const Shape& from, const Shape& to) noexcept {
  if (from.size() > to.size()) return false;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    const std::int64_t size = from[from.size() - i];
    if (size != 1 && size != to[to.size() - i]) return false;
  }
  return true;
}

namespace {

void require(Op op, std::string_view what, Var x) {
  if (!x) fail(op, fmt::format("{} is None, a tensor is needed", what));
}

}  // namespace

void require_float(Op op, std::string_view what, Var x) {
  require(op, what, x);
  const DType dtype = x.graph()[x.id()].dtype;
  if (info(dtype).kind != DTypeClass::floating)
    fail(op, fmt::format("{} {} has dtype {}, a floating point dtype is needed", what, to_string(x.shape()),
                         flambeau::name(dtype)));
}

void require_shape(Op op, std::string_view what, Var x, const Shape& expected) {
  require(op, what, x);
  if (x.shape() != expected)
    fail(op, fmt::format("{} has shape {}, {} expected", what, to_string(x.shape()), to_string(expected)));
}

std::vector<Id> ids(Op op, std::span<const Var> vars) {
  std::vector<Id> result;
  for (const Var& var : vars) {
    if (!var) continue;
    if (&var.graph() != &vars.front().graph()) fail(op, "operands of two graphs");
    result.push_back(var.id());
  }
  return result;
}

std::vector<Id> ids(Op op, std::initializer_list<Var> vars) { return ids(op, std::span(vars.begin(), vars.size())); }

}  // namespace flambeau::graph
