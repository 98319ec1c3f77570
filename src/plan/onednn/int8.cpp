#include <algorithm>
#include <cmath>

#include "plan/array.h"
#include "plan/kernels/posts.h"
#include "plan/kernels/quantize.h"
#include "plan/kernels/vector.h"
#include "plan/onednn/support.h"
#include "plan/parallel.h"

namespace flambeau::plan::onednn {
namespace {

using dnnl::memory;
using type = memory::data_type;

/// Source and weights in 8 bits, sums and results in 32: the source is narrowed in scratch memory, the sums become
/// floats where they lie.
class Int8Kernel final : public Kernel {
 public:
  struct Parts {
    std::unique_ptr<Kernel> product;  ///< from a narrow source in scratch memory to the output
    type source;
    std::int64_t source_count, rows, channels;
    std::size_t product_scratch;  ///< where in the scratch memory the source is
    Tensor scales, bias;          ///< of the channels; bias may be undefined
    std::optional<float> range;   ///< calibrated magnitude of the source
    std::uint64_t packed_bytes;
  };
  struct Observed final : State {
    std::unique_ptr<State> product;
    float range = 0;
  };

  Int8Kernel(const Operation& operation, Parts parts) : post_(operation.post), parts_(std::move(parts)) {}

  std::unique_ptr<State> prepare() const override {
    auto state = std::make_unique<Observed>();
    state->product = parts_.product->prepare();
    return state;
  }

  void run(const Run& run) const override {
    auto& state = static_cast<Observed&>(*run.state);
    const auto* x = reinterpret_cast<const float*>(run.inputs[0]);
    std::byte* narrow = run.scratch + parts_.product_scratch;
    state.range = parts_.range ? *parts_.range : magnitude(x, parts_.source_count);
    const float factor = state.range / most();
    narrow_source(x, factor > 0 ? 1 / factor : 0.0F, narrow);
    const std::byte* const source = narrow;
    parts_.product->run({std::span(&source, 1), run.output, run.scratch, state.product.get()});
    finish(run, factor);
  }

  std::optional<float> observed(const State& state) const override { return static_cast<const Observed&>(state).range; }
  std::string name() const override { return parts_.product->name(); }
  std::uint64_t packed_bytes() const override { return parts_.packed_bytes; }

 private:
  float most() const { return parts_.source == type::u8 ? 255.0F : 127.0F; }

  void narrow_source(const float* x, float factor, std::byte* narrow) const {
    constexpr std::int64_t piece = 1 << 13;
    const auto& kernels = vector_kernels();
    parallel_for((parts_.source_count + piece - 1) / piece, 1, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t first = begin * piece, count = std::min(end * piece, parts_.source_count) - first;
      if (parts_.source == type::u8)
        kernels.to_uint8(x + first, factor, reinterpret_cast<std::uint8_t*>(narrow) + first, count);
      else
        kernels.to_int8(x + first, factor, reinterpret_cast<std::int8_t*>(narrow) + first, count);
    });
  }

  void finish(const Run& run, float factor) const {
    const auto& kernels = vector_kernels();
    auto* y = reinterpret_cast<float*>(run.output);
    const auto* sums = reinterpret_cast<const std::int32_t*>(run.output);
    const auto* z = run.inputs.size() > 1 ? reinterpret_cast<const float*>(run.inputs[1]) : nullptr;
    const float* bias = parts_.bias.defined() ? floats(parts_.bias) : nullptr;
    const std::int64_t channels = parts_.channels;
    parallel_for(parts_.rows, std::max<std::int64_t>(4096 / channels, 1), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        kernels.from_int32(sums + row * channels, floats(parts_.scales), factor, bias, y + row * channels, channels);
        apply_posts(post_, {row, row + 1}, {0, channels}, channels, z, y);
      }
    });
  }

  std::vector<Post> post_;
  Parts parts_;
};

/// Products of pairs of uint8 and int8 are added in 16 bits where VNNI is missing: 7 bits of the weights are safe then.
/// (Of signed sources oneDNN takes care itself.)
float weight_limit(type source) { return source == type::s8 || has(dnnl::cpu_isa::avx512_core_vnni) ? 127.0F : 63.0F; }

Tensor quantized(const Tensor& weight, float limit) {
  Tensor values = Tensor::uninitialized(weight.shape(), DType::int8);
  quantize_rows(weight, limit, weight.numel() / weight.size(0), values.mutable_data<std::int8_t>().data());
  return values;
}

/// The type that the source becomes; nullopt where this machine has no products of that kind.
std::optional<type> source_type(const Request& request) {
  if (request.options.precision != Precision::int8 || !has(dnnl::cpu_isa::avx2)) return std::nullopt;
  return request.program.is_nonnegative(request.operation.inputs[0]) ? type::u8 : type::s8;
}

}  // namespace

bool prefers_channels_last(Precision precision) {
  return precision == Precision::int8 ? has(dnnl::cpu_isa::avx2)
                                      : precision == Precision::bf16 && has(dnnl::cpu_isa::avx512_core_bf16);
}

std::optional<Choice> int8(const Request& request) {
  const auto source = source_type(request);
  if (!source || !is_ordinary(request)) return std::nullopt;
  const auto geometry = narrow_product(request.program, request.operation);
  if (!geometry || geometry->is_depthwise()) return std::nullopt;
  const Geometry& g = *geometry;
  const bool linear = request.operation.op == graph::Op::linear;
  const Value& given = request.input(1);
  const Shape kernel = grouped(g.kernel, g.a.groups);
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  try {
    const auto pd = describe_conv(dnnl::algorithm::convolution_direct, channels_last(g.in, *source),
                                  any(kernel, type::s8), nullptr, channels_last(g.out, type::s32), g.a, attr);
    const std::string name = name_of("int8 conv", pd);
    if (name.find(" ref") != std::string::npos) return std::nullopt;
    WeightPool& pool = *request.program.packed;
    const float limit = weight_limit(*source);
    const Tensor scales = pool.floats(g.out[1], [given, limit](float* to) { row_scales(as_float(given), limit, to); });
    const auto narrow = [given, limit] { return quantized(as_float(given), limit); };
    std::uint64_t packed = 0;
    const memory::desc plain(dims(kernel), type::s8, dims(Layout::plain(kernel).strides));
    std::vector<Operand> operands = {{Operand::From::use, DNNL_ARG_SRC, pd.src_desc()},
                                     weight(pool, DNNL_ARG_WEIGHTS, narrow, plain, pd.weights_desc(), packed),
                                     {Operand::From::output, DNNL_ARG_DST, pd.dst_desc()},
                                     {Operand::From::scratch, DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc()}};
    const auto scratch = behind(pd.scratchpad_desc());
    Choice choice;
    const Layout in = linear ? Layout::plain(request.input(0).shape) : Layout::channels_last(g.in);
    choice.output = linear ? Layout::plain(request.output().shape) : Layout::channels_last(g.out);
    choice.uses = {{request.operation.inputs[0], in}};
    for (const Post& post : request.operation.post)
      if (post.kind == Post::Kind::add) choice.uses.push_back({post.operand, choice.output});
    choice.scratch_bytes = scratch + pd.src_desc().get_size();
    choice.kernel = std::make_unique<Int8Kernel>(
        request.operation, Int8Kernel::Parts{make_kernel(name, generated(request, pd), std::move(operands), packed),
                                             *source, product(g.in), g.rows(), g.out[1], scratch, scales,
                                             request.input_count() > 2 ? as_float(request.input(2)) : Tensor(),
                                             request.calibrated(), packed});
    return choice;
  } catch (const dnnl::error&) {
    return std::nullopt;
  }
}

}  // namespace flambeau::plan::onednn
