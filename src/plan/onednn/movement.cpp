#include <algorithm>
#include <cstring>

#include <flambeau/error.h>

#include "plan/array.h"
#include "plan/onednn/support.h"

namespace flambeau::plan::onednn {
namespace {

using dnnl::memory;

dnnl::concat::primitive_desc describe(const memory::desc& dst, int dim, const std::vector<memory::desc>& parts,
                                      const dnnl::primitive_attr& attr) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), dst, dim, parts, attr};
#else
  return {dst, dim, parts, engine(), attr};
#endif
}

}  // namespace

std::optional<Choice> cat(const Request& request) {
  if (!is_ordinary(request)) return std::nullopt;
  const Shape& out = request.output().shape;
  const int dim = static_cast<int>(std::get<graph::DimAttributes>(request.operation.attributes).dims[0]);
  if (out.size() > DNNL_MAX_NDIMS) return std::nullopt;
  // The layout that most elements have already; blocks only where no part is cut inside one.
  Layout layout = Layout::plain(out);
  std::int64_t most = 0;
  for (const ValueId id : request.operation.inputs) {
    const Layout& own = request.layout(id);
    const Shape& shape = request.value(id).shape;
    if (request.value(id).is_constant() || product(shape) <= most) continue;
    most = product(shape);
    layout = Layout::plain(out);
    if (own.block > 1) layout = Layout::blocked(out, own.block);
    if (own.block == 1 && out.size() > 2 && same(own, Layout::channels_last(shape), shape) && !is_plain(own, shape))
      layout = Layout::channels_last(out);
  }
  const bool uneven =
      layout.block > 1 && std::any_of(request.operation.inputs.begin(), request.operation.inputs.end(),
                                      [&](ValueId id) { return request.value(id).shape[1] % layout.block != 0; });
  if (uneven) layout = Layout::channels_last(out);
  Choice choice;
  std::vector<memory::desc> parts;
  for (const ValueId id : request.operation.inputs) {
    const Shape& shape = request.value(id).shape;
    Layout own = Layout::plain(shape);
    if (layout.block > 1) own = Layout::blocked(shape, layout.block);
    if (layout.block == 1 && !is_plain(layout, out)) own = Layout::channels_last(shape);
    const auto desc = desc_of(own, shape);
    if (!desc) return std::nullopt;
    parts.push_back(*desc);
    choice.uses.push_back({id, own});
  }
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const auto dst = desc_of(layout, out);
  if (!dst) return std::nullopt;
  try {
    const auto pd = describe(*dst, dim, parts, attr);
    std::vector<Operand> operands = {{Operand::From::output, DNNL_ARG_DST, *dst},
                                     {Operand::From::scratch, DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc()}};
    for (std::size_t i = 0; i < parts.size(); ++i)
      operands.push_back({Operand::From::use, DNNL_ARG_MULTIPLE_SRC + static_cast<int>(i), parts[i], i});
    choice.output = layout;
    choice.scratch_bytes = pd.scratchpad_desc().get_size();
    choice.kernel = make_kernel(name_of("cat", pd), dnnl::concat(pd), std::move(operands), 0);
    return choice;
  } catch (const dnnl::error&) {
    return std::nullopt;
  }
}

}  // namespace flambeau::plan::onednn

namespace flambeau::plan {
namespace {

/// Strided to strided, any element size: for integers and for what oneDNN does not take.
class StridedCopy final : public Kernel {
 public:
  StridedCopy(Shape shape, std::size_t size, Layout from, Layout to)
      : shape_(std::move(shape)), size_(size), from_(std::move(from)), to_(std::move(to)) {}
  void run(const Run& run) const override {
    for (Walk walk(shape_, {}); !walk.done(); walk.next())
      std::memcpy(run.output + static_cast<std::size_t>(offset_of(to_, walk.index())) * size_,
                  run.inputs[0] + static_cast<std::size_t>(offset_of(from_, walk.index())) * size_, size_);
  }
  std::string name() const override { return "strided copy"; }

 private:
  Shape shape_;
  std::size_t size_;
  Layout from_, to_;
};

}  // namespace

std::unique_ptr<Kernel> make_reorder(const Shape& shape, DType dtype, const Layout& from, const Layout& to) {
  const auto source = onednn::desc_of(from, shape), target = onednn::desc_of(to, shape);
  if (dtype == DType::float32 && source && target && product(shape) > 0 && shape.size() <= DNNL_MAX_NDIMS) {
    try {
      dnnl::primitive_attr attr;
      attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
      const dnnl::reorder::primitive_desc pd(onednn::engine(), *source, onednn::engine(), *target, attr);
      if (pd.scratchpad_desc().get_size() == 0)
        return onednn::make_kernel(onednn::name_of("reorder", pd), dnnl::reorder(pd),
                                   {{onednn::Operand::From::use, DNNL_ARG_FROM, *source},
                                    {onednn::Operand::From::output, DNNL_ARG_TO, *target}},
                                   0);
    } catch (const dnnl::error&) {
    }
  }
  if (from.bfloat16 != to.bfloat16)
    throw Error(ErrorCode::internal, "oneDNN cannot convert between float and bfloat16");
  return std::make_unique<StridedCopy>(shape, itemsize(from.bfloat16 ? DType::bfloat16 : dtype), from, to);
}

}  // namespace flambeau::plan
