#pragma once
// Which products are computed with narrow numbers, and what stays narrow between them.

#include <optional>

#include "plan/program.h"

namespace flambeau::plan {

/// A convolution in two dimensions as a product of many rows. A linear layer is a 1×1 convolution of an image one pixel
/// wide.
struct Geometry {
  Shape in, out, kernel;
  graph::ConvAttributes a;
  std::int64_t rows() const { return out[0] * out[2] * out[3]; }
  bool is_depthwise() const { return a.groups > 1 && a.groups == in[1] && a.groups == out[1]; }
};

/// Fewer, of a group, leave the products unfilled.
inline constexpr std::int64_t fewest_channels = 16;
/// A convolution or linear layer that narrow numbers make faster: of constant weights, with rows and channels enough,
/// or depthwise. nullopt for any other.
std::optional<Geometry> narrow_product(const Program& program, const Operation& operation,
                                       std::int64_t fewest_inputs = fewest_channels);

/// True if all that is done with the value takes bfloat16: then nobody needs the float.
bool is_read_as_bfloat16(const Program& program, ValueId id);

}  // namespace flambeau::plan
