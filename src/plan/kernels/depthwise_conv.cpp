#include <algorithm>
#include <limits>
#include <utility>

#include "plan/array.h"
#include "plan/kernels/depthwise.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/narrow.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

class DepthwiseKernel final : public Kernel {
 public:
  struct Parts {
    Depthwise d;
    std::int64_t images;
    int threads;
    Bounds bounds;
    bool narrow_y;
    Tensor weights, bias;

    /// Into so many parts an image is cut: each is small enough to stay in the cache for all its blocks, which share
    /// cache lines, and all threads have something to do.
    std::int64_t cuts() const {
      const auto parts = [](std::int64_t whole, std::int64_t part) { return (whole + part - 1) / part; };
      const std::int64_t bytes = d.height * d.width * d.channels * 2;
      const std::int64_t for_cache = parts(bytes, second_level_cache() / 2);
      const std::int64_t for_threads = threads > 1 ? parts(4 * threads, images * d.blocks()) : 1;
      return std::clamp<std::int64_t>(std::max(for_cache, for_threads), 1, std::max<std::int64_t>(d.steps() / 4, 1));
    }
    std::size_t ring() const { return static_cast<std::size_t>(d.pairs() * d.pair_row()); }
  };
  explicit DepthwiseKernel(Parts parts) : parts_(std::move(parts)) {}

  void run(const Run& run) const override {
    if (parts_.narrow_y)
      convolve(run, reinterpret_cast<std::uint16_t*>(run.output));
    else
      convolve(run, reinterpret_cast<float*>(run.output));
  }
  std::string name() const override { return "bfloat16 depthwise conv"; }
  std::uint64_t packed_bytes() const override { return parts_.weights.nbytes() + parts_.bias.nbytes(); }

 private:
  template <class Y>
  void convolve(const Run& run, Y* y) const {
    const Depthwise& d = parts_.d;
    const auto* x = reinterpret_cast<const std::uint16_t*>(run.inputs[0]);
    const std::int64_t cuts = parts_.cuts(), blocks = d.blocks();
    parallel_slots(parts_.images * blocks * cuts, [&](std::int64_t slot, std::int64_t i) {
      const std::int64_t block = i % blocks, cut = i / blocks % cuts, image = i / blocks / cuts;
      const std::int64_t first = block * Depthwise::block;
      convolve_depthwise(d, x + image * d.height * d.width * d.channels + first,
                         std::min(d.channels - first, Depthwise::block),
                         elements<std::uint16_t>(parts_.weights) + block * d.packed(), floats(parts_.bias) + first,
                         parts_.bounds, {d.steps() * cut / cuts, d.steps() * (cut + 1) / cuts},
                         reinterpret_cast<std::uint16_t*>(run.scratch) + static_cast<std::size_t>(slot) * parts_.ring(),
                         y + image * d.out_height * d.out_width * d.channels + first);
    });
  }

  Parts parts_;
};

/// All that the posts do, as bounds; nullopt if they do anything else.
std::optional<Bounds> bounds_of(const std::vector<Post>& posts) {
  constexpr float most = std::numeric_limits<float>::infinity();
  Bounds result{-most, most};
  if (posts.empty()) return result;
  if (posts.size() > 1 || posts[0].kind != Post::Kind::activation) return std::nullopt;
  switch (posts[0].activation.kind) {
    case graph::Activation::relu:
      return Bounds{0, most};
    case graph::Activation::relu6:
      return Bounds{0, 6};
    default:
      return std::nullopt;
  }
}

std::optional<Depthwise> depthwise_of(const Geometry& g) {
  const std::int64_t kernel = g.kernel[2], stride = g.a.stride[0], padding = g.a.padding[0];
  const bool square = g.kernel[3] == kernel && g.a.stride[1] == stride && g.a.padding[1] == padding;
  if (!g.is_depthwise() || !square || g.a.dilation != Shape{1, 1} || (stride != 1 && stride != 2) ||
      (kernel != 3 && kernel != 5 && kernel != 7))
    return std::nullopt;
  return Depthwise{g.in[1], g.in[2], g.in[3], g.out[2], g.out[3], kernel, stride, padding};
}

}  // namespace

std::optional<Choice> depthwise_implementation(const Request& request) {
  const Operation& operation = request.operation;
  if (!request.is_bfloat16(operation.inputs[0]) || product(request.output().shape) == 0) return std::nullopt;
  const auto geometry = narrow_product(request.program, operation);
  const auto found = geometry ? depthwise_of(*geometry) : std::nullopt;
  const auto bounds = bounds_of(operation.post);
  if (!found || !bounds) return std::nullopt;
  const Depthwise& d = *found;
  WeightPool& pool = *request.program.packed;
  const bool biased = request.input_count() > 2;
  Choice choice;
  choice.uses = {{operation.inputs[0], Layout::channels_last(geometry->in).as(true)}};
  choice.output = Layout::channels_last(geometry->out).as(gives_bfloat16(request));
  DepthwiseKernel::Parts parts{
      d,
      geometry->in[0],
      request.options.threads,
      *bounds,
      choice.output.bfloat16,
      pool.make<std::uint16_t>(
          {d.blocks() * d.packed()}, DType::bfloat16,
          [d, weight = request.input(1)](std::uint16_t* to) { pack_depthwise(d, floats(as_float(weight)), to); }),
      pool.floats(d.blocks() * Depthwise::block, [d, bias = biased ? as_float(request.input(2)) : Tensor()](float* to) {
        if (bias.defined()) pack_depthwise_bias(d, floats(bias), to);
      })};
  choice.scratch_bytes = parts.ring() * sizeof(std::uint16_t) * static_cast<std::size_t>(request.options.threads);
  choice.kernel = std::make_unique<DepthwiseKernel>(std::move(parts));
  return choice;
}

}  // namespace flambeau::plan
