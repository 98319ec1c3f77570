#include <flambeau/nn_misc.h>

#include <algorithm>
#include <cmath>

#include "nn/forward.h"

namespace flambeau::nn {
namespace {

void need_dims(const Module& module, Var x, std::int64_t least) {
  if (x.dim() < least)
    throw Error(ErrorCode::invalid_argument, std::string(module.class_name()) + " expects an input of at least " +
                                                 std::to_string(least) + " dimensions, got " + std::to_string(x.dim()));
}

void need_multiple(const Module& module, std::int64_t size, std::int64_t of) {
  if (of < 1 || size % of != 0)
    throw Error(ErrorCode::invalid_argument, std::string(module.class_name()) +
                                                 " expects a size that is a multiple of " + std::to_string(of) +
                                                 ", got " + std::to_string(size));
}

/// For height and width; no image needs more, and sums of them do not overflow.
Shape of_image(const Module& module, const Size& size) {
  Shape both = size.expand(2);
  for (const std::int64_t each : both)
    if (each < 0 || each > (1 << 20)) unsupported(module, "a size of " + std::to_string(each));
  return both;
}

/// (…, C, H, W) as (N, C, H, W), and what stands before C.
Shape leading(Var x) { return Shape(x.shape().begin(), x.shape().end() - 3); }

Shape with(Shape front, const Shape& back) {
  front.insert(front.end(), back.begin(), back.end());
  return front;
}

}  // namespace

Upsample::Upsample(const UpsampleOptions& o)
    : size(o.size), scale_factor(o.scale_factor), mode(o.mode), align_corners(o.align_corners) {}

Var Upsample::forward(Var x) {
  need_dims(*this, x, 3);
  const std::size_t spatial = static_cast<std::size_t>(x.dim()) - 2;
  Shape out;
  double scale = 0;  // where it is not the ratio of the sizes
  if (size) {
    out = size->expand(spatial);
  } else {
    if (!scale_factor || (scale_factor->is_tuple && scale_factor->values.size() != spatial))
      throw Error(ErrorCode::invalid_argument,
                  "either size or scale_factor should be defined, one value per dimension");
    const std::vector<double>& factors = scale_factor->values;
    for (std::size_t i = 0; i < spatial; ++i) {
      const double factor = factors[scale_factor->is_tuple ? i : 0];
      const double exact = static_cast<double>(x.shape()[i + 2]) * factor;
      if (!(exact >= 1) || exact > 1e9)
        unsupported(*this, "scale_factor " + python_repr(*scale_factor) + " gives no size for " +
                               std::to_string(x.shape()[i + 2]));
      out.push_back(static_cast<std::int64_t>(exact));
      if (exact != std::floor(exact) && !recompute_scale_factor.value_or(false)) scale = factor;
    }
    if (scale != 0 && std::ranges::any_of(factors, [&](double factor) { return factor != scale; }))
      unsupported(*this, "scale_factor " + python_repr(*scale_factor) + " gives no whole sizes");
  }
  if (mode == "area") return graph::adaptive_avg_pool(x, out);
  return graph::interpolate(x, out, mode, align_corners.value_or(false), scale);
}

void Upsample::fields(Fields& f) {
  f.derived("name", std::string(class_name()));
  f("size", size);
  f("scale_factor", scale_factor);
  f("mode", mode);
  f("align_corners", align_corners);
  if (!f.writing() && !f.find("recompute_scale_factor")) recompute_scale_factor = true;  // as Python's __setstate__
  f("recompute_scale_factor", recompute_scale_factor);
}

std::string Upsample::extra_repr() const {
  return (scale_factor ? "scale_factor=" + python_repr(*scale_factor) : "size=" + python_repr(size)) +
         ", mode=" + python_repr(mode);
}

Var PixelShuffle::forward(Var x) {
  need_dims(*this, x, 3);
  const std::int64_t r = upscale_factor, c = x.size(-3), h = x.size(-2), w = x.size(-1);
  need_multiple(*this, c, r * r);
  const Var split = graph::reshape(x, {-1, c / (r * r), r, r, h, w});
  return graph::reshape(graph::permute(split, {0, 1, 4, 2, 5, 3}), with(leading(x), {c / (r * r), h * r, w * r}));
}
void PixelShuffle::fields(Fields& f) { f("upscale_factor", upscale_factor); }
std::string PixelShuffle::extra_repr() const { return "upscale_factor=" + std::to_string(upscale_factor); }

Var PixelUnshuffle::forward(Var x) {
  need_dims(*this, x, 3);
  const std::int64_t r = downscale_factor, c = x.size(-3), h = x.size(-2), w = x.size(-1);
  need_multiple(*this, h, r);
  need_multiple(*this, w, r);
  const Var split = graph::reshape(x, {-1, c, h / r, r, w / r, r});
  return graph::reshape(graph::permute(split, {0, 1, 3, 5, 2, 4}), with(leading(x), {c * r * r, h / r, w / r}));
}
void PixelUnshuffle::fields(Fields& f) { f("downscale_factor", downscale_factor); }
std::string PixelUnshuffle::extra_repr() const { return "downscale_factor=" + std::to_string(downscale_factor); }

Var ChannelShuffle::forward(Var x) {
  need_dims(*this, x, 3);
  const std::int64_t n = x.size(0), c = x.size(1);
  need_multiple(*this, c, groups);
  const Var split = graph::reshape(x, {n, groups, c / groups, -1});
  return graph::reshape(graph::transpose(split, 1, 2), x.shape());
}
void ChannelShuffle::fields(Fields& f) { f("groups", groups); }
std::string ChannelShuffle::extra_repr() const { return "groups=" + std::to_string(groups); }

// A window's elements as channels are a convolution with kernels of a single one; the sum of overlapping windows is the
// transposed one.
Var Unfold::windows(Var x, std::int64_t channels) const {
  const Shape kernel = of_image(*this, kernel_size);
  const std::int64_t area = kernel[0] * kernel[1];
  if (area > 4096) unsupported(*this, "kernel_size " + python_repr(kernel_size));
  Tensor ones = Tensor::zeros({channels * area, 1, kernel[0], kernel[1]});
  const std::span<float> values = ones.mutable_data<float>();
  for (std::int64_t i = 0; i < channels * area; ++i) values[static_cast<std::size_t>(i * area + i % area)] = 1;
  return constant(x, ones);
}

Var Unfold::forward(Var x) {
  return batched(x, 2, [&](Var batch) {
    const Var y = graph::conv(batch, windows(batch, batch.size(1)), {}, of_image(*this, stride),
                              of_image(*this, padding), of_image(*this, dilation), batch.size(1));
    return graph::flatten(y, 2);
  });
}

Var Fold::forward(Var x) {
  return batched(x, 1, [&](Var batch) {
    const Shape out = of_image(*this, output_size), kernel = of_image(*this, kernel_size),
                step = of_image(*this, stride), around = of_image(*this, padding), apart = of_image(*this, dilation);
    const std::int64_t area = kernel[0] * kernel[1];
    need_multiple(*this, batch.size(1), area);
    Shape count = {batch.size(0), batch.size(1)}, rest;
    for (std::size_t i = 0; i < 2; ++i) {
      const std::int64_t room = out[i] + 2 * around[i] - apart[i] * (kernel[i] - 1) - 1;
      if (step[i] < 1 || room < 0)
        throw Error(ErrorCode::invalid_argument, "Fold: kernel_size " + python_repr(kernel_size) +
                                                     " does not fit into output_size " + python_repr(output_size));
      count.push_back(room / step[i] + 1);
      rest.push_back(room % step[i]);
    }
    const std::int64_t channels = batch.size(1) / area;
    return graph::conv_transpose(graph::reshape(batch, count), windows(batch, channels), {}, step, around, rest, apart,
                                 channels);
  });
}

void Unfold::fields(Fields& f) {
  f("kernel_size", kernel_size);
  f("dilation", dilation);
  f("padding", padding);
  f("stride", stride);
}
std::string Unfold::extra_repr() const {
  return "kernel_size=" + python_repr(kernel_size) + ", dilation=" + python_repr(dilation) +
         ", padding=" + python_repr(padding) + ", stride=" + python_repr(stride);
}
void Fold::fields(Fields& f) {
  f("output_size", output_size);
  Unfold::fields(f);
}
std::string Fold::extra_repr() const { return "output_size=" + python_repr(output_size) + ", " + Unfold::extra_repr(); }

void DataParallel::fields(Fields& f) {
  f("dim", dim_, has_dim_);
  f("device_ids", device_ids_);
}

AveragedModel::AveragedModel(ModulePtr module) {
  register_module("module", std::move(module));
  register_buffer("n_averaged", Tensor::zeros({}, DType::int64));
}

void AveragedModel::fields(Fields& f) {
  f("avg_fn", avg_fn);
  f("multi_avg_fn", multi_avg_fn);
  f("use_buffers", use_buffers);
}

AdaptiveLogSoftmaxWithLoss::AdaptiveLogSoftmaxWithLoss(std::int64_t in, std::int64_t n,
                                                       std::vector<std::int64_t> limits,
                                                       const AdaptiveLogSoftmaxOptions& o)
    : in_features(in), n_classes(n), cutoffs(std::move(limits)), div_value(o.div_value), head_bias(o.head_bias) {
  if (cutoffs.empty() || cutoffs.front() <= 0 || cutoffs.back() > n - 1 ||
      std::adjacent_find(cutoffs.begin(), cutoffs.end(), std::greater_equal<>()) != cutoffs.end())
    throw Error(ErrorCode::invalid_argument,
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each "
                "value is between 1 and n_classes-1");
  cutoffs.push_back(n);
  shortlist_size = cutoffs.front();
  n_clusters = static_cast<std::int64_t>(cutoffs.size()) - 1;
  head_size = shortlist_size + n_clusters;
  register_module("head", std::make_shared<Linear>(in, head_size, LinearOptions{.bias = head_bias}));
  const auto tail = std::make_shared<ModuleList>();
  register_module("tail", tail);
  for (std::size_t i = 0; i + 1 < cutoffs.size(); ++i) {
    const double divided = static_cast<double>(in) / std::pow(div_value.value, static_cast<double>(i + 1));
    const std::int64_t hidden = static_cast<std::int64_t>(std::floor(divided));
    tail->append(std::make_shared<Sequential>(
        Modules{std::make_shared<Linear>(in, hidden, LinearOptions{.bias = false}),
                std::make_shared<Linear>(hidden, cutoffs[i + 1] - cutoffs[i], LinearOptions{.bias = false})}));
  }
}

LinearCrossEntropyLoss::LinearCrossEntropyLoss(std::int64_t in, std::int64_t classes,
                                               const LinearCrossEntropyLossOptions& o)
    : WeightedLoss(o.weight, o.reduction),
      num_classes(classes),
      out_features(o.out_features),
      ignore_index(o.ignore_index),
      label_smoothing(o.label_smoothing) {
  std::int64_t rows = classes;
  for (const std::int64_t size : o.out_features) rows *= size;
  register_module("linear", std::make_shared<Linear>(in, rows, LinearOptions{.bias = o.bias}));
}

void LinearCrossEntropyLoss::fields(Fields& f) {
  Loss::fields(f);
  f("num_classes", num_classes);
  f("out_features", out_features);
  f("ignore_index", ignore_index);
  f("label_smoothing", label_smoothing);
  f("options", options);
}

std::string LinearCrossEntropyLoss::extra_repr() const {
  const auto linear = std::dynamic_pointer_cast<Linear>(child("linear"));
  if (!linear) return {};
  return "in_features=" + python_repr(linear->in_features) + ", num_classes=" + python_repr(num_classes) +
         ", out_features=" + python_repr(out_features) + ", bias=" + python_repr(linear->bias().defined()) +
         ", reduction=" + reduction + ", ignore_index=" + python_repr(ignore_index) +
         ", label_smoothing=" + python_repr(label_smoothing) +
         ", options=" + (options.is_none() ? "None" : options.type_name());
}

Var AdaptiveLogSoftmaxWithLoss::forward(Var) { unsupported(*this, "it takes two inputs"); }

void AdaptiveLogSoftmaxWithLoss::fields(Fields& f) {
  f("in_features", in_features);
  f("n_classes", n_classes);
  f("cutoffs", cutoffs);
  f("div_value", div_value);
  f("head_bias", head_bias);
  f("shortlist_size", shortlist_size);
  f("n_clusters", n_clusters);
  f("head_size", head_size);
}

Var UnknownModule::forward(Var) {
  unsupported(*this, reason_.empty() ? "class " + python_module_ + "." + class_name_ +
                                           " is not known here, and a file does not hold the code of its classes"
                                     : reason_);
}

}  // namespace flambeau::nn
