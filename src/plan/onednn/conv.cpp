#include <algorithm>

#include "plan/onednn/support.h"

namespace flambeau::plan::onednn {
using dnnl::memory;

dnnl::convolution_forward::primitive_desc describe_conv(dnnl::algorithm algorithm, const memory::desc& src,
                                                        const memory::desc& weights, const memory::desc* bias,
                                                        const memory::desc& dst, const graph::ConvAttributes& a,
                                                        const dnnl::primitive_attr& attr) {
  memory::dims dilates;
  for (const std::int64_t dilation : a.dilation) dilates.push_back(dilation - 1);
  const auto kind = dnnl::prop_kind::forward_inference;
  const memory::dims strides = dims(a.stride), padding = dims(a.padding);
#if DNNL_VERSION_MAJOR >= 3
  if (bias) return {engine(), kind, algorithm, src, weights, *bias, dst, strides, dilates, padding, padding, attr};
  return {engine(), kind, algorithm, src, weights, dst, strides, dilates, padding, padding, attr};
#else
  if (bias) return {{kind, algorithm, src, weights, *bias, dst, strides, dilates, padding, padding}, attr, engine()};
  return {{kind, algorithm, src, weights, dst, strides, dilates, padding, padding}, attr, engine()};
#endif
}

Shape grouped(Shape weights, std::int64_t groups) {
  if (groups > 1) {
    weights[0] /= groups;
    weights.insert(weights.begin(), groups);
  }
  return weights;
}

namespace {

std::optional<Choice> make(const Request& request, dnnl::algorithm algorithm) {
  if (!is_ordinary(request) || request.input(0).is_constant()) return std::nullopt;
  for (std::size_t i = 1; i < request.input_count(); ++i)
    if (!request.input(i).is_constant()) return std::nullopt;
  const auto& a = std::get<graph::ConvAttributes>(request.operation.attributes);
  const Shape &in = request.input(0).shape, &out = request.output().shape;
  const Value& weights = request.input(1);
  const Shape kernel = grouped(weights.shape, a.groups);
  const bool depthwise = a.groups == in[1] && a.groups == out[1];
  const bool lies_last =
      same(request.input_layout(0), Layout::channels_last(in), in) && !is_plain(request.input_layout(0), in);
  const bool last = in.size() == 4 && (prefers_channels_last(request.precision()) || (depthwise && lies_last));
  const auto activations = [&](const Shape& shape) {
    return last ? *desc_of(Layout::channels_last(shape), shape) : any(shape);
  };
  Choice choice;
  const auto attr = attributes(request.operation, choice.onto);
  if (!attr) return std::nullopt;
  const bool biased = request.input_count() > 2;
  const auto bias_desc = *desc_of(Layout::plain({out[1]}), {out[1]});
  try {
    const auto pd = describe_conv(algorithm, activations(in), any(kernel), biased ? &bias_desc : nullptr,
                                  activations(out), a, *attr);
    const auto src = layout_of(pd.src_desc(), in), dst = layout_of(pd.dst_desc(), out);
    if (!src || !dst) return std::nullopt;
    std::uint64_t packed = 0;
    std::string name = name_of("conv", pd);
    choice.scratch_bytes = pd.scratchpad_desc().get_size();
    std::vector<Operand> operands = {{Operand::From::use, DNNL_ARG_SRC, pd.src_desc()},
                                     {Operand::From::output, DNNL_ARG_DST, pd.dst_desc()},
                                     {Operand::From::scratch, DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc()}};
    const memory::desc plain = *desc_of(Layout::plain(kernel), kernel);
    const std::size_t offset = behind(pd.scratchpad_desc());
    auto passing = request.options.effort == Effort::oneshot
                       ? passing_weight(DNNL_ARG_WEIGHTS, weights, plain, pd.weights_desc(), offset)
                       : std::nullopt;
    if (passing) {
      name += ", weights in place";
      choice.scratch_bytes = offset + pd.weights_desc().get_size();
      operands.push_back(std::move(*passing));
    } else {
      operands.push_back(weight(*request.program.packed, DNNL_ARG_WEIGHTS, weights, plain, pd.weights_desc(), packed));
    }
    if (biased)
      operands.push_back(
          weight(*request.program.packed, DNNL_ARG_BIAS, request.input(2), bias_desc, pd.bias_desc(), packed));
    choice.uses = {{request.operation.inputs[0], *src}};
    choice.output = *dst;
    choice.kernel = make_kernel(std::move(name), generated(request, pd), std::move(operands), packed);
    return choice;
  } catch (const dnnl::error&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<Choice> conv(const Request& request) { return make(request, dnnl::algorithm::convolution_direct); }

std::optional<Choice> winograd(const Request& request) {
  // Its small images gain least: half the tiles of 7×7 are padding, and four times larger weights are read for them.
  const Shape& in = request.input(0).shape;
  const bool pays =
      may_be_winograd(request.program, request.operation) && in[1] >= 16 && in[2] * in[3] * in[0] >= 14 * 14;
  if (!pays || request.options.effort != Effort::steady || prefers_channels_last(request.precision()))
    return std::nullopt;
  return make(request, dnnl::algorithm::convolution_winograd);
}

}  // namespace flambeau::plan::onednn
