#include <flambeau/error.h>
#include <flambeau/graph.h>

#include <fmt/format.h>

#include "graph/ops.h"
#include "graph/shape.h"

namespace flambeau::graph {

std::string_view name(Op op) noexcept { return info(op).name; }
std::string_view name(Activation activation) noexcept { return activation_names[static_cast<std::size_t>(activation)]; }

Graph& Var::graph() const {
  if (!graph_) throw Error(ErrorCode::invalid_argument, "an operand is None, a tensor is needed");
  return *graph_;
}
const Shape& Var::shape() const { return graph()[id_].shape; }
std::int64_t Var::dim() const { return static_cast<std::int64_t>(shape().size()); }
std::int64_t Var::size(std::int64_t dim) const {
  const Node& node = graph()[id_];
  return node.shape[static_cast<std::size_t>(normalized_dim(node.op, dim, node.shape.size()))];
}

Var Graph::input(Shape shape, DType dtype) {
  const Var var = append(Op::input, {}, {}, std::move(shape), dtype);
  inputs_.push_back(var.id());
  return var;
}

Var Graph::constant(const Tensor& tensor) {
  if (!tensor.defined()) fail(Op::constant, "the tensor is undefined");
  const auto [first, last] = constants_.equal_range(tensor.storage().get());
  for (auto it = first; it != last; ++it) {
    const Tensor& known = nodes_[static_cast<std::size_t>(it->second)].constant;
    const bool same = known.storage() && known.dtype() == tensor.dtype() && known.offset() == tensor.offset() &&
                      known.shape() == tensor.shape() && known.strides() == tensor.strides() &&
                      known.is_conj() == tensor.is_conj() && known.is_neg() == tensor.is_neg();
    if (same) return {*this, it->second};
  }
  const Var var = append(Op::constant, {}, {}, tensor.shape(), tensor.dtype());
  nodes_.back().constant = tensor;
  constants_.emplace(tensor.storage().get(), var.id());
  return var;
}

Var Graph::append(Op op, std::vector<Id> inputs, Attributes attributes, Shape shape, DType dtype) {
  const OpInfo& row = info(op);
  if (inputs.size() < row.min_inputs || (inputs.size() > row.max_inputs && row.max_inputs != 255))
    fail(op, fmt::format("{} inputs, {} to {} expected", inputs.size(), row.min_inputs, row.max_inputs));
  if (attributes.index() != row.attributes) fail(op, "attributes of another operation");
  for (const Id id : inputs)
    if (id < 0 || static_cast<std::size_t>(id) >= nodes_.size())
      fail(op, fmt::format("input {} is none of the graph's {} nodes", id, nodes_.size()));
  checked_numel(shape);
  const auto id = static_cast<Id>(nodes_.size());
  nodes_.push_back({op, std::move(inputs), std::move(attributes), std::move(shape), dtype, {}});
  return {*this, id};
}

void Graph::set_outputs(std::span<const Var> outputs) {
  outputs_.clear();
  for (const Var& var : outputs) {
    if (!var || &var.graph() != this)
      throw Error(ErrorCode::invalid_argument, fmt::format("output {} is no value of this graph", outputs_.size()));
    outputs_.push_back(var.id());
  }
}

namespace {

struct AttributeText {
  std::string operator()(const std::monostate&) const { return ""; }
  std::string operator()(const ConvAttributes& a) const {
    std::string text = fmt::format(" stride={} padding={} dilation={} groups={}", to_string(a.stride),
                                   to_string(a.padding), to_string(a.dilation), a.groups);
    if (!a.output_padding.empty()) text += " output_padding=" + to_string(a.output_padding);
    return text;
  }
  std::string operator()(const PoolAttributes& a) const {
    return fmt::format(" kernel={} stride={} padding={} dilation={} ceil_mode={} count_include_pad={} divisor={}",
                       to_string(a.kernel), to_string(a.stride), to_string(a.padding), to_string(a.dilation),
                       a.ceil_mode, a.count_include_pad, a.divisor_override);
  }
  std::string operator()(const NormAttributes& a) const {
    return fmt::format(" eps={} groups={} normalized_shape={} training={} momentum={}", a.eps, a.groups,
                       to_string(a.normalized_shape), a.training, a.momentum);
  }
  std::string operator()(const ActivationAttributes& a) const {
    return fmt::format(" {} a={} b={}", name(a.kind), a.a, a.b);
  }
  std::string operator()(const ShapeAttributes& a) const { return " " + to_string(a.shape); }
  std::string operator()(const DimAttributes& a) const {
    return fmt::format(" dims={} start={} length={} keepdim={} value={}{}{}", to_string(a.dims), a.start, a.length,
                       a.keepdim, a.value, a.mode.empty() ? "" : " mode=", a.mode);
  }
  std::string operator()(const AttentionAttributes& a) const { return fmt::format(" scale={}", a.scale); }
};

}  // namespace

std::string to_string(const Graph& graph) {
  std::string text;
  for (std::size_t id = 0; id < graph.nodes().size(); ++id) {
    const Node& node = graph.nodes()[id];
    text += fmt::format("%{} = {}(", id, name(node.op));
    for (std::size_t i = 0; i < node.inputs.size(); ++i) text += fmt::format("{}%{}", i ? ", " : "", node.inputs[i]);
    text += ")" + std::visit(AttributeText{}, node.attributes) + " : " + std::string(flambeau::name(node.dtype)) +
            to_string(node.shape) + "\n";
  }
  text += "return";
  for (std::size_t i = 0; i < graph.outputs().size(); ++i)
    text += fmt::format("{} %{}", i ? "," : "", graph.outputs()[i]);
  return text + "\n";
}

}  // namespace flambeau::graph
