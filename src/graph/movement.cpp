// Operations that move elements and compute nothing; any dtype.
#include <fmt/format.h>
#include <algorithm>

#include "graph/ops.h"
#include "graph/shape.h"

namespace flambeau::graph {
namespace {

const Node& node_of(Var x) { return x.graph()[x.id()]; }

Var append_like(Op op, Var x, Attributes attributes, Shape shape) {
  return x.graph().append(op, {x.id()}, std::move(attributes), std::move(shape), node_of(x).dtype);
}

}  // namespace

Var cat(std::span<const Var> parts, std::int64_t dim) {
  constexpr Op op = Op::cat;
  if (parts.empty()) fail(op, "nothing to join");
  Shape out = parts[0].shape();
  dim = normalized_dim(op, dim, out.size());
  const auto along = static_cast<std::size_t>(dim);
  for (const Var& part : parts) {
    const Shape& shape = part.shape();
    bool fits = shape.size() == out.size();
    for (std::size_t i = 0; fits && i < out.size(); ++i) fits = i == along || shape[i] == out[i];
    if (!fits)
      fail(op, fmt::format("shapes {} and {} differ outside dimension {}", to_string(parts[0].shape()),
                           to_string(shape), dim));
    if (node_of(part).dtype != node_of(parts[0]).dtype)
      fail(op, fmt::format("dtypes {} and {} differ", flambeau::name(node_of(parts[0]).dtype),
                           flambeau::name(node_of(part).dtype)));
    if (&part != parts.data()) out[along] = size_sum(out[along], shape[along]);
  }
  DimAttributes attributes;
  attributes.dims = {dim};
  return parts[0].graph().append(op, ids(op, parts), std::move(attributes), std::move(out), node_of(parts[0]).dtype);
}

Var reshape(Var x, Shape shape) {
  constexpr Op op = Op::reshape;
  const Shape& in = x.shape();
  const std::int64_t count = checked_numel(in);
  const Shape asked = shape;
  std::int64_t known = 1, *open = nullptr;
  for (std::int64_t& size : shape) {
    if (size < -1 || (size == -1 && open))
      fail(op, fmt::format("shape {} may hold one -1 and no other negative size", to_string(asked)));
    if (size == -1) {
      open = &size;
    } else {
      known = size_product(known, size);
    }
  }
  if (open) {
    if (known == 0 || count % known != 0)
      fail(op, fmt::format("{} elements of shape {} do not fit shape {}", count, to_string(in), to_string(asked)));
    *open = count / known;
  } else if (known != count) {
    fail(op, fmt::format("shape {} has {} elements, shape {} has {}", to_string(in), count, to_string(asked), known));
  }
  return append_like(op, x, ShapeAttributes{shape}, shape);
}

Var flatten(Var x, std::int64_t start_dim, std::int64_t end_dim) {
  const Shape& in = x.shape();
  if (in.empty()) return reshape(x, {1});
  const std::int64_t start = normalized_dim(Op::reshape, start_dim, in.size());
  const std::int64_t end = normalized_dim(Op::reshape, end_dim, in.size());
  if (start > end) fail(Op::reshape, fmt::format("flatten from dimension {} to {}", start_dim, end_dim));
  const Shape joined(in.begin() + start, in.begin() + end + 1);
  Shape shape(in.begin(), in.begin() + start);
  shape.push_back(checked_numel(joined));
  shape.insert(shape.end(), in.begin() + end + 1, in.end());
  return reshape(x, std::move(shape));
}

Var permute(Var x, Shape order) {
  constexpr Op op = Op::permute;
  const Shape& in = x.shape();
  if (order.size() != in.size())
    fail(op, fmt::format("order {} does not name the {} dimensions of {}", to_string(order), in.size(), to_string(in)));
  std::vector<bool> seen(in.size());
  Shape out;
  for (std::int64_t& dim : order) {
    dim = normalized_dim(op, dim, in.size());
    if (seen[static_cast<std::size_t>(dim)])
      fail(op, fmt::format("order {} names a dimension twice", to_string(order)));
    seen[static_cast<std::size_t>(dim)] = true;
    out.push_back(in[static_cast<std::size_t>(dim)]);
  }
  return append_like(op, x, ShapeAttributes{std::move(order)}, std::move(out));
}

Var transpose(Var x, std::int64_t a, std::int64_t b) {
  Shape order;
  for (std::int64_t i = 0; i < x.dim(); ++i) order.push_back(i);
  std::swap(order[static_cast<std::size_t>(normalized_dim(Op::permute, a, order.size()))],
            order[static_cast<std::size_t>(normalized_dim(Op::permute, b, order.size()))]);
  return permute(x, std::move(order));
}

Var narrow(Var x, std::int64_t dim, std::int64_t start, std::int64_t length) {
  constexpr Op op = Op::narrow;
  Shape out = x.shape();
  dim = normalized_dim(op, dim, out.size());
  std::int64_t& size = out[static_cast<std::size_t>(dim)];
  if (start < 0) start = size_sum(start, size);
  if (start < 0 || length < 0 || start > size || length > size - start)
    fail(op,
         fmt::format("[{}, {} + {}) lies outside dimension {} of {}", start, start, length, dim, to_string(x.shape())));
  size = length;
  DimAttributes attributes;
  attributes.dims = {dim};
  attributes.start = start;
  attributes.length = length;
  return append_like(op, x, std::move(attributes), std::move(out));
}

std::vector<Var> chunk(Var x, std::int64_t chunks, std::int64_t dim) {
  if (chunks < 1) fail(Op::narrow, fmt::format("{} chunks", chunks));
  dim = normalized_dim(Op::narrow, dim, x.shape().size());
  const std::int64_t size = x.size(dim);
  const std::int64_t length = std::max<std::int64_t>((size + chunks - 1) / chunks, 1);
  std::vector<Var> parts;
  for (std::int64_t start = 0; start < size; start += length)
    parts.push_back(narrow(x, dim, start, std::min(length, size - start)));
  return parts;
}

Var pad(Var x, Shape padding, std::string_view mode, double value) {
  constexpr Op op = Op::pad;
  Shape out = x.shape();
  if (padding.size() % 2 != 0 || padding.size() > 2 * out.size())
    fail(op, fmt::format("padding {} needs a pair for each of at most {} dimensions", to_string(padding), out.size()));
  const bool constant = mode == "constant", reflect = mode == "reflect", replicate = mode == "replicate";
  if (!constant && !reflect && !replicate && mode != "circular")
    throw Error(ErrorCode::unsupported,
                fmt::format("pad: mode '{}' is none of constant, reflect, replicate, circular", mode));
  DimAttributes attributes;
  attributes.dims.assign(2 * out.size(), 0);
  attributes.mode = mode;
  attributes.value = value;
  if (replicate && std::ranges::any_of(padding, [](std::int64_t by) { return by < 0; })) {  // cut off, then repeat
    Shape cut = padding;
    for (std::size_t i = 0; i < padding.size(); ++i) {
      cut[i] = std::min<std::int64_t>(padding[i], 0);
      padding[i] = std::max<std::int64_t>(padding[i], 0);
    }
    return pad(pad(x, std::move(cut)), std::move(padding), mode);
  }
  for (std::size_t i = 0; i < padding.size() / 2; ++i) {
    const std::size_t dim = out.size() - 1 - i;
    const std::int64_t before = padding[2 * i], after = padding[2 * i + 1], size = out[dim];
    const std::int64_t most = reflect ? size - 1 : size;  // of what reflect and circular can take from the input
    if (!constant && (before < 0 || after < 0 || size < 1 || (!replicate && (before > most || after > most))))
      fail(op,
           fmt::format("padding {} does not fit input {} in mode {}", to_string(padding), to_string(x.shape()), mode));
    out[dim] = size_sum(size_sum(size, before), after);
    if (out[dim] < 0 || (constant && (size_sum(size, before) < 0 || size_sum(size, after) < 0)))
      fail(op, fmt::format("padding {} removes more than input {} has", to_string(padding), to_string(x.shape())));
    attributes.dims[2 * dim] = before;
    attributes.dims[2 * dim + 1] = after;
  }
  return append_like(op, x, std::move(attributes), std::move(out));
}

Var roll(Var x, Shape shifts, Shape dims) {
  constexpr Op op = Op::roll;
  const Shape& in = x.shape();
  if (shifts.size() != dims.size())
    fail(op, fmt::format("shifts {} and dims {} differ in length", to_string(shifts), to_string(dims)));
  Shape by_dim(in.size(), 0);
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const auto dim = static_cast<std::size_t>(normalized_dim(op, dims[i], in.size()));
    if (in[dim] == 0) continue;
    const std::int64_t shift = (shifts[i] % in[dim] + by_dim[dim]) % in[dim];
    by_dim[dim] = shift < 0 ? shift + in[dim] : shift;
  }
  return append_like(op, x, ShapeAttributes{std::move(by_dim)}, Shape(in));
}

}  // namespace flambeau::graph
