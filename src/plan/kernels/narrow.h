#pragma once
// Which products are computed with narrow numbers, and what stays narrow between them.

#include <optional>

#include "plan/kernel.h"

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

/// Which input of a multiplication is an image, where the other holds one factor for each of its channels. nullopt for
/// any other multiplication.
std::optional<std::size_t> scaled_image(const Program& program, const Operation& operation);
/// True for an activation that can read and write bfloat16.
bool is_activated_narrowly(const Operation& operation);
/// True for an average of each channel over the whole image.
bool averages_channels(const Program& program, const Operation& operation);

/// Whether the request's kernel shall store bfloat16: the plan has that precision, the machine its products, and all
/// that is done with the value takes it, so that nobody needs the float.
bool gives_bfloat16(const Request& request);

}  // namespace flambeau::plan
