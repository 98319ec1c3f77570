// DenseNet (arXiv 1608.06993).
#include <array>

#include "models/blocks.h"
#include "models/families.h"
#include "nn/forward.h"

namespace flambeau::models {
namespace {

constexpr std::int64_t bottleneck_size = 4;  // bn_size

class DenseLayer final : public Python<"torchvision.models.densenet", "_DenseLayer"> {
 public:
  explicit DenseLayer(nn::Blank) {}
  DenseLayer(std::int64_t in, std::int64_t growth_rate) {
    register_module("norm1", layer<nn::BatchNorm2d>(in));
    register_module("relu1", relu());
    register_module(
        "conv1", layer<nn::Conv2d>(in, bottleneck_size * growth_rate, 1, nn::ConvOptions{.stride = 1, .bias = false}));
    register_module("norm2", layer<nn::BatchNorm2d>(bottleneck_size * growth_rate));
    register_module("relu2", relu());
    register_module("conv2", layer<nn::Conv2d>(bottleneck_size * growth_rate, growth_rate, 3,
                                               nn::ConvOptions{.stride = 1, .padding = 1, .bias = false}));
  }

  /// `x`: the concatenation of all earlier features.
  Var forward(Var x) override {
    for (const char* step : {"norm1", "relu1", "conv1", "norm2", "relu2", "conv2"}) x = call(step, x);
    if (training() && drop_rate_ > 0.0) x = nn::dropped(x, drop_rate_);
    return x;
  }
  void fields(nn::Fields& fields) override {
    fields("drop_rate", drop_rate_);
    fields("memory_efficient", memory_efficient_);
    if (fields.writing()) return;
    for (nn::Module::Child& child : children()) {
      std::string name = child.name;
      std::erase(name, '.');  // until 0.2 "norm.1"
      if (!has_entry(*this, name)) child.name = std::move(name);
    }
  }

 private:
  nn::Number drop_rate_ = 0.0;
  bool memory_efficient_ = false;
};

class DenseBlock final : public Python<"torchvision.models.densenet", "_DenseBlock", nn::ModuleDict> {
 public:
  explicit DenseBlock(nn::Blank blank) : Python(blank) {}
  DenseBlock(int layers, std::int64_t in, std::int64_t growth_rate) : Python(nn::Blank{}) {
    for (int i = 0; i < layers; ++i)
      register_module("denselayer" + std::to_string(i + 1), layer<DenseLayer>(in + i * growth_rate, growth_rate));
  }

  Var forward(Var x) override {
    std::vector<Var> features{x};
    for (const auto& entry : children())
      features.push_back((*entry.module)(features.size() == 1 ? x : graph::cat(features, 1)));
    return graph::cat(features, 1);
  }
  std::int64_t version() const override { return 2; }
  bool fresh_child_name(std::string_view) const override { return true; }
};

class Transition final : public Python<"torchvision.models.densenet", "_Transition", nn::Sequential> {
 public:
  explicit Transition(nn::Blank blank) : Python(blank) {}
  Transition(std::int64_t in, std::int64_t out) : Python(nn::Blank{}) {
    add_module("norm", layer<nn::BatchNorm2d>(in));
    add_module("relu", relu());
    add_module("conv", layer<nn::Conv2d>(in, out, 1, nn::ConvOptions{.stride = 1, .bias = false}));
    add_module("pool", layer<nn::AvgPool2d>(2, nn::AvgPoolOptions{.stride = 2}));
  }
};

class DenseNet final : public Python<"torchvision.models.densenet", "DenseNet"> {
 public:
  explicit DenseNet(nn::Blank) {}
  DenseNet(std::int64_t growth_rate, const std::array<int, 4>& blocks, std::int64_t channels, const Options& options) {
    auto features = layer<nn::Sequential>();
    features->add_module("conv0",
                         layer<nn::Conv2d>(3, channels, 7, nn::ConvOptions{.stride = 2, .padding = 3, .bias = false}));
    features->add_module("norm0", layer<nn::BatchNorm2d>(channels));
    features->add_module("relu0", relu());
    features->add_module("pool0", layer<nn::MaxPool2d>(3, nn::MaxPoolOptions{.stride = 2, .padding = 1}));
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const auto number = std::to_string(i + 1);
      features->add_module("denseblock" + number, layer<DenseBlock>(blocks[i], channels, growth_rate));
      channels += blocks[i] * growth_rate;
      if (i + 1 == blocks.size()) break;
      features->add_module("transition" + number, layer<Transition>(channels, channels / 2));
      channels /= 2;
    }
    features->add_module("norm5", layer<nn::BatchNorm2d>(channels));
    register_module("features", features);
    register_module("classifier", layer<nn::Linear>(channels, options.num_classes));
    each<nn::Module>(*this, [](nn::Module& m) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(&m))
        nn::init::kaiming_normal_(conv->weight());
      else if (auto* linear = dynamic_cast<nn::Linear*>(&m))
        zero_bias(*linear);
    });
  }

  Var forward(Var x) override {
    x = graph::relu(call("features", x));
    return call("classifier", graph::flatten(graph::adaptive_avg_pool(x, {1, 1}), 1));
  }

  /// Published files name layers as torchvision 0.2 did: "denselayer1.norm.1.weight" for "denselayer1.norm1.weight".
  void upgrade(StateDict& state_dict, const std::string& prefix, std::optional<std::int64_t>) override {
    std::vector<std::pair<std::string, std::string>> renames;
    for (const auto& entry : state_dict) {
      if (!entry.name.starts_with(prefix)) continue;
      const auto layer_start = entry.name.find(".denselayer");
      if (layer_start == std::string::npos) continue;
      for (const char* part : {".norm.", ".conv.", ".relu."}) {
        const auto dot = entry.name.find(part, layer_start);
        if (dot == std::string::npos) continue;
        const auto number = dot + std::string_view(part).size();
        if (number < entry.name.size() && (entry.name[number] == '1' || entry.name[number] == '2')) {
          std::string renamed = entry.name;
          renames.emplace_back(entry.name, renamed.erase(number - 1, 1));
        }
      }
    }
    for (auto& [from, to] : renames) {
      state_dict.set(to, state_dict[from]);
      state_dict.erase(from);
    }
  }
};

}  // namespace

ModulePtr make_densenet121(const Options& o) { return layer<DenseNet>(32, std::array{6, 12, 24, 16}, 64, o); }
ModulePtr make_densenet161(const Options& o) { return layer<DenseNet>(48, std::array{6, 12, 36, 24}, 96, o); }
ModulePtr make_densenet169(const Options& o) { return layer<DenseNet>(32, std::array{6, 12, 32, 32}, 64, o); }
ModulePtr make_densenet201(const Options& o) { return layer<DenseNet>(32, std::array{6, 12, 48, 32}, 64, o); }

std::span<const nn::ClassRow> densenet_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<DenseNet>(), class_row<DenseBlock>(), class_row<DenseLayer>(),
                                          class_row<Transition>()};
  return rows;
}

}  // namespace flambeau::models
