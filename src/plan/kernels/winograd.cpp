#include "plan/kernels/winograd.h"

#include <algorithm>

#include "plan/array.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

Tensor transformed(const Winograd& w, const Value& weights, WeightPool& pool) {
  return pool.floats(Winograd::points * w.out_groups() * w.in * 2 * w.lanes, [w, weights](float* u) {
    const Tensor dense = as_float(weights);
    parallel_for(w.out_groups() * w.in, 16, [&](std::int64_t begin, std::int64_t end) {
      vector_kernels().winograd_weights(w, floats(dense), {begin, end}, u);
    });
  });
}

class WinogradKernel final : public Kernel {
 public:
  WinogradKernel(const Winograd& w, Tensor u, Tensor bias, std::int64_t chunk, bool apart)
      : w_(w), u_(std::move(u)), bias_(std::move(bias)), chunk_(chunk), apart_(apart) {}

  /// Bytes of v and m for one chunk of tiles, a multiple of 64.
  static std::int64_t chunk_floats(const Winograd& w, std::int64_t chunk) {
    return Winograd::points * chunk * (w.in_stride() + w.out_stride());
  }

  void run(const Run& run) const override {
    const auto* x = reinterpret_cast<const float*>(run.inputs[0]);
    auto* y = reinterpret_cast<float*>(run.output);
    auto* scratch = reinterpret_cast<float*>(run.scratch);
    const std::int64_t chunks = (w_.tiles() + chunk_ - 1) / chunk_;
    if (apart_) return run_apart(x, y, scratch, chunks);
    for (std::int64_t c = 0; c < chunks; ++c) run_together(x, y, scratch, c);
  }

  std::string name() const override { return apart_ ? "winograd 4x4, by tiles" : "winograd 4x4, by points"; }
  std::uint64_t packed_bytes() const override { return u_.nbytes() + bias_.nbytes(); }

 private:
  Range tiles_of(std::int64_t chunk) const { return {chunk * chunk_, std::min((chunk + 1) * chunk_, w_.tiles())}; }

  /// Each thread takes chunks of tiles through all stages: they stay in its cache, and nobody waits.
  void run_apart(const float* x, float* y, float* scratch, std::int64_t chunks) const {
    const auto& k = vector_kernels();
    parallel_slots(chunks, [&](std::int64_t slot, std::int64_t c) {
      float* v = scratch + slot * chunk_floats(w_, chunk_);
      float* m = v + Winograd::points * chunk_ * w_.in_stride();
      const Range tiles = tiles_of(c);
      k.winograd_input(w_, x, tiles, {0, w_.in_blocks()}, tiles.first, tiles.size(), v);
      k.winograd_multiply(w_, v, floats(u_), m, tiles.size(), {0, Winograd::points}, {0, w_.out_groups()});
      k.winograd_output(w_, m, floats(bias_), tiles, {0, w_.out_blocks()}, tiles.first, tiles.size(), y);
    });
  }

  /// All threads work on one chunk, stage by stage: for few tiles and many channels, where the weights are the burden.
  void run_together(const float* x, float* y, float* scratch, std::int64_t c) const {
    const auto& k = vector_kernels();
    float* v = scratch;
    float* m = v + Winograd::points * chunk_ * w_.in_stride();
    const Range tiles = tiles_of(c);
    parallel_for(w_.in_blocks(), 1, [&](std::int64_t begin, std::int64_t end) {
      k.winograd_input(w_, x, tiles, {begin, end}, tiles.first, tiles.size(), v);
    });
    parallel_for(Winograd::points * w_.out_groups(), 1, [&](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const std::int64_t point = begin / w_.out_groups(), group = begin % w_.out_groups();
        const std::int64_t some = std::min(w_.out_groups() - group, end - begin);
        k.winograd_multiply(w_, v, floats(u_), m, tiles.size(), {point, point + 1}, {group, group + some});
        begin += some;
      }
    });
    parallel_for(w_.out_blocks(), 1, [&](std::int64_t begin, std::int64_t end) {
      k.winograd_output(w_, m, floats(bias_), tiles, {begin, end}, tiles.first, tiles.size(), y);
    });
  }

  Winograd w_;
  Tensor u_, bias_;
  std::int64_t chunk_;
  bool apart_;
};

/// The posts that the last stage can do: a residual, then one activation that keeps zeros (padding of blocks) zero.
bool take_posts(const Operation& operation, Winograd& w, ValueId& onto) {
  for (const Post& post : operation.post) {
    if (post.kind == Post::Kind::add) {
      if (w.accumulate || w.activation != Winograd::Activation::none) return false;
      w.accumulate = true;
      onto = post.operand;
      continue;
    }
    if (w.activation != Winograd::Activation::none) return false;
    switch (post.activation.kind) {
      case graph::Activation::relu:
        w.activation = Winograd::Activation::relu;
        break;
      case graph::Activation::relu6:
        w.activation = Winograd::Activation::relu6;
        break;
      case graph::Activation::silu:
        w.activation = Winograd::Activation::silu;
        break;
      case graph::Activation::hardswish:
        w.activation = Winograd::Activation::hardswish;
        break;
      default:
        return false;
    }
  }
  return true;
}

}  // namespace

bool may_be_winograd(const Program& program, const Operation& operation) {
  // A NaN would reach the whole tile.
  if (operation.op != graph::Op::conv || program.keeps_nan) return false;
  const Shape &in = program[operation.inputs[0]].shape, &kernel = program[operation.inputs[1]].shape;
  const auto& a = std::get<graph::ConvAttributes>(operation.attributes);
  return in.size() == 4 && kernel[2] == 3 && kernel[3] == 3 && a.groups == 1 && a.stride == Shape{1, 1} &&
         a.dilation == Shape{1, 1};
}

bool winograd_outdoes_bfloat16(const Program& program, const PlanOptions& options) {
  if (options.precision != Precision::bf16 || options.effort != Effort::steady || may_use_tiles()) return false;
  std::int64_t all = 0, fitting = 0;  // multiplications
  for (const Operation& operation : program.operations) {
    if (operation.op != graph::Op::conv) continue;
    const Shape &in = program[operation.inputs[0]].shape, &kernel = program[operation.inputs[1]].shape;
    const std::int64_t work = product(kernel) * product(program[operation.output].shape, 2, in.size());
    all += work;
    if (may_be_winograd(program, operation) && in[2] * in[3] >= 14 * 14) fitting += work;
  }
  // VGGs gain a quarter; ResNets, of which two thirds fit at most, would lose as much.
  return fitting > all / 10 * 9;
}

std::optional<Choice> winograd_implementation(const Request& request) {
  if (isa() == Isa::plain || onednn::prefers_channels_last(request.precision())) return std::nullopt;
  if (!may_be_winograd(request.program, request.operation)) return std::nullopt;
  const auto& a = std::get<graph::ConvAttributes>(request.operation.attributes);
  const Shape &in = request.input(0).shape, &out = request.output().shape;
  if (request.input(0).is_constant() || !request.input(1).is_constant()) return std::nullopt;
  if (request.input_count() > 2 && !request.input(2).is_constant()) return std::nullopt;
  if (product(in) == 0 || product(out) == 0) return std::nullopt;

  Winograd w{};
  w.lanes = vector_kernels().lanes;
  w.batch = in[0], w.in = in[1], w.out = out[1];
  w.height = in[2], w.width = in[3], w.out_height = out[2], w.out_width = out[3];
  w.pad_top = a.padding[0], w.pad_left = a.padding[1];
  w.tiles_y = (out[2] + 3) / 4, w.tiles_x = (out[3] + 3) / 4;
  // Few channels leave the transforms unpaid, few tiles the four times larger weights.
  // A single run pays for the transforms of the weights where they meet many tiles.
  const std::int64_t fewest_tiles = request.options.effort == Effort::steady ? 12 : 192;
  const bool pays = w.in >= 4 * w.lanes && w.out >= 4 * w.lanes && w.tiles() >= fewest_tiles;
  Choice choice;
  if (!pays || !take_posts(request.operation, w, choice.onto)) return std::nullopt;

  Tensor bias = Tensor::zeros({w.out_stride()});
  if (request.input_count() > 2) {
    const Tensor given = as_float(request.input(2));
    std::copy_n(floats(given), w.out, bias.mutable_data<float>().begin());
  }
  // Chunks that fit a core's cache go through all stages on one thread if there are enough of them.
  constexpr std::int64_t cache = 1400 << 10, shared_cache = 6 << 20;
  const std::int64_t tile_bytes = WinogradKernel::chunk_floats(w, 1) * static_cast<std::int64_t>(sizeof(float));
  std::int64_t chunk = std::max<std::int64_t>(cache / tile_bytes, 12);
  const bool apart =
      w.tiles() >= 4 * chunk * request.options.threads || (request.options.threads == 1 && w.tiles() >= chunk);
  if (!apart) chunk = std::clamp<std::int64_t>(shared_cache / tile_bytes, 12, w.tiles());
  chunk = std::min(chunk, w.tiles());
  choice.uses = {{request.operation.inputs[0], Layout::blocked(in, w.lanes)}};
  choice.output = Layout::blocked(out, w.lanes);
  choice.scratch_bytes =
      static_cast<std::size_t>(WinogradKernel::chunk_floats(w, chunk) * (apart ? request.options.threads : 1)) *
      sizeof(float);
  choice.kernel = std::make_unique<WinogradKernel>(w, transformed(w, request.input(1), *request.program.packed),
                                                   std::move(bias), chunk, apart);
  return choice;
}

}  // namespace flambeau::plan
