#pragma once
// What the families share: torchvision.ops.misc and StochasticDepth, and small helpers for building and initialising.

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <flambeau/init.h>
#include <flambeau/layers.h>
#include <flambeau/models.h>

#include "models/python.h"

namespace flambeau::models {

using nn::ModulePtr;
using nn::Var;

template <class M, class... Args>
std::shared_ptr<M> layer(Args&&... args) {
  return std::make_shared<M>(std::forward<Args>(args)...);
}

/// Makes the layer after a convolution: a norm for so many channels, an activation.
using NormLayer = std::function<ModulePtr(std::int64_t channels)>;
using ActivationLayer = std::function<ModulePtr()>;

NormLayer batch_norm(nn::BatchNormOptions options = {});
ModulePtr relu();  // inplace=True, as most families write it

/// torchvision's _make_divisible.
std::int64_t make_divisible(double value, std::int64_t divisor = 8);

struct ConvNormActivationOptions {
  nn::Size kernel_size = 3;
  nn::Size stride = 1;
  std::optional<nn::Padding> padding{};  // (k - 1) / 2 without
  std::int64_t groups = 1;
  NormLayer norm = batch_norm();
  ActivationLayer activation = relu;
  std::optional<bool> bias{};  // without: true only where there is no norm
};

/// torchvision.ops.misc.Conv2dNormActivation and the classes that derive from it.
class ConvNormActivation : public nn::Sequential {
 public:
  ConvNormActivation(std::int64_t in, std::int64_t out, const ConvNormActivationOptions& options);
  explicit ConvNormActivation(nn::Blank) {}
  void fields(nn::Fields& fields) override;

 private:
  std::int64_t out_channels_ = 0;
};
/// torchvision 0.11 and 0.12 had no Conv2d in the name.
using PlainConvNormActivation = Python<"torchvision.ops.misc", "ConvNormActivation", ConvNormActivation>;
using Conv2dNormActivation = Python<"torchvision.ops.misc", "Conv2dNormActivation", ConvNormActivation>;

/// Conv2d without bias, BatchNorm2d(eps=0.001), ReLU: the BasicConv2d of GoogLeNet and of Inception3.
class ConvBatchNormRelu : public nn::Module {
 public:
  ConvBatchNormRelu(std::int64_t in, std::int64_t out, const nn::Size& kernel_size, nn::ConvOptions options = {});
  explicit ConvBatchNormRelu(nn::Blank) {}
  Var forward(Var x) override { return graph::relu(call("bn", call("conv", x))); }
};

/// ImageNet's normalisation changed to (x - 0.5) / 0.5: what GoogLeNet and Inception3 do with transform_input.
Var from_imagenet_to_half(Var x);

/// Squeeze-and-excitation: x · scale(fc2(activation(fc1(pool(x))))).
class SqueezeExcitation final : public Python<"torchvision.ops.misc", "SqueezeExcitation"> {
 public:
  SqueezeExcitation(std::int64_t channels, std::int64_t squeeze_channels, const ActivationLayer& activation,
                    const ActivationLayer& scale_activation);
  explicit SqueezeExcitation(nn::Blank) {}
  Var forward(Var x) override;
  void fields(nn::Fields& fields) override;
};

/// Linear, activation, Dropout, Linear, Dropout.
class MLPLayers : public nn::Sequential {
 public:
  MLPLayers(std::int64_t in, std::int64_t hidden, const ActivationLayer& activation, double dropout);
  explicit MLPLayers(nn::Blank) {}
};
using MLP = Python<"torchvision.ops.misc", "MLP", MLPLayers>;

class Permute final : public Python<"torchvision.ops.misc", "Permute"> {
 public:
  explicit Permute(Shape dims) : dims_(std::move(dims)) {}
  explicit Permute(nn::Blank) {}
  Var forward(Var x) override { return graph::permute(x, dims_); }
  void fields(nn::Fields& fields) override { fields("dims", dims_); }

 private:
  Shape dims_{};
};

/// BatchNorm2d in eval mode for good: all four are buffers.
class FrozenBatchNorm2d final : public Python<"torchvision.ops.misc", "FrozenBatchNorm2d"> {
 public:
  explicit FrozenBatchNorm2d(nn::Blank) {}
  Var forward(Var x) override;
  void fields(nn::Fields& fields) override { fields("eps", eps_); }
  void upgrade(StateDict& state_dict, const std::string& prefix, std::optional<std::int64_t> version) override;
  std::string extra_repr() const override;

 private:
  nn::Number eps_ = 1e-5;
};

class StochasticDepth final : public Python<"torchvision.ops.stochastic_depth", "StochasticDepth"> {
 public:
  StochasticDepth(double p, std::string mode) : p_(p), mode_(std::move(mode)) {}
  explicit StochasticDepth(nn::Blank) {}
  Var forward(Var x) override;
  void fields(nn::Fields& fields) override;
  std::string repr() const override;

 private:
  nn::Number p_ = 0.0;
  std::string mode_ = "row";
};

/// Visits every module of class M below `root` in modules() order, itself included.
template <class M, class Visit>
void each(nn::Module& root, Visit visit) {
  for (auto& [path, module] : root.named_modules())
    if (auto* found = dynamic_cast<M*>(module)) visit(*found);
}

/// Whether the module has a child of that name, None included.
inline bool has_entry(const nn::Module& module, std::string_view name) {
  return std::ranges::any_of(module.children(), [&](const auto& child) { return child.name == name; });
}

/// For models of an older torchvision, which used functions where there are modules today: adds the child `name`, if it
/// is not there, before the child `next`.
void add_missing(nn::Module& module, std::string name, std::string_view next, const ModulePtr& child);

/// Zeros the bias if there is one.
template <class M>
void zero_bias(M& module) {
  if (module.bias().defined()) nn::init::zeros_(module.bias());
}

/// (2h-1)·(2w-1)-table indices of every pair of tokens in an h × w window: int64 (h·w, h·w).
Tensor relative_position_index(std::int64_t height, std::int64_t width);
/// The bias table (entries, heads) looked up: (1, heads, tokens, tokens).
Var relative_position_bias(Var table, Var index, std::int64_t tokens);

}  // namespace flambeau::models
