// MaxViT (arXiv 2204.01697).
#include <array>
#include <cmath>

#include <flambeau/error.h>

#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

constexpr std::int64_t partition_size = 7, head_dim = 32;

NormLayer norm() { return batch_norm({.eps = 1e-3, .momentum = 0.01}); }
ModulePtr gelu() { return layer<nn::GELU>(); }

class MBConv final : public Python<"torchvision.models.maxvit", "MBConv"> {
 public:
  explicit MBConv(nn::Blank) {}
  MBConv(std::int64_t in, std::int64_t out, std::int64_t stride, double drop) {
    const auto mid = 4 * out;
    if (stride != 1 || in != out) {
      // Python makes the convolution before the pool.
      auto projection = layer<nn::Conv2d>(in, out, 1, nn::ConvOptions{.stride = 1});
      nn::Modules proj{projection};
      if (stride == 2) proj = {layer<nn::AvgPool2d>(3, nn::AvgPoolOptions{.stride = stride, .padding = 1}), projection};
      register_module("proj", layer<nn::Sequential>(proj));
    } else {
      register_module("proj", layer<nn::Identity>());
    }
    register_module("stochastic_depth",
                    drop != 0 ? ModulePtr(layer<StochasticDepth>(drop, "row")) : layer<nn::Identity>());
    auto layers = layer<nn::Sequential>();
    layers->add_module("pre_norm", norm()(in));
    layers->add_module("conv_a",
                       layer<Conv2dNormActivation>(
                           in, mid,
                           ConvNormActivationOptions{
                               .kernel_size = 1, .stride = 1, .padding = 0, .norm = norm(), .activation = gelu}));
    layers->add_module(
        "conv_b",
        layer<Conv2dNormActivation>(
            mid, mid,
            ConvNormActivationOptions{
                .kernel_size = 3, .stride = stride, .padding = 1, .groups = mid, .norm = norm(), .activation = gelu}));
    layers->add_module("squeeze_excitation",
                       layer<SqueezeExcitation>(
                           mid, out / 4, [] { return layer<nn::SiLU>(); }, [] { return layer<nn::Sigmoid>(); }));
    layers->add_module("conv_c", layer<nn::Conv2d>(mid, out, 1));
    register_module("layers", layers);
  }

  Var forward(Var x) override { return call("proj", x) + call("stochastic_depth", call("layers", x)); }
};

class RelativePositionalMultiHeadAttention final
    : public Python<"torchvision.models.maxvit", "RelativePositionalMultiHeadAttention"> {
 public:
  explicit RelativePositionalMultiHeadAttention(nn::Blank) {}
  RelativePositionalMultiHeadAttention(std::int64_t features, std::int64_t tokens)
      : n_heads_(features / head_dim),
        size_(static_cast<std::int64_t>(std::sqrt(static_cast<double>(tokens)))),
        max_seq_len_(tokens),
        scale_factor_(std::pow(static_cast<double>(features), -0.5)) {
    register_module("to_qkv", layer<nn::Linear>(features, n_heads_ * head_dim_ * 3));
    register_module("merge", layer<nn::Linear>(head_dim_ * n_heads_, features));
    const auto entries = (2 * size_ - 1) * (2 * size_ - 1);
    auto& table = register_parameter("relative_position_bias_table", nn::new_parameter({entries, n_heads_}));
    register_buffer("relative_position_index", relative_position_index(size_, size_));
    nn::init::trunc_normal_(table, 0, 0.02);
  }

  /// (N, groups, tokens, features). The scale is of the features, not of a head: torchvision's, kept.
  Var forward(Var x) override {
    const auto n = x.size(0), groups = x.size(1), tokens = x.size(2), features = x.size(3);
    Var qkv = graph::reshape(call("to_qkv", x), {n * groups, tokens, 3, n_heads_, head_dim_});
    qkv = graph::permute(qkv, {2, 0, 3, 1, 4});
    const auto part = [&](std::int64_t i) {
      return graph::reshape(graph::narrow(qkv, 0, i, 1), {n * groups, n_heads_, tokens, head_dim_});
    };
    const Var bias = relative_position_bias(constant(x, "relative_position_bias_table"),
                                            constant(x, "relative_position_index"), tokens);
    Var y = graph::attention(part(0), part(1), part(2), bias, scale_factor_);
    y = graph::reshape(graph::permute(y, {0, 2, 1, 3}), {n, groups, tokens, features});
    return call("merge", y);
  }

  void fields(nn::Fields& fields) override {
    fields("n_heads", n_heads_);
    fields("head_dim", head_dim_);
    fields("size", size_);
    fields("max_seq_len", max_seq_len_);
    fields("scale_factor", scale_factor_);
  }

 private:
  std::int64_t n_heads_ = 1, head_dim_ = head_dim, size_ = partition_size, max_seq_len_ = 49;
  nn::Number scale_factor_ = 1.0;
};

class SwapAxes final : public Python<"torchvision.models.maxvit", "SwapAxes"> {
 public:
  explicit SwapAxes(nn::Blank) {}
  SwapAxes(std::int64_t a, std::int64_t b) : a_(a), b_(b) {}
  Var forward(Var x) override { return graph::transpose(x, a_, b_); }
  void fields(nn::Fields& fields) override {
    fields("a", a_);
    fields("b", b_);
  }

 private:
  std::int64_t a_ = 0, b_ = 1;
};

/// (N, C, H, W) to (N, windows, p * p, C).
class WindowPartition final : public Python<"torchvision.models.maxvit", "WindowPartition"> {
 public:
  WindowPartition() = default;
  explicit WindowPartition(nn::Blank) {}
  Var forward(Var x) override { return forward(x, partition_size); }
  Var forward(Var x, std::int64_t p) {
    const auto n = x.size(0), c = x.size(1), rows = x.size(2) / p, columns = x.size(3) / p;
    x = graph::permute(graph::reshape(x, {n, c, rows, p, columns, p}), {0, 2, 4, 3, 5, 1});
    return graph::reshape(x, {n, rows * columns, p * p, c});
  }
};

/// The way back.
class WindowDepartition final : public Python<"torchvision.models.maxvit", "WindowDepartition"> {
 public:
  WindowDepartition() = default;
  explicit WindowDepartition(nn::Blank) {}
  Var forward(Var x) override {
    const auto side = static_cast<std::int64_t>(std::sqrt(static_cast<double>(x.size(1))));
    return forward(x, partition_size, side, side);
  }
  Var forward(Var x, std::int64_t p, std::int64_t rows, std::int64_t columns) {
    const auto n = x.size(0), c = x.size(3);
    x = graph::permute(graph::reshape(x, {n, rows, columns, p, p, c}), {0, 5, 1, 3, 2, 4});
    return graph::reshape(x, {n, c, rows * p, columns * p});
  }
};

class PartitionAttentionLayer final : public Python<"torchvision.models.maxvit", "PartitionAttentionLayer"> {
 public:
  explicit PartitionAttentionLayer(nn::Blank) {}
  PartitionAttentionLayer(std::int64_t channels, std::string type, const nn::Size& grid, double drop)
      : n_heads_(channels / head_dim),
        n_partitions_(grid[0] / partition_size),
        partition_type_(std::move(type)),
        grid_size_(grid) {
    const bool window = partition_type_ == "window";
    p_ = window ? partition_size : n_partitions_;
    g_ = window ? n_partitions_ : partition_size;
    const auto swap = [&] { return window ? ModulePtr(layer<nn::Identity>()) : layer<SwapAxes>(-2, -3); };
    register_module("partition_op", layer<WindowPartition>());
    register_module("departition_op", layer<WindowDepartition>());
    register_module("partition_swap", swap());
    register_module("departition_swap", swap());
    register_module("attn_layer", layer<nn::Sequential>(nn::Modules{layer<nn::LayerNorm>(channels),
                                                                    layer<RelativePositionalMultiHeadAttention>(
                                                                        channels, partition_size * partition_size),
                                                                    layer<nn::Dropout>(0.0)}));
    register_module("mlp_layer", layer<nn::Sequential>(nn::Modules{
                                     layer<nn::LayerNorm>(channels), layer<nn::Linear>(channels, 4 * channels), gelu(),
                                     layer<nn::Linear>(4 * channels, channels), layer<nn::Dropout>(0.0)}));
    register_module("stochastic_dropout", layer<StochasticDepth>(drop, "row"));
  }

  Var forward(Var x) override {
    if (grid_size_[0] % p_ != 0 || grid_size_[1] % p_ != 0)
      throw Error(ErrorCode::invalid_argument, "grid size must be divisible by partition size: grid " +
                                                   nn::python_repr(grid_size_) + ", partition " + std::to_string(p_));
    x = dynamic_cast<WindowPartition&>(*child("partition_op")).forward(x, p_);
    x = call("partition_swap", x);
    x = x + call("stochastic_dropout", call("attn_layer", x));
    x = x + call("stochastic_dropout", call("mlp_layer", x));
    x = call("departition_swap", x);
    return dynamic_cast<WindowDepartition&>(*child("departition_op"))
        .forward(x, p_, grid_size_[0] / p_, grid_size_[1] / p_);
  }

  void fields(nn::Fields& fields) override {
    fields("n_heads", n_heads_);
    fields("head_dim", head_dim_);
    fields("n_partitions", n_partitions_);
    fields("partition_type", partition_type_);
    fields("grid_size", grid_size_);
    fields("p", p_);
    fields("g", g_);
  }

 private:
  std::int64_t n_heads_ = 1, head_dim_ = head_dim, n_partitions_ = 1;
  std::string partition_type_ = "window";
  nn::Size grid_size_ = {1, 1};
  std::int64_t p_ = 1, g_ = 1;
};

class MaxVitLayer final : public Python<"torchvision.models.maxvit", "MaxVitLayer"> {
 public:
  explicit MaxVitLayer(nn::Blank) {}
  MaxVitLayer(std::int64_t in, std::int64_t out, std::int64_t stride, const nn::Size& grid, double drop) {
    auto layers = layer<nn::Sequential>();
    layers->add_module("MBconv", layer<MBConv>(in, out, stride, drop));
    layers->add_module("window_attention", layer<PartitionAttentionLayer>(out, "window", grid, drop));
    layers->add_module("grid_attention", layer<PartitionAttentionLayer>(out, "grid", grid, drop));
    register_module("layers", layers);
  }
  Var forward(Var x) override { return call("layers", x); }
};

class MaxVitBlock final : public Python<"torchvision.models.maxvit", "MaxVitBlock"> {
 public:
  explicit MaxVitBlock(nn::Blank) {}
  MaxVitBlock(std::int64_t in, std::int64_t out, std::int64_t grid, std::span<const double> drops)
      : grid_size_{grid, grid} {
    auto layers = layer<nn::ModuleList>();
    register_module("layers", layers);
    for (std::size_t i = 0; i < drops.size(); ++i)
      layers->append(layer<MaxVitLayer>(i == 0 ? in : out, out, i == 0 ? 2 : 1, grid_size_, drops[i]));
  }
  Var forward(Var x) override {
    for (const auto& entry : child("layers")->children()) x = (*entry.module)(x);
    return x;
  }
  void fields(nn::Fields& fields) override { fields("grid_size", grid_size_); }

 private:
  nn::Size grid_size_ = {1, 1};
};

std::int64_t halved(std::int64_t size) { return (size - 3 + 2) / 2 + 1; }

class MaxVit final : public Python<"torchvision.models.maxvit", "MaxVit"> {
 public:
  explicit MaxVit(nn::Blank) {}
  explicit MaxVit(const Options& o) {
    constexpr std::array<std::int64_t, 4> channels{64, 128, 256, 512};
    constexpr std::array<std::size_t, 4> depths{2, 2, 5, 2};
    constexpr std::size_t total = 11;
    constexpr std::int64_t stem_channels = 64;
    std::int64_t size = halved(o.image_size.value_or(224));
    for (std::int64_t i = 0, grid = halved(size); i < 4; ++i, grid = halved(grid))
      if (grid % partition_size != 0)
        throw Error(ErrorCode::invalid_argument, "input size " + std::to_string(grid) + " of block " +
                                                     std::to_string(i) + " is not divisible by partition size " +
                                                     std::to_string(partition_size));
    register_module("stem",
                    layer<nn::Sequential>(nn::Modules{
                        layer<Conv2dNormActivation>(
                            3, stem_channels,
                            ConvNormActivationOptions{.stride = 2, .norm = norm(), .activation = gelu, .bias = false}),
                        layer<Conv2dNormActivation>(
                            stem_channels, stem_channels,
                            ConvNormActivationOptions{.norm = nullptr, .activation = nullptr, .bias = true})}));
    std::array<double, total> drops{};  // numpy.linspace(0, 0.2, 11)
    for (std::size_t i = 0; i < total; ++i) drops[i] = static_cast<double>(i) * (0.2 / (total - 1));
    drops.back() = 0.2;
    auto blocks = layer<nn::ModuleList>();
    register_module("blocks", blocks);
    std::int64_t in = stem_channels;
    std::size_t first = 0;
    for (std::size_t i = 0; i < channels.size(); ++i) {
      size = halved(size);
      blocks->append(layer<MaxVitBlock>(in, channels[i], size, std::span(drops).subspan(first, depths[i])));
      in = channels[i];
      first += depths[i];
    }
    register_module("classifier", layer<nn::Sequential>(nn::Modules{
                                      layer<nn::AdaptiveAvgPool2d>(1), layer<nn::Flatten>(), layer<nn::LayerNorm>(in),
                                      layer<nn::Linear>(in, in), layer<nn::Tanh>(),
                                      layer<nn::Linear>(in, o.num_classes, nn::LinearOptions{.bias = false})}));
    each<nn::Module>(*this, [](nn::Module& m) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(&m)) {
        nn::init::normal_(conv->weight(), 0, 0.02);
        zero_bias(*conv);
      } else if (auto* linear = dynamic_cast<nn::Linear*>(&m)) {
        nn::init::normal_(linear->weight(), 0, 0.02);
        zero_bias(*linear);
      }
    });
  }

  Var forward(Var x) override {
    x = call("stem", x);
    for (const auto& entry : child("blocks")->children()) x = (*entry.module)(x);
    return call("classifier", x);
  }
  void fields(nn::Fields& fields) override { fields("partition_size", partition_size_); }

 private:
  std::int64_t partition_size_ = partition_size;
};

}  // namespace

ModulePtr make_maxvit_t(const Options& o) { return layer<MaxVit>(o); }

std::span<const nn::ClassRow> maxvit_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<MaxVit>(),
                                          class_row<MaxVitBlock>(),
                                          class_row<MaxVitLayer>(),
                                          class_row<MBConv>(),
                                          class_row<WindowPartition>(),
                                          class_row<WindowDepartition>(),
                                          class_row<SwapAxes>(),
                                          class_row<PartitionAttentionLayer>(),
                                          class_row<RelativePositionalMultiHeadAttention>()};
  return rows;
}

}  // namespace flambeau::models
