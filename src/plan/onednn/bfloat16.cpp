#include "plan/array.h"
#include "plan/kernels/vector.h"
#include "plan/onednn/support.h"

namespace flambeau::plan::onednn {
using dnnl::memory;
using type = memory::data_type;
using graph::Op;

std::optional<Choice> bfloat16(const Request& request) {
  if (request.precision() != Precision::bf16 || !has_bfloat16()) return std::nullopt;
  const Operation& operation = request.operation;
  if (!is_ordinary(request)) return std::nullopt;
  // With AMX even an image's three channels are worth it.
  const auto geometry = narrow_product(request.program, operation, may_use_tiles() ? 3 : fewest_channels);
  if (!geometry) return std::nullopt;
  const Geometry& g = *geometry;
  if (g.is_depthwise() && !request.is_bfloat16(operation.inputs[0])) return std::nullopt;
  Choice choice;
  const auto attr = attributes(operation, choice.onto);
  if (!attr) return std::nullopt;
  const bool linear = operation.op == Op::linear, biased = request.input_count() > 2;
  const bool narrow = gives_bfloat16(request);
  const Shape kernel = grouped(g.kernel, g.a.groups);
  const memory::desc bias({g.out[1]}, type::f32, memory::format_tag::a);
  try {
    const auto pd =
        describe_conv(dnnl::algorithm::convolution_direct, channels_last(g.in, type::bf16), any(kernel, type::bf16),
                      biased ? &bias : nullptr, channels_last(g.out, narrow ? type::bf16 : type::f32), g.a, *attr);
    const std::string name = name_of("bf16 conv", pd);
    if (name.find(" ref") != std::string::npos) return std::nullopt;
    WeightPool& pool = *request.program.packed;
    const auto weights = [given = request.input(1)] { return as_float(given).to(DType::bfloat16); };
    std::uint64_t packed = 0;
    const memory::desc plain(dims(kernel), type::bf16, dims(Layout::plain(kernel).strides));
    std::vector<Operand> operands = {{Operand::From::use, DNNL_ARG_SRC, pd.src_desc()},
                                     weight(pool, DNNL_ARG_WEIGHTS, weights, plain, pd.weights_desc(), packed),
                                     {Operand::From::output, DNNL_ARG_DST, pd.dst_desc()},
                                     {Operand::From::scratch, DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc()}};
    if (biased) operands.push_back(weight(pool, DNNL_ARG_BIAS, request.input(2), bias, pd.bias_desc(), packed));
    const Layout in = linear ? Layout::plain(request.input(0).shape) : Layout::channels_last(g.in);
    const Layout out = linear ? Layout::plain(request.output().shape) : Layout::channels_last(g.out);
    choice.uses = {{operation.inputs[0], in.as(true)}};
    choice.output = out.as(narrow);
    choice.scratch_bytes = pd.scratchpad_desc().get_size();
    choice.kernel = make_kernel(name, generated(request, pd), std::move(operands), packed);
    return choice;
  } catch (const dnnl::error&) {
    return std::nullopt;
  }
}

}  // namespace flambeau::plan::onednn
