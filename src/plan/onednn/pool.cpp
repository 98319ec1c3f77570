#include <algorithm>

#include "plan/onednn/support.h"

namespace flambeau::plan::onednn {
namespace {

using dnnl::memory;

dnnl::pooling_forward::primitive_desc describe(dnnl::algorithm algorithm, const memory::desc& src,
                                               const memory::desc& dst, const graph::PoolAttributes& a,
                                               const memory::dims& right, const dnnl::primitive_attr& attr) {
  const auto kind = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
  memory::dims dilates;
  for (const std::int64_t dilation : a.dilation) dilates.push_back(dilation - 1);
  return {engine(), kind, algorithm, src, dst, dims(a.stride), dims(a.kernel), dilates, dims(a.padding), right, attr};
#else
  return {{kind, algorithm, src, dst, dims(a.stride), dims(a.kernel), dims(a.padding), right}, attr, engine()};
#endif
}

}  // namespace

std::optional<Choice> pool(const Request& request) {
  if (!is_ordinary(request) || request.input(0).is_constant()) return std::nullopt;
  const auto& a = std::get<graph::PoolAttributes>(request.operation.attributes);
  const Shape &in = request.input(0).shape, &out = request.output().shape;
  const bool max = request.operation.op == graph::Op::max_pool;
  if (max && request.program.keeps_nan) return std::nullopt;
  if (a.divisor_override != 0 || std::any_of(a.dilation.begin(), a.dilation.end(), [](auto d) { return d != 1; }))
    return std::nullopt;
  memory::dims right;
  for (std::size_t i = 0; i < a.kernel.size(); ++i) {
    const std::int64_t covered = (out[i + 2] - 1) * a.stride[i] + a.kernel[i];
    right.push_back(std::max<std::int64_t>(covered - in[i + 2] - a.padding[i], 0));
    // An overhang of ceil_mode would be counted as padding by an average.
    if (!max && a.count_include_pad && right.back() > a.padding[i]) return std::nullopt;
  }
  const auto algorithm = max                   ? dnnl::algorithm::pooling_max
                         : a.count_include_pad ? dnnl::algorithm::pooling_avg_include_padding
                                               : dnnl::algorithm::pooling_avg_exclude_padding;
  Layout layout = request.input_layout(0);
  if (!is_dense(layout, in) || layout.offset != 0) layout = Layout::plain(in);
  // The largest of rounded numbers is one of them; averages are sums, of floats.
  layout.bfloat16 = max && request.is_bfloat16(request.operation.inputs[0]);
  const auto number = layout.bfloat16 ? memory::data_type::bf16 : memory::data_type::f32;
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  try {
    const auto pd = describe(algorithm, *desc_of(layout, in), any(out, number), a, right, attr);
    const auto dst = layout_of(pd.dst_desc(), out);
    if (!dst) return std::nullopt;
    Choice choice;
    choice.uses = {{request.operation.inputs[0], layout}};
    choice.output = *dst;
    choice.scratch_bytes = pd.scratchpad_desc().get_size();
    choice.kernel = make_kernel(name_of("pool", pd), dnnl::pooling_forward(pd),
                                {{Operand::From::use, DNNL_ARG_SRC, pd.src_desc()},
                                 {Operand::From::output, DNNL_ARG_DST, pd.dst_desc()},
                                 {Operand::From::scratch, DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc()}},
                                0);
    return choice;
  } catch (const dnnl::error&) {
    return std::nullopt;
  }
}

}  // namespace flambeau::plan::onednn
