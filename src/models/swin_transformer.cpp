// Swin Transformer (arXiv 2103.14030) and Swin V2 (2111.09883). Inside, images are (N, H, W, C).
#include <array>
#include <cmath>

#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

/// (N, H, W, C) to (N, H/2, W/2, 4C): each 2 x 2 patch becomes one token, odd sizes padded.
Var merge_patches(Var x) {
  x = graph::pad(x, {0, 0, 0, x.size(2) % 2, 0, x.size(1) % 2});
  const auto n = x.size(0), h = x.size(1) / 2, w = x.size(2) / 2, c = x.size(3);
  // Order of the four: (row, column) = (0,0), (1,0), (0,1), (1,1).
  x = graph::permute(graph::reshape(x, {n, h, 2, w, 2, c}), {0, 1, 3, 4, 2, 5});
  return graph::reshape(x, {n, h, w, 4 * c});
}

class PatchMergingBase : public nn::Module {
 public:
  void fields(nn::Fields& fields) override { fields("dim", dim_); }

 protected:
  explicit PatchMergingBase(nn::Blank) {}
  PatchMergingBase(std::int64_t dim, std::int64_t norm_dim) : dim_(dim) {
    register_module("reduction", layer<nn::Linear>(4 * dim, 2 * dim, nn::LinearOptions{.bias = false}));
    register_module("norm", layer<nn::LayerNorm>(norm_dim));
  }

 private:
  std::int64_t dim_ = 0;
};

class PatchMerging final : public Python<"torchvision.models.swin_transformer", "PatchMerging", PatchMergingBase> {
 public:
  explicit PatchMerging(nn::Blank blank) : Python(blank) {}
  explicit PatchMerging(std::int64_t dim) : Python(dim, 4 * dim) {}
  Var forward(Var x) override { return call("reduction", call("norm", merge_patches(x))); }
};

class PatchMergingV2 final : public Python<"torchvision.models.swin_transformer", "PatchMergingV2", PatchMergingBase> {
 public:
  explicit PatchMergingV2(nn::Blank blank) : Python(blank) {}
  explicit PatchMergingV2(std::int64_t dim) : Python(dim, 2 * dim) {}
  Var forward(Var x) override { return call("norm", call("reduction", merge_patches(x))); }
};

using Two = std::array<std::int64_t, 2>;

/// Self-attention inside windows, optionally shifted by half a window.
class WindowAttention : public nn::Module {
 public:
  void fields(nn::Fields& fields) override {
    fields("window_size", window_size_);
    fields("shift_size", shift_size_);
    fields("num_heads", num_heads_);
    fields("attention_dropout", attention_dropout_);
    fields("dropout", dropout_);
  }

  Var forward(Var x) override {
    const auto n = x.size(0), height = x.size(1), width = x.size(2), channels = x.size(3);
    const auto wh = window_size_[0], ww = window_size_[1], tokens = wh * ww;
    x = graph::pad(x, {0, 0, 0, (ww - width % ww) % ww, 0, (wh - height % wh) % wh});
    const auto rows = x.size(1) / wh, columns = x.size(2) / ww;
    const Two shift{rows == 1 ? 0 : shift_size_[0], columns == 1 ? 0 : shift_size_[1]};
    const bool shifted = shift[0] + shift[1] > 0;
    if (shifted) x = graph::roll(x, {-shift[0], -shift[1]}, {1, 2});

    const Shape windowed{n, rows, wh, columns, ww, channels};
    x = graph::permute(graph::reshape(x, windowed), {0, 1, 3, 2, 4, 5});
    x = graph::reshape(x, {n * rows * columns, tokens, channels});
    x = attend(x, shifted ? additive_mask(x, rows, columns, shift) : Var{});
    x = graph::permute(graph::reshape(x, {n, rows, columns, wh, ww, channels}), {0, 1, 3, 2, 4, 5});
    x = graph::reshape(x, {n, rows * wh, columns * ww, channels});

    if (shifted) x = graph::roll(x, {shift[0], shift[1]}, {1, 2});
    if (x.size(1) != height) x = graph::narrow(x, 1, 0, height);
    if (x.size(2) != width) x = graph::narrow(x, 2, 0, width);
    return x;
  }

 protected:
  explicit WindowAttention(nn::Blank) {}
  WindowAttention(Two window, Two shift, std::int64_t heads)
      : window_size_(window.begin(), window.end()), shift_size_(shift.begin(), shift.end()), num_heads_(heads) {}

  void register_projections(std::int64_t dim) {
    register_module("qkv", layer<nn::Linear>(dim, 3 * dim));
    register_module("proj", layer<nn::Linear>(dim, dim));
  }
  std::int64_t heads() const noexcept { return num_heads_; }
  const std::vector<std::int64_t>& window() const noexcept { return window_size_; }
  std::int64_t tokens() const { return window_size_[0] * window_size_[1]; }
  /// (1, heads, tokens, tokens).
  virtual Var position_bias(Var x) = 0;
  /// Queries, keys and values to the attended values, all (windows, heads, tokens, head_dim).
  virtual Var attention(Var q, Var k, Var v, Var mask) = 0;
  virtual Var project_qkv(Var x) = 0;

 private:
  /// x: (windows, tokens, channels).
  Var attend(Var x, Var mask) {
    const auto windows = x.size(0), channels = x.size(2), head_dim = channels / num_heads_;
    Var qkv = graph::reshape(project_qkv(x), {windows, tokens(), 3, num_heads_, head_dim});
    qkv = graph::permute(qkv, {2, 0, 3, 1, 4});
    const auto part = [&](std::int64_t i) {
      return graph::reshape(graph::narrow(qkv, 0, i, 1), {windows, num_heads_, tokens(), head_dim});
    };
    Var bias = position_bias(x);
    if (mask) {  // (window positions, 1, tokens, tokens): one per window of an image
      bias = bias + mask;
      if (windows != mask.size(0)) {
        const std::vector<Var> images(static_cast<std::size_t>(windows / mask.size(0)), bias);
        bias = graph::cat(images, 0);
      }
    }
    Var y = attention(part(0), part(1), part(2), bias);
    y = graph::reshape(graph::permute(y, {0, 2, 1, 3}), {windows, tokens(), channels});
    return call("proj", y);
  }

  /// 0 between tokens of one region of the shifted image, -100 between others.
  Var additive_mask(Var x, std::int64_t rows, std::int64_t columns, Two shift) const {
    const auto wh = window_size_[0], ww = window_size_[1], height = rows * wh, width = columns * ww;
    const auto region = [](std::int64_t at, std::int64_t size, std::int64_t window_length, std::int64_t shift_by) {
      if (shift_by == 0) return 0;
      return at < size - window_length ? 0 : at < size - shift_by ? 1 : 2;
    };
    std::vector<float> mask;
    mask.reserve(static_cast<std::size_t>(rows * columns * tokens() * tokens()));
    std::vector<int> regions(static_cast<std::size_t>(tokens()));
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < columns; ++c) {
        for (std::int64_t t = 0; t < tokens(); ++t)
          regions[static_cast<std::size_t>(t)] =
              3 * region(r * wh + t / ww, height, wh, shift[0]) + region(c * ww + t % ww, width, ww, shift[1]);
        for (const int a : regions)
          for (const int b : regions) mask.push_back(a == b ? 0.0f : -100.0f);
      }
    return constant(x, Tensor::of<float>({rows * columns, 1, tokens(), tokens()}, mask));
  }

  std::vector<std::int64_t> window_size_{}, shift_size_{};
  std::int64_t num_heads_ = 1;
  nn::Number attention_dropout_ = 0.0, dropout_ = 0.0;
};

class ShiftedWindowAttention final
    : public Python<"torchvision.models.swin_transformer", "ShiftedWindowAttention", WindowAttention> {
 public:
  explicit ShiftedWindowAttention(nn::Blank blank) : Python(blank) {}
  ShiftedWindowAttention(std::int64_t dim, Two window_size, Two shift, std::int64_t head_count)
      : Python(window_size, shift, head_count) {
    register_projections(dim);
    const auto entries = (2 * window_size[0] - 1) * (2 * window_size[1] - 1);
    auto& table = register_parameter("relative_position_bias_table", nn::new_parameter({entries, head_count}));
    nn::init::trunc_normal_(table, 0, 0.02);
    const auto count = window_size[0] * window_size[1];
    register_buffer("relative_position_index",
                    relative_position_index(window_size[0], window_size[1]).reshape({count * count}));
  }

 private:
  Var project_qkv(Var x) override { return call("qkv", x); }
  Var position_bias(Var x) override {
    return relative_position_bias(constant(x, "relative_position_bias_table"), constant(x, "relative_position_index"),
                                  tokens());
  }
  Var attention(Var q, Var k, Var v, Var mask) override {
    return graph::attention(q, k, v, mask, std::pow(static_cast<double>(q.size(3)), -0.5));
  }
};

class ShiftedWindowAttentionV2 final
    : public Python<"torchvision.models.swin_transformer", "ShiftedWindowAttentionV2", WindowAttention> {
 public:
  explicit ShiftedWindowAttentionV2(nn::Blank blank) : Python(blank) {}
  ShiftedWindowAttentionV2(std::int64_t dim, Two window_size, Two shift, std::int64_t head_count)
      : Python(window_size, shift, head_count) {
    register_projections(dim);
    register_buffer("relative_coords_table", coordinates(window_size));
    const auto count = window_size[0] * window_size[1];
    register_buffer("relative_position_index",
                    relative_position_index(window_size[0], window_size[1]).reshape({count * count}));
    auto& scale = register_parameter("logit_scale", nn::new_parameter({head_count, 1, 1}));
    nn::init::constant_(scale, std::log(10.0f));
    auto mlp = layer<nn::Sequential>(nn::Modules{layer<nn::Linear>(2, 512), relu(),
                                                 layer<nn::Linear>(512, head_count, nn::LinearOptions{.bias = false})});
    register_module("cpb_mlp", mlp);
  }

 private:
  /// The keys' third of the bias is zero, whatever the file says.
  Var project_qkv(Var x) override {
    auto& qkv = dynamic_cast<nn::Linear&>(*child("qkv"));
    Tensor bias = qkv.bias().clone();
    const auto third = static_cast<std::size_t>(bias.numel() / 3);
    std::ranges::fill(bias.mutable_data<float>().subspan(third, third), 0.0f);
    return graph::linear(x, constant(x, qkv.weight()), constant(x, bias));
  }
  Var position_bias(Var x) override {
    Var table = call("cpb_mlp", constant(x, "relative_coords_table"));
    table = graph::reshape(table, {-1, heads()});
    return graph::mul(graph::sigmoid(relative_position_bias(table, constant(x, "relative_position_index"), tokens())),
                      16);
  }
  /// Cosine attention.
  Var attention(Var q, Var k, Var v, Var mask) override {
    Var scale = graph::activation(constant(q, "logit_scale"), graph::Activation::clamp, -INFINITY, std::log(100.0));
    scale = graph::activation(scale, graph::Activation::exp);
    q = graph::l2_normalize(q, -1) * graph::reshape(scale, {1, heads(), 1, 1});
    return graph::attention(q, graph::l2_normalize(k, -1), v, mask, 1.0);
  }

  static Tensor coordinates(Two window_size) {
    std::vector<float> table;
    const auto scaled = [](std::int64_t at, std::int64_t length) {
      const float t = static_cast<float>(at) / static_cast<float>(length - 1) * 8.0f;
      const float sign = t > 0 ? 1.0f : t < 0 ? -1.0f : 0.0f;
      return sign * std::log2(std::abs(t) + 1.0f) / 3.0f;
    };
    const auto h = window_size[0], w = window_size[1];
    for (std::int64_t y = 1 - h; y < h; ++y)
      for (std::int64_t x = 1 - w; x < w; ++x) {
        table.push_back(scaled(y, h));
        table.push_back(scaled(x, w));
      }
    return Tensor::of<float>({1, 2 * h - 1, 2 * w - 1, 2}, table);
  }
};

struct BlockShape {
  std::int64_t dim, heads;
  Two window, shift;
  double drop;
};

/// What both blocks share. v1 normalises before attention and MLP, v2 after.
class BlockBase : public nn::Module {
 protected:
  explicit BlockBase(nn::Blank) {}
  BlockBase(const BlockShape& s, const std::function<ModulePtr()>& attention) {
    register_module("norm1", layer<nn::LayerNorm>(s.dim));
    register_module("attn", attention());
    register_module("stochastic_depth", layer<StochasticDepth>(s.drop, "row"));
    register_module("norm2", layer<nn::LayerNorm>(s.dim));
    auto mlp = register_module("mlp", layer<MLP>(
                                          s.dim, 4 * s.dim, [] { return layer<nn::GELU>(); }, 0.0));
    each<nn::Linear>(*mlp, [](nn::Linear& linear) {
      nn::init::xavier_uniform_(linear.weight());
      nn::init::normal_(linear.bias(), 0, 1e-6);
    });
  }
};

class SwinTransformerBlock final
    : public Python<"torchvision.models.swin_transformer", "SwinTransformerBlock", BlockBase> {
 public:
  explicit SwinTransformerBlock(nn::Blank blank) : Python(blank) {}
  explicit SwinTransformerBlock(const BlockShape& s)
      : Python(s, [&] { return layer<ShiftedWindowAttention>(s.dim, s.window, s.shift, s.heads); }) {}
  Var forward(Var x) override {
    x = x + call("stochastic_depth", call("attn", call("norm1", x)));
    return x + call("stochastic_depth", call("mlp", call("norm2", x)));
  }
};

class SwinTransformerBlockV2 final
    : public Python<"torchvision.models.swin_transformer", "SwinTransformerBlockV2", BlockBase> {
 public:
  explicit SwinTransformerBlockV2(nn::Blank blank) : Python(blank) {}
  explicit SwinTransformerBlockV2(const BlockShape& s)
      : Python(s, [&] { return layer<ShiftedWindowAttentionV2>(s.dim, s.window, s.shift, s.heads); }) {}
  Var forward(Var x) override {
    x = x + call("stochastic_depth", call("norm1", call("attn", x)));
    return x + call("stochastic_depth", call("norm2", call("mlp", x)));
  }
};

struct Variant {
  std::int64_t embed_dim;
  std::array<std::int64_t, 4> depths, heads;
  std::int64_t window;
  double drop;
};

class SwinTransformer final : public Python<"torchvision.models.swin_transformer", "SwinTransformer"> {
 public:
  explicit SwinTransformer(nn::Blank) {}

  template <class Block, class Merging>
  static std::shared_ptr<SwinTransformer> build(const Variant& v, std::int64_t num_classes) {
    auto net = std::make_shared<SwinTransformer>(nn::Blank{});
    net->num_classes_ = num_classes;
    auto features = layer<nn::Sequential>();
    features->append(layer<nn::Sequential>(
        nn::Modules{layer<nn::Conv2d>(3, v.embed_dim, nn::Size{4, 4}, nn::ConvOptions{.stride = nn::Size{4, 4}}),
                    layer<Permute>(Shape{0, 2, 3, 1}), layer<nn::LayerNorm>(v.embed_dim)}));
    std::int64_t total = 0, done = 0;
    for (const auto depth : v.depths) total += depth;
    for (std::size_t i = 0; i < v.depths.size(); ++i) {
      const auto dim = v.embed_dim << i;
      auto stage = layer<nn::Sequential>();
      for (std::int64_t k = 0; k < v.depths[i]; ++k) {
        const auto shift = k % 2 == 0 ? 0 : v.window / 2;
        const double drop = v.drop * static_cast<double>(done++) / static_cast<double>(total - 1);
        stage->append(layer<Block>(BlockShape{dim, v.heads[i], {v.window, v.window}, {shift, shift}, drop}));
      }
      features->append(stage);
      if (i + 1 < v.depths.size()) features->append(layer<Merging>(dim));
    }
    net->register_module("features", features);
    const auto channels = v.embed_dim << 3;
    net->register_module("norm", layer<nn::LayerNorm>(channels));
    net->register_module("permute", layer<Permute>(Shape{0, 3, 1, 2}));
    net->register_module("avgpool", layer<nn::AdaptiveAvgPool2d>(1));
    net->register_module("flatten", layer<nn::Flatten>(1));
    net->register_module("head", layer<nn::Linear>(channels, num_classes));
    each<nn::Linear>(*net, [](nn::Linear& linear) {
      nn::init::trunc_normal_(linear.weight(), 0, 0.02);
      zero_bias(linear);
    });
    return net;
  }

  Var forward(Var x) override {
    for (const char* step : {"features", "norm", "permute", "avgpool", "flatten", "head"}) x = call(step, x);
    return x;
  }
  void fields(nn::Fields& fields) override {
    fields("num_classes", num_classes_);
    if (fields.writing()) return;
    add_missing(*this, "permute", "avgpool", layer<Permute>(Shape{0, 3, 1, 2}));  // before 0.14
    add_missing(*this, "flatten", "head", layer<nn::Flatten>(1));
  }

 private:
  std::int64_t num_classes_ = 1000;
};

ModulePtr v1(const Variant& v, const Options& o) {
  return SwinTransformer::build<SwinTransformerBlock, PatchMerging>(v, o.num_classes);
}
ModulePtr v2(const Variant& v, const Options& o) {
  return SwinTransformer::build<SwinTransformerBlockV2, PatchMergingV2>(v, o.num_classes);
}

}  // namespace

ModulePtr make_swin_t(const Options& o) { return v1({96, {2, 2, 6, 2}, {3, 6, 12, 24}, 7, 0.2}, o); }
ModulePtr make_swin_s(const Options& o) { return v1({96, {2, 2, 18, 2}, {3, 6, 12, 24}, 7, 0.3}, o); }
ModulePtr make_swin_b(const Options& o) { return v1({128, {2, 2, 18, 2}, {4, 8, 16, 32}, 7, 0.5}, o); }
ModulePtr make_swin_v2_t(const Options& o) { return v2({96, {2, 2, 6, 2}, {3, 6, 12, 24}, 8, 0.2}, o); }
ModulePtr make_swin_v2_s(const Options& o) { return v2({96, {2, 2, 18, 2}, {3, 6, 12, 24}, 8, 0.3}, o); }
ModulePtr make_swin_v2_b(const Options& o) { return v2({128, {2, 2, 18, 2}, {4, 8, 16, 32}, 8, 0.5}, o); }

std::span<const nn::ClassRow> swin_transformer_classes() {
  static constexpr nn::ClassRow rows[] = {
      class_row<SwinTransformer>(),        class_row<SwinTransformerBlock>(),     class_row<SwinTransformerBlockV2>(),
      class_row<ShiftedWindowAttention>(), class_row<ShiftedWindowAttentionV2>(), class_row<PatchMerging>(),
      class_row<PatchMergingV2>()};
  return rows;
}

}  // namespace flambeau::models
