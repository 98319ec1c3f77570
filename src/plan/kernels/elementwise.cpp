// Activations, broadcasting arithmetic and evaluation batch norms on any dense layout.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "plan/array.h"
#include "plan/kernels/bfloat16.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/narrow.h"
#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

using graph::Op;

/// One dimension of a loop over up to three arrays.
struct Loop {
  std::int64_t size, x, z, y;  // strides
};

/// Stride of an operand along dimension `dim` of a result of rank `rank`; 0 where it broadcasts.
std::int64_t stride_of(const Layout& layout, const Shape& own, std::size_t rank, std::size_t dim) {
  const std::size_t missing = rank - own.size();
  return dim < missing || own[dim - missing] == 1 ? 0 : layout.strides[dim - missing];
}

/// The dimensions of a dense value in the order of memory, outermost first, the lanes of a block last; z may broadcast.
std::vector<Loop> loops_of(const Layout& x, const Layout& z, const Layout& y, const Shape& x_shape,
                           const Shape& z_shape, const Shape& shape) {
  std::vector<Loop> loops;
  const std::size_t rank = shape.size();
  const auto step = [&](const Layout& layout, const Shape& own, std::size_t dim) {
    // An operand that lies plainly beside blocks goes a whole block ahead from one to the next.
    return stride_of(layout, own, rank, dim) * (dim == 1 && layout.block == 1 ? y.block : 1);
  };
  for (std::size_t dim = 0; dim < rank; ++dim) {
    const std::int64_t size = dim == 1 ? shape[dim] / y.block : shape[dim];
    if (size != 1) loops.push_back({size, step(x, x_shape, dim), step(z, z_shape, dim), y.strides[dim]});
  }
  std::stable_sort(loops.begin(), loops.end(), [](const Loop& a, const Loop& b) { return a.y > b.y; });
  const auto lanes = [&](const Layout& layout, const Shape& own) {
    return layout.block > 1 ? 1 : stride_of(layout, own, rank, 1);
  };
  if (y.block > 1) loops.push_back({y.block, lanes(x, x_shape), lanes(z, z_shape), 1});
  // Neighbours that every array steps through evenly are one dimension.
  std::vector<Loop> merged;
  for (const Loop& loop : loops) {
    if (!merged.empty()) {
      Loop& last = merged.back();
      if (last.x == loop.x * loop.size && last.z == loop.z * loop.size && last.y == loop.y * loop.size) {
        last = {last.size * loop.size, loop.x, loop.z, loop.y};
        continue;
      }
    }
    merged.push_back(loop);
  }
  // The inner dimension must be one of steps 0 and 1.
  if (merged.empty() || merged.back().y != 1 || merged.back().x > 1 || merged.back().z > 1)
    merged.push_back({1, 0, 0, 1});
  while (merged.size() < 2) merged.insert(merged.begin(), {1, 0, 0, 0});
  return merged;
}

class CombineKernel final : public Kernel {
 public:
  CombineKernel(Combine op, std::vector<Loop> loops, std::vector<Post> posts, std::int64_t x_offset,
                std::int64_t z_offset, bool swapped)
      : op_(op),
        posts_(std::move(posts)),
        loops_(std::move(loops)),
        x_offset_(x_offset),
        z_offset_(z_offset),
        swapped_(swapped) {
    outer_.assign(loops_.begin(), loops_.end() - 2);
    for (const Loop& loop : outer_) count_ *= loop.size;
  }

  void run(const Run& run) const override {
    const auto* x = reinterpret_cast<const float*>(run.inputs[0]) + x_offset_;
    const auto* z = reinterpret_cast<const float*>(run.inputs[1]) + z_offset_;
    const auto* t = run.inputs.size() > 2 ? reinterpret_cast<const float*>(run.inputs[2]) : nullptr;
    auto* y = reinterpret_cast<float*>(run.output);
    const Loop rows = loops_[loops_.size() - 2], columns = loops_.back();
    const std::int64_t least = std::max<std::int64_t>(least_elements / columns.size, 1);
    parallel_for(count_ * rows.size, least, [&](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const std::int64_t first = begin % rows.size;
        const std::int64_t some = std::min(rows.size - first, end - begin);
        Loop at{};
        std::int64_t index = begin / rows.size;
        for (std::size_t k = outer_.size(); k-- > 0; index /= outer_[k].size) {
          const std::int64_t i = index % outer_[k].size;
          at.x += i * outer_[k].x, at.z += i * outer_[k].z, at.y += i * outer_[k].y;
        }
        const float* from = x + at.x + first * rows.x;
        const float* other = z + at.z + first * rows.z;
        float* to = y + at.y + first * rows.y;
        Plane plane{some, columns.size, rows.x, columns.x, rows.z, columns.z, rows.y};
        if (swapped_) {
          plane = {some, columns.size, rows.z, columns.z, rows.x, columns.x, rows.y};
          vector_kernels().combine(op_, plane, other, from, from, to);
        } else {
          vector_kernels().combine(op_, plane, from, other, t ? t + (other - z) : other, to);
        }
        for (const Post& post : posts_) {
          const bool dense = rows.y == columns.size;
          for (std::int64_t r = 0; r < (dense ? 1 : some); ++r)
            vector_kernels().activate(post.activation, to + r * rows.y, to + r * rows.y,
                                      dense ? some * columns.size : columns.size);
        }
        begin += some;
      }
    });
  }

  std::string name() const override { return "vector elementwise"; }

 private:
  Combine op_;
  std::vector<Post> posts_;
  std::vector<Loop> loops_, outer_{};
  std::int64_t x_offset_, z_offset_, count_ = 1;
  bool swapped_;  // z is the left operand
};

class ActivationKernel final : public Kernel {
 public:
  enum class Numbers : std::uint8_t { floats, narrowed, narrow };  // narrowed: floats come in, bfloat16 goes out
  ActivationKernel(const graph::ActivationAttributes& f, Numbers numbers, std::int64_t count)
      : f_(f), numbers_(numbers), count_(count) {}
  void run(const Run& run) const override {
    const auto* x = reinterpret_cast<const float*>(run.inputs[0]);
    const auto* narrow_x = reinterpret_cast<const std::uint16_t*>(run.inputs[0]);
    auto* y = reinterpret_cast<float*>(run.output);
    auto* narrow_y = reinterpret_cast<std::uint16_t*>(run.output);
    parallel_for(count_, least_elements / 4, [&](std::int64_t begin, std::int64_t end) {
      if (numbers_ == Numbers::floats)
        vector_kernels().activate(f_, x + begin, y + begin, end - begin);
      else if (numbers_ == Numbers::narrowed)
        activate(f_, x + begin, narrow_y + begin, end - begin);
      else
        activate(f_, narrow_x + begin, narrow_y + begin, end - begin);
    });
  }
  std::string name() const override {
    return numbers_ == Numbers::floats ? "vector activation" : "bfloat16 activation";
  }

 private:
  graph::ActivationAttributes f_;
  Numbers numbers_;
  std::int64_t count_;
};

/// The value's own layout where loops can run over it as it lies: dense, no padding, at the buffer's start.
Layout workable(const Layout& layout, const Shape& shape) {
  const bool padded = layout.block > 1 && shape[1] % layout.block != 0;
  if (padded) return Layout::channels_last(shape);
  return is_dense(layout, shape) && layout.offset == 0 ? layout : Layout::plain(shape);
}

bool only_activations(const Operation& operation) {
  return std::all_of(operation.post.begin(), operation.post.end(),
                     [](const Post& post) { return post.kind == Post::Kind::activation; });
}

bool is_ordinary(const Request& request) {
  return request.output().dtype == DType::float32 && product(request.output().shape) > 0 &&
         only_activations(request.operation);
}

}  // namespace

std::optional<Choice> activation_implementation(const Request& request) {
  if (!is_ordinary(request)) return std::nullopt;
  const Shape& shape = request.output().shape;
  Choice choice;
  const Layout layout = workable(request.input_layout(0), shape);
  using Numbers = ActivationKernel::Numbers;
  Numbers numbers = Numbers::floats;
  if (is_activated_narrowly(request.operation) && gives_bfloat16(request))
    numbers = request.is_bfloat16(request.operation.inputs[0]) ? Numbers::narrow : Numbers::narrowed;
  choice.output = layout.as(numbers != Numbers::floats);
  choice.uses = {{request.operation.inputs[0], layout.as(numbers == Numbers::narrow)}};
  choice.overwrites = 0;
  choice.kernel = std::make_unique<ActivationKernel>(
      std::get<graph::ActivationAttributes>(request.operation.attributes), numbers, product(shape));
  return choice;
}

std::optional<Choice> binary_implementation(const Request& request) {
  if (!is_ordinary(request)) return std::nullopt;
  const Shape& shape = request.output().shape;
  const Op op = request.operation.op;
  const Combine combine = op == Op::add   ? Combine::add
                          : op == Op::sub ? Combine::sub
                          : op == Op::mul ? Combine::mul
                                          : Combine::div;
  // x is the operand that has the output's shape (a run-time value if possible), z the other.
  const bool first_fits = request.input(0).shape == shape, second_fits = request.input(1).shape == shape;
  const bool swapped = !first_fits || (second_fits && request.input(0).is_constant());
  const ValueId x = request.operation.inputs[swapped ? 1 : 0], z = request.operation.inputs[swapped ? 0 : 1];
  const Shape &x_shape = request.value(x).shape, &z_shape = request.value(z).shape;
  Choice choice;
  Layout x_layout = Layout::plain(x_shape);
  choice.output = Layout::plain(shape);
  if (x_shape == shape) choice.output = x_layout = workable(request.layout(x), shape);
  Layout z_layout = z_shape == shape ? choice.output : Layout::plain(z_shape);
  if (choice.output.block > 1 && z_layout.block == 1 && stride_of(z_layout, z_shape, shape.size(), 1) > 1) {
    // Lanes of a block would be far apart in it.
    choice.output = x_layout = Layout::channels_last(shape);
  }
  choice.uses = {{x, x_layout}, {z, z_layout}};
  if (x_shape == shape) choice.overwrites = 0;
  choice.kernel =
      std::make_unique<CombineKernel>(combine, loops_of(x_layout, z_layout, choice.output, x_shape, z_shape, shape),
                                      request.operation.post, 0, 0, swapped);
  return choice;
}

std::optional<Choice> batch_norm_implementation(const Request& request) {
  if (!is_ordinary(request) || is_impure(request.operation)) return std::nullopt;
  for (std::size_t i = 1; i < request.input_count(); ++i)
    if (!request.input(i).is_constant()) return std::nullopt;
  const Shape& shape = request.output().shape;
  const auto channels = static_cast<std::size_t>(shape[1]);
  Choice choice;
  choice.output = workable(request.input_layout(0), shape);
  std::vector<Tensor> parameters;
  for (std::size_t i = 1; i < request.input_count(); ++i) parameters.push_back(as_float(request.input(i)));
  Tensor factor = Tensor::uninitialized({shape[1]}), summand = Tensor::uninitialized({shape[1]});
  const double eps = std::get<graph::NormAttributes>(request.operation.attributes).eps;
  for (std::size_t c = 0; c < channels; ++c) {
    const double weight = parameters.size() > 2 ? floats(parameters[2])[c] : 1.0;
    const double bias = parameters.size() > 3 ? floats(parameters[3])[c] : 0.0;
    const double scale = weight / std::sqrt(static_cast<double>(floats(parameters[1])[c]) + eps);
    factor.mutable_data<float>()[c] = static_cast<float>(scale);
    summand.mutable_data<float>()[c] = static_cast<float>(bias - floats(parameters[0])[c] * scale);
  }
  Shape vector(shape.size(), 1);
  vector[1] = shape[1];
  const Layout vector_layout = Layout::plain(vector);
  choice.uses = {{request.operation.inputs[0], choice.output}};
  choice.overwrites = 0;

  class AffineKernel final : public Kernel {
   public:
    AffineKernel(CombineKernel kernel, Tensor factor, Tensor summand)
        : kernel_(std::move(kernel)), factor_(std::move(factor)), summand_(std::move(summand)) {}
    void run(const Run& run) const override {
      const auto bytes = [](const Tensor& t) { return reinterpret_cast<const std::byte*>(floats(t)); };
      const std::byte* inputs[] = {run.inputs[0], bytes(factor_), bytes(summand_)};
      kernel_.run({inputs, run.output, run.scratch, run.state});
    }
    std::string name() const override { return "vector batch norm"; }
    std::uint64_t packed_bytes() const override { return factor_.nbytes() + summand_.nbytes(); }

   private:
    CombineKernel kernel_;
    Tensor factor_, summand_;
  };
  choice.kernel = std::make_unique<AffineKernel>(
      CombineKernel(Combine::affine, loops_of(choice.output, vector_layout, choice.output, shape, vector, shape),
                    request.operation.post, 0, 0, false),
      std::move(factor), std::move(summand));
  return choice;
}

}  // namespace flambeau::plan
