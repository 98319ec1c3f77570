#include "plan/array.h"
#include "plan/onednn/support.h"

namespace flambeau::plan::onednn {
namespace {

using dnnl::memory;

dnnl::inner_product_forward::primitive_desc describe(const memory::desc& src, const memory::desc& weights,
                                                     const memory::desc* bias, const memory::desc& dst,
                                                     const dnnl::primitive_attr& attr) {
  const auto kind = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
  if (bias) return {engine(), kind, src, weights, *bias, dst, attr};
  return {engine(), kind, src, weights, dst, attr};
#else
  if (bias) return {{kind, src, weights, *bias, dst}, attr, engine()};
  return {{kind, src, weights, dst}, attr, engine()};
#endif
}

}  // namespace

std::optional<Choice> linear(const Request& request) {
  if (!is_ordinary(request) || request.input(0).is_constant()) return std::nullopt;
  for (std::size_t i = 1; i < request.input_count(); ++i)
    if (!request.input(i).is_constant()) return std::nullopt;
  const Value& weights = request.input(1);
  const Shape& shape = weights.shape;
  const std::int64_t rows = product(request.input(0).shape) / shape[1];
  const Shape in = {rows, shape[1]}, out = {rows, shape[0]};
  Choice choice;
  const auto attr = attributes(request.operation, choice.onto);
  if (!attr) return std::nullopt;
  const bool biased = request.input_count() > 2;
  const auto plain = [](const Shape& s) { return *desc_of(Layout::plain(s), s); };
  const auto bias_desc = plain({shape[0]});
  try {
    const bool pack = request.options.effort == Effort::steady;
    const auto pd =
        describe(plain(in), pack ? any(shape) : plain(shape), biased ? &bias_desc : nullptr, plain(out), *attr);
    std::uint64_t packed = 0;
    std::vector<Operand> operands = {
        {Operand::From::use, DNNL_ARG_SRC, pd.src_desc()},
        weight(*request.program.packed, DNNL_ARG_WEIGHTS, weights, plain(shape), pd.weights_desc(), packed),
        {Operand::From::output, DNNL_ARG_DST, pd.dst_desc()},
        {Operand::From::scratch, DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc()}};
    if (biased)
      operands.push_back(
          weight(*request.program.packed, DNNL_ARG_BIAS, request.input(2), bias_desc, pd.bias_desc(), packed));
    choice.uses = {{request.operation.inputs[0], Layout::plain(request.input(0).shape)}};
    choice.output = Layout::plain(request.output().shape);
    choice.scratch_bytes = pd.scratchpad_desc().get_size();
    choice.kernel = make_kernel(name_of("linear", pd), dnnl::inner_product_forward(pd), std::move(operands), packed);
    return choice;
  } catch (const dnnl::error&) {
    return std::nullopt;
  }
}

}  // namespace flambeau::plan::onednn
