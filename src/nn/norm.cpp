#include <flambeau/nn_norm.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <variant>

#include <flambeau/init.h>

#include "nn/forward.h"

namespace flambeau::nn {
namespace {

/// weight of ones and bias of zeros, None where the layer has none.
void make_affine(Module& module, const Shape& shape, bool with_weight, bool with_bias) {
  Tensor& weight = module.register_parameter("weight", with_weight ? new_parameter(shape) : Tensor());
  if (with_weight) init::ones_(weight);
  Tensor& bias = module.register_parameter("bias", with_bias ? new_parameter(shape) : Tensor());
  if (with_bias) init::zeros_(bias);
}

std::string has_bias(const Module& module) { return "bias=" + python_repr(has_tensor(module, "bias")); }

/// torch's rule for the input; the batch comes first.
void need_dims(Var x, std::int64_t least, std::int64_t most) {
  const auto of = [](std::int64_t dims) { return std::to_string(dims) + "D"; };
  if (x.dim() < least || x.dim() > most)
    throw Error(ErrorCode::invalid_argument, "expected " + of(least) + (least < most ? " or " + of(most) : "") +
                                                 " input (got " + of(x.dim()) + " input " + to_string(x.shape()) + ")");
}

Tensor filled(std::int64_t n, double value) {
  Tensor tensor = Tensor::uninitialized({n});
  init::constant_(tensor, value);
  return tensor;
}

}  // namespace

NormBase::NormBase(std::int64_t features, const BatchNormOptions& o)
    : num_features(features),
      eps(o.eps),
      momentum(o.momentum),
      affine(o.affine),
      track_running_stats(o.track_running_stats) {
  make_affine(*this, {features}, affine, affine && o.bias);
  register_buffer("running_mean", track_running_stats ? filled(features, 0) : Tensor());
  register_buffer("running_var", track_running_stats ? filled(features, 1) : Tensor());
  register_buffer("num_batches_tracked", track_running_stats ? Tensor::zeros({}, DType::int64) : Tensor());
}

void NormBase::upgrade(StateDict& state_dict, const std::string& prefix, std::optional<std::int64_t> version) {
  if (version.value_or(0) >= 2 || !track_running_stats) return;
  const std::string key = prefix + "num_batches_tracked";
  if (state_dict.find(key)) return;
  const Tensor& own = buffer("num_batches_tracked");
  state_dict.set(key, own.defined() && !own.is_meta() ? own : Tensor::zeros({}, DType::int64));
}

void NormBase::fields(Fields& f) {
  f("num_features", num_features);
  f("eps", eps);
  f("momentum", momentum);
  f("affine", affine);
  f("track_running_stats", track_running_stats);
}

std::string NormBase::extra_repr() const {
  return std::to_string(num_features) + ", eps=" + python_repr(eps) + ", momentum=" + python_repr(momentum) +
         ", affine=" + python_repr(affine) + ", " + has_bias(*this) +
         ", track_running_stats=" + python_repr(track_running_stats);
}

Var BatchNormNd::forward(Var x) {
  need_dims(x, dims().first, dims().second);
  const Var mean = constant(x, "running_mean"), variance = constant(x, "running_var");
  const Var weight_var = constant(x, "weight"), bias_var = constant(x, "bias");
  const bool kept = mean || variance;
  if (!training() && kept) return graph::batch_norm(x, mean, variance, weight_var, bias_var, eps);
  if (kept && track_running_stats) {
    // Without a momentum the average over all batches so far, this one included.
    const Tensor& count = buffer("num_batches_tracked");
    const double before = count.defined() ? count.item() + static_cast<double>(calls(x.graph())) : 0;
    const double share = momentum ? double(*momentum) : count.defined() ? 1 / (before + 1) : 0;
    return graph::batch_norm(x, mean, variance, weight_var, bias_var, eps, true, share);
  }
  // The batch's statistics without a place to keep them.
  const std::int64_t channels = x.size(1);
  return graph::batch_norm(x, constant(x, filled(channels, 0)), constant(x, filled(channels, 1)), weight_var, bias_var,
                           eps, true, 0);
}

std::int64_t BatchNormNd::calls(const graph::Graph& graph) const {
  const Tensor& mean = buffer("running_mean");
  return std::ranges::count_if(graph.nodes(), [&](const graph::Node& node) {
    if (node.op != graph::Op::batch_norm || !std::get<graph::NormAttributes>(node.attributes).training) return false;
    const Tensor& updated = graph[node.inputs[1]].constant;
    return updated.storage() == mean.storage() && updated.offset() == mean.offset();
  });
}

void BatchNormNd::ran_in_train_mode(const graph::Graph& graph) {
  Tensor& count = buffer("num_batches_tracked");
  if (training() && track_running_stats && count.defined() && !count.is_meta() && count.dtype() == DType::int64)
    count.mutable_data<std::int64_t>()[0] += calls(graph);
}

void SyncBatchNorm::fields(Fields& f) {
  NormBase::fields(f);
  f("process_group", process_group_);
}

void InstanceNormNd::upgrade(StateDict& state_dict, const std::string& prefix, std::optional<std::int64_t> version) {
  if (!version && !track_running_stats) {
    std::string names;
    for (const char* name : {"running_mean", "running_var"}) {
      const std::string key = prefix + name;
      if (state_dict.find(key)) names += (names.empty() ? "\"" : " and \"") + key + "\"";
      state_dict.erase(key);
    }
    const std::string klass(class_name());
    if (!names.empty())
      throw Error(ErrorCode::mismatch,
                  "Unexpected running stats buffer(s) " + names + " for " + klass +
                      " with track_running_stats=False. If state_dict is a checkpoint saved before 0.4.0, this may be "
                      "expected because " +
                      klass +
                      " does not track running stats by default since 0.4.0. Please remove these keys from state_dict. "
                      "If the running stats are actually needed, instead set track_running_stats=True in " +
                      klass + " to enable them. See the documentation of " + klass + " for details.");
  }
  NormBase::upgrade(state_dict, prefix, version);
}

Var InstanceNormNd::forward(Var x) {
  const auto dims = static_cast<std::int64_t>(dims_);
  need_dims(x, dims + 1, dims + 2);
  if ((training() || !track_running_stats) &&
      std::all_of(x.shape().end() - dims, x.shape().end(), [](std::int64_t size) { return size == 1; }))
    throw Error(ErrorCode::invalid_argument,
                "expected more than 1 spatial element when training, got input size " + to_string(x.shape()));
  return batched(x, dims_, [&](Var batch) {
    const Var weight_var = constant(batch, "weight"), bias_var = constant(batch, "bias");
    if (!track_running_stats) return graph::group_norm(batch, batch.size(1), weight_var, bias_var, eps);
    if (training()) return normalize_each(batch);
    return graph::batch_norm(batch, constant(batch, "running_mean"), constant(batch, "running_var"), weight_var,
                             bias_var, eps);
  });
}

// As F.instance_norm: every channel of every item is a channel of one big item, with statistics of its own, whose means
// over the items are what is kept.
Var InstanceNormNd::normalize_each(Var x) {
  const std::int64_t items = x.size(0), channels = x.size(1);
  const auto repeated = [&](const Tensor& tensor) {
    if (!tensor.defined()) return Tensor();
    Tensor all = Tensor::uninitialized({items, channels});
    for (std::int64_t i = 0; i < items; ++i) all.narrow(0, i, 1).copy_from(tensor.reshape({1, channels}));
    return all.reshape({items * channels});
  };
  const auto var = [&](const Tensor& tensor) { return tensor.defined() ? constant(x, tensor) : Var(); };
  each_mean_ = repeated(buffer("running_mean"));
  each_variance_ = repeated(buffer("running_var"));
  Shape joined = x.shape();
  joined[0] = 1;
  joined[1] = items * channels;
  const Var y = graph::batch_norm(graph::reshape(x, joined), var(each_mean_), var(each_variance_),
                                  var(repeated(parameter("weight"))), var(repeated(parameter("bias"))), eps, true,
                                  momentum ? double(*momentum) : 0);
  return graph::reshape(y, x.shape());
}

void InstanceNormNd::ran_in_train_mode(const graph::Graph& /*graph*/) {
  for (const auto& [name, each] : {std::pair("running_mean", &each_mean_), std::pair("running_var", &each_variance_)}) {
    if (!each->defined()) continue;
    const std::span<const float> values = each->data<float>();
    const std::span<float> kept = buffer(name).mutable_data<float>();
    const std::size_t items = values.size() / kept.size();
    for (std::size_t c = 0; c < kept.size(); ++c) {
      double sum = 0;
      for (std::size_t i = 0; i < items; ++i) sum += values[i * kept.size() + c];
      kept[c] = static_cast<float>(sum / static_cast<double>(items));
    }
    *each = Tensor();
  }
}

LayerNorm::LayerNorm(const Size& shape, const LayerNormOptions& o)
    : normalized_shape(shape.tuple(1)), eps(o.eps), elementwise_affine(o.elementwise_affine) {
  make_affine(*this, normalized_shape.values(), elementwise_affine, elementwise_affine && o.bias);
}

Var LayerNorm::forward(Var x) {
  return graph::layer_norm(x, normalized_shape.values(), constant(x, "weight"), constant(x, "bias"), eps);
}

void LayerNorm::fields(Fields& f) {
  f("normalized_shape", normalized_shape);
  f("eps", eps);
  f("elementwise_affine", elementwise_affine);
}

std::string LayerNorm::extra_repr() const {
  return python_repr(normalized_shape) + ", eps=" + python_repr(eps) +
         ", elementwise_affine=" + python_repr(elementwise_affine) + ", " + has_bias(*this);
}

RMSNorm::RMSNorm(const Size& shape, const RMSNormOptions& o)
    : normalized_shape(shape.tuple(1)), eps(o.eps), elementwise_affine(o.elementwise_affine) {
  Tensor& weight =
      register_parameter("weight", elementwise_affine ? new_parameter(normalized_shape.values()) : Tensor());
  if (elementwise_affine) init::ones_(weight);
}

Var RMSNorm::forward(Var x) {
  const double smallest = std::numeric_limits<float>::epsilon();
  return graph::rms_norm(x, normalized_shape.values(), constant(x, "weight"), eps ? double(*eps) : smallest);
}

void RMSNorm::fields(Fields& f) {
  f("normalized_shape", normalized_shape);
  f("eps", eps);
  f("elementwise_affine", elementwise_affine);
}

std::string RMSNorm::extra_repr() const {
  return python_repr(normalized_shape) + ", eps=" + python_repr(eps) +
         ", elementwise_affine=" + python_repr(elementwise_affine);
}

GroupNorm::GroupNorm(std::int64_t groups, std::int64_t channels, const GroupNormOptions& o)
    : num_groups(groups), num_channels(channels), eps(o.eps), affine(o.affine) {
  if (groups < 1 || channels % groups != 0)
    throw Error(ErrorCode::invalid_argument, "num_channels (" + std::to_string(channels) +
                                                 ") must be divisible by num_groups (" + std::to_string(groups) + ")");
  make_affine(*this, {channels}, affine, affine && o.bias);
}

Var GroupNorm::forward(Var x) {
  return graph::group_norm(x, num_groups, constant(x, "weight"), constant(x, "bias"), eps);
}

void GroupNorm::fields(Fields& f) {
  f("num_groups", num_groups);
  f("num_channels", num_channels);
  f("eps", eps);
  f("affine", affine);
}

std::string GroupNorm::extra_repr() const {
  return std::to_string(num_groups) + ", " + std::to_string(num_channels) + ", eps=" + python_repr(eps) +
         ", affine=" + python_repr(affine) + ", " + has_bias(*this);
}

Var LocalResponseNorm::forward(Var x) { return graph::local_response_norm(x, size, alpha, beta, k); }

// torch/nn/modules/_functions.py: its running sum over near channels never lets go of the first one. The sums of all
// channels are a convolution with a kernel of one pixel.
Var CrossMapLRN2d::forward(Var x) {
  if (x.dim() != 4)
    throw Error(ErrorCode::invalid_argument,
                "CrossMapLRN2d: Expected input to be 4D, got " + std::to_string(x.dim()) + "D instead.");
  const std::int64_t channels = x.size(1), reach = (size - 1) / 2;
  Tensor window = Tensor::zeros({channels, channels, 1, 1});
  const std::span<float> sees = window.mutable_data<float>();
  for (std::int64_t to = 0; to < channels; ++to)
    for (std::int64_t from = 0; from < channels; ++from)
      if (from == 0 || std::abs(from - to) <= reach) sees[static_cast<std::size_t>(to * channels + from)] = 1;
  const Var squares = graph::conv(x * x, x.graph().constant(window), {}, {1, 1}, {0, 0}, {1, 1});
  const Var scale = graph::add(graph::mul(squares, alpha / static_cast<double>(size)), k);
  return x * graph::activation(scale, graph::Activation::pow, -beta.value);
}

void LocalResponseNorm::fields(Fields& f) {
  f("size", size);
  f("alpha", alpha);
  f("beta", beta);
  f("k", k);
}

std::string LocalResponseNorm::extra_repr() const {
  return std::to_string(size) + ", alpha=" + python_repr(alpha) + ", beta=" + python_repr(beta) +
         ", k=" + python_repr(k);
}

}  // namespace flambeau::nn
