#pragma once
// Arithmetic on shapes that refuses to overflow, and the checks that all operations share.

#include <flambeau/error.h>
#include <flambeau/graph.h>

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flambeau::graph {

/// Throws Error(invalid_argument) with the operation's name in front.
[[noreturn]] void fail(Op op, const std::string& message);

/// Throw Error(limit) where 64 bits do not hold the result.
std::int64_t size_sum(std::int64_t a, std::int64_t b);
std::int64_t size_product(std::int64_t a, std::int64_t b);
/// Number of elements; also refuses negative sizes and tensors of more than 2^60 elements.
std::int64_t checked_numel(const Shape& shape);

/// floor(a / b) for b > 0 and any a.
constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) noexcept { return a / b - (a % b < 0 ? 1 : 0); }

/// A dimension counted from the end made positive; throws when it lies outside.
std::int64_t normalized_dim(Op op, std::int64_t dim, std::size_t rank);
/// One value for all spatial dimensions, or one each; an empty list means `fallback`. Each must be at least `least`.
Shape per_dimension(Op op, std::string_view what, const Shape& values, std::size_t count, std::int64_t fallback,
                    std::int64_t least);
/// numpy's rule; throws with both shapes.
Shape broadcast(Op op, const Shape& a, const Shape& b);
/// True if `from` can be expanded to `to` without changing it.
bool broadcasts_to(const Shape& from, const Shape& to) noexcept;

/// Refuses values that are no floating point numbers, and integer ones where arithmetic is asked for.
void require_float(Op op, std::string_view what, Var x);
/// Refuses a tensor whose shape is another one.
void require_shape(Op op, std::string_view what, Var x, const Shape& expected);
/// Ids of those that are there, the first one always; refuses operands of two graphs.
std::vector<Id> ids(Op op, std::span<const Var> vars);
std::vector<Id> ids(Op op, std::initializer_list<Var> vars);

}  // namespace flambeau::graph
