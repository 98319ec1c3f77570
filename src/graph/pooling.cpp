// Pooling and resizing.
#include <fmt/format.h>
#include <algorithm>

#include "graph/ops.h"
#include "graph/shape.h"

namespace flambeau::graph {
namespace {

Var pool(Op op, Var x, PoolAttributes attributes) {
  require_float(op, "input", x);
  const Shape& in = x.shape();
  if (in.size() < 3 || in.size() > 5)
    fail(op, "input " + to_string(in) + " needs 3 to 5 dimensions, the batch included");
  const std::size_t spatial = in.size() - 2;
  if (attributes.kernel.empty()) fail(op, "the kernel has no size");
  attributes.kernel = per_dimension(op, "kernel", attributes.kernel, spatial, 1, 1);
  // An empty stride means the kernel's size.
  attributes.stride =
      attributes.stride.empty() ? attributes.kernel : per_dimension(op, "stride", attributes.stride, spatial, 1, 1);
  attributes.padding = per_dimension(op, "padding", attributes.padding, spatial, 0, 0);
  attributes.dilation = per_dimension(op, "dilation", attributes.dilation, spatial, 1, 1);
  Shape out = {in[0], in[1]};
  for (std::size_t i = 0; i < spatial; ++i) {
    const std::int64_t padding = attributes.padding[i], stride = attributes.stride[i], size = in[i + 2];
    if (padding > attributes.kernel[i] / 2)
      fail(op, fmt::format("padding {} is more than half of kernel {}", to_string(attributes.padding),
                           to_string(attributes.kernel)));
    const std::int64_t window = size_sum(size_product(attributes.dilation[i], attributes.kernel[i] - 1), 1);
    const std::int64_t room = size_sum(size_sum(size, 2 * padding), -window);
    std::int64_t count = floor_div(attributes.ceil_mode ? size_sum(room, stride - 1) : room, stride) + 1;
    // The last window must start inside the input or its left padding.
    if (attributes.ceil_mode && (count - 1) * stride >= size + padding) --count;
    if (count < 1)
      fail(op, fmt::format("input {} with padding {} is smaller than kernel {}", to_string(in),
                           to_string(attributes.padding), to_string(attributes.kernel)));
    out.push_back(count);
  }
  return x.graph().append(op, {x.id()}, std::move(attributes), std::move(out));
}

Var adaptive(Op op, Var x, Shape output_size) {
  require_float(op, "input", x);
  const Shape& in = x.shape();
  if (in.size() < 3 || in.size() > 5)
    fail(op, "input " + to_string(in) + " needs 3 to 5 dimensions, the batch included");
  const Shape size = per_dimension(op, "output size", output_size, in.size() - 2, 1, -1);
  Shape out = {in[0], in[1]};
  for (std::size_t i = 0; i < size.size(); ++i) {
    if (in[i + 2] < 1) fail(op, "input " + to_string(in) + " is empty");
    if (size[i] == 0) fail(op, "output size " + to_string(output_size) + " must be at least 1");
    out.push_back(size[i] == -1 ? in[i + 2] : size[i]);
  }
  Shape pooled(out.begin() + 2, out.end());
  return x.graph().append(op, {x.id()}, ShapeAttributes{std::move(pooled)}, std::move(out));
}

}  // namespace

Var max_pool(Var x, Shape kernel, Shape stride, Shape padding, Shape dilation, bool ceil_mode) {
  return pool(Op::max_pool, x,
              {std::move(kernel), std::move(stride), std::move(padding), std::move(dilation), ceil_mode});
}

Var avg_pool(Var x, Shape kernel, Shape stride, Shape padding, bool ceil_mode, bool count_include_pad,
             std::int64_t divisor_override) {
  if (divisor_override < 0) fail(Op::avg_pool, fmt::format("divisor {} is negative", divisor_override));
  return pool(
      Op::avg_pool, x,
      {std::move(kernel), std::move(stride), std::move(padding), {}, ceil_mode, count_include_pad, divisor_override});
}

Var adaptive_avg_pool(Var x, Shape output_size) { return adaptive(Op::adaptive_avg_pool, x, std::move(output_size)); }
Var adaptive_max_pool(Var x, Shape output_size) { return adaptive(Op::adaptive_max_pool, x, std::move(output_size)); }

Var interpolate(Var x, Shape output_size, std::string_view mode, bool align_corners, double scale) {
  constexpr Op op = Op::interpolate;
  require_float(op, "input", x);
  const Shape& in = x.shape();
  if (in.size() < 3 || in.size() > 5)
    fail(op, "input " + to_string(in) + " needs 3 to 5 dimensions, the batch included");
  struct Mode {
    std::string_view name;
    std::size_t rank;  // 0: any
  };
  constexpr Mode modes[] = {{"nearest", 0},  {"nearest-exact", 0}, {"linear", 3},
                            {"bilinear", 4}, {"bicubic", 4},       {"trilinear", 5}};
  const auto* known = std::find_if(std::begin(modes), std::end(modes), [&](const Mode& m) { return m.name == mode; });
  if (known == std::end(modes))
    throw Error(
        ErrorCode::unsupported,
        fmt::format("interpolate: mode '{}' is none of nearest, nearest-exact, linear, bilinear, bicubic, trilinear",
                    mode));
  if (known->rank != 0 && known->rank != in.size())
    fail(op, fmt::format("mode {} needs {} dimensions, input {} has {}", mode, known->rank, to_string(in), in.size()));
  if (known->rank == 0 && align_corners) fail(op, fmt::format("align_corners has no meaning for mode {}", mode));
  DimAttributes attributes;
  attributes.dims = per_dimension(op, "output size", output_size, in.size() - 2, 1, 1);
  attributes.keepdim = align_corners;
  attributes.value = scale;
  attributes.mode = mode;
  Shape out = {in[0], in[1]};
  for (std::size_t i = 2; i < in.size(); ++i)
    if (in[i] < 1) fail(op, "input " + to_string(in) + " is empty");
  out.insert(out.end(), attributes.dims.begin(), attributes.dims.end());
  return x.graph().append(op, {x.id()}, std::move(attributes), std::move(out));
}

}  // namespace flambeau::graph
