// pad and roll: along each dimension a table says which input index an output index shows.
#include <algorithm>
#include <cstring>

#include "plan/array.h"
#include "plan/kernels/kernels.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

using graph::Op;

/// Input index of each output index along `dim`; -1 for padding.
std::vector<std::int64_t> sources(const Operation& operation, std::size_t dim, std::int64_t in, std::int64_t out) {
  std::vector<std::int64_t> result;
  result.reserve(static_cast<std::size_t>(out));
  for (std::int64_t o = 0; o < out; ++o) {
    std::int64_t i = 0;
    if (operation.op == Op::roll) {
      i = (o - std::get<graph::ShapeAttributes>(operation.attributes).shape[dim] + in) % in;
    } else {
      const auto& a = std::get<graph::DimAttributes>(operation.attributes);
      i = o - a.dims[2 * dim];
      if (a.mode == "reflect") i = i < 0 ? -i : i >= in ? 2 * (in - 1) - i : i;
      if (a.mode == "replicate") i = std::clamp<std::int64_t>(i, 0, in - 1);
      if (a.mode == "circular") i = i < 0 ? i + in : i >= in ? i - in : i;
      if (i < 0 || i >= in) i = -1;
    }
    result.push_back(i);
  }
  return result;
}

class IndexedCopy final : public Kernel {
 public:
  IndexedCopy(const Operation& operation, const Shape& in, const Shape& out) : out_(out) {
    const Shape strides = contiguous_strides(in);
    if (const auto* a = std::get_if<graph::DimAttributes>(&operation.attributes)) fill_ = static_cast<float>(a->value);
    for (std::size_t dim = 0; dim < out.size(); ++dim) {
      offsets_.push_back(sources(operation, dim, in[dim], out[dim]));
      for (std::int64_t& offset : offsets_.back())
        if (offset > 0) offset *= strides[dim];
    }
    // The innermost table as runs.
    const std::vector<std::int64_t> inner = std::move(offsets_.back());
    offsets_.pop_back();
    for (std::int64_t o = 0; o < out.back(); ++o) {
      const std::int64_t from = inner[static_cast<std::size_t>(o)];
      const bool grows =
          !runs_.empty() && (from < 0 ? runs_.back().from < 0
                                      : runs_.back().from >= 0 && runs_.back().from + runs_.back().length == from);
      if (grows) {
        ++runs_.back().length;
      } else {
        runs_.push_back({o, from, 1});
      }
    }
  }

  void run(const Run& run) const override {
    const auto* x = reinterpret_cast<const float*>(run.inputs[0]);
    auto* y = reinterpret_cast<float*>(run.output);
    const std::int64_t width = out_.back(), rows = product(out_) / width;
    parallel_for(rows, std::max<std::int64_t>(16384 / width, 1), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        std::int64_t start = 0, index = row;
        bool outside = false;
        for (std::size_t k = offsets_.size(); k-- > 0; index /= out_[k]) {
          const std::int64_t offset = offsets_[k][static_cast<std::size_t>(index % out_[k])];
          outside = outside || offset < 0;
          start += offset;
        }
        float* to = y + row * width;
        for (const Piece& part : runs_) {
          if (outside || part.from < 0) {
            std::fill_n(to + part.to, part.length, fill_);
          } else {
            std::memcpy(to + part.to, x + start + part.from, static_cast<std::size_t>(part.length) * sizeof(float));
          }
        }
      }
    });
  }

  std::string name() const override { return "indexed copy"; }

 private:
  struct Piece {
    std::int64_t to, from, length;
  };
  Shape out_;
  std::vector<std::vector<std::int64_t>> offsets_{};
  std::vector<Piece> runs_{};
  float fill_ = 0;
};

}  // namespace

std::optional<Choice> indexed_copy_implementation(const Request& request) {
  const Shape &in = request.input(0).shape, &out = request.output().shape;
  if (request.output().dtype != DType::float32 || product(in) == 0 || product(out) == 0 || out.empty())
    return std::nullopt;
  Choice choice;
  choice.uses = {{request.operation.inputs[0], Layout::plain(in)}};
  choice.output = Layout::plain(out);
  choice.kernel = std::make_unique<IndexedCopy>(request.operation, in, out);
  return choice;
}

}  // namespace flambeau::plan
