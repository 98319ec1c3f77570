// GoogLeNet (arXiv 1409.4842). The "5x5" branch is 3x3, as torchvision keeps it for its published weights.
#include <algorithm>

#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

using BasicConv2d = Python<"torchvision.models.googlenet", "BasicConv2d", ConvBatchNormRelu>;

struct BranchWidths {
  std::int64_t b1, b2_reduce, b2, b3_reduce, b3, b4;
};

class Inception final : public Python<"torchvision.models.googlenet", "Inception"> {
 public:
  explicit Inception(nn::Blank) {}
  Inception(std::int64_t in, const BranchWidths& w) {
    using nn::Modules;
    using nn::Sequential;
    const nn::ConvOptions padded{.padding = 1};
    register_module("branch1", layer<BasicConv2d>(in, w.b1, 1));
    register_module("branch2", layer<Sequential>(Modules{layer<BasicConv2d>(in, w.b2_reduce, 1),
                                                         layer<BasicConv2d>(w.b2_reduce, w.b2, 3, padded)}));
    register_module("branch3", layer<Sequential>(Modules{layer<BasicConv2d>(in, w.b3_reduce, 1),
                                                         layer<BasicConv2d>(w.b3_reduce, w.b3, 3, padded)}));
    register_module("branch4",
                    layer<Sequential>(Modules{
                        layer<nn::MaxPool2d>(3, nn::MaxPoolOptions{.stride = 1, .padding = 1, .ceil_mode = true}),
                        layer<BasicConv2d>(in, w.b4, 1)}));
  }

  Var forward(Var x) override {
    const Var parts[] = {call("branch1", x), call("branch2", x), call("branch3", x), call("branch4", x)};
    return graph::cat(parts, 1);
  }
};

class InceptionAux final : public Python<"torchvision.models.googlenet", "InceptionAux"> {
 public:
  explicit InceptionAux(nn::Blank) {}
  InceptionAux(std::int64_t in, std::int64_t num_classes) {
    register_module("conv", layer<BasicConv2d>(in, 128, 1));
    register_module("fc1", layer<nn::Linear>(2048, 1024));
    register_module("fc2", layer<nn::Linear>(1024, num_classes));
    register_module("dropout", layer<nn::Dropout>(0.7));
  }

  Var forward(Var x) override {
    x = call("conv", graph::adaptive_avg_pool(x, {4, 4}));
    x = graph::relu(call("fc1", graph::flatten(x, 1)));
    return call("fc2", call("dropout", x));
  }
};

class GoogLeNet final : public Python<"torchvision.models.googlenet", "GoogLeNet"> {
 public:
  explicit GoogLeNet(nn::Blank) {}
  explicit GoogLeNet(const Options& o)
      : aux_logits_(o.aux_logits.value_or(!o.weights)), transform_input_(o.transform_input.value_or(!!o.weights)) {
    // Published files hold the auxiliary heads: they are built, loaded, and dropped afterwards unless asked for.
    const bool build_aux = aux_logits_ || o.weights;
    const auto pool = [](std::int64_t kernel) {
      return layer<nn::MaxPool2d>(kernel, nn::MaxPoolOptions{.stride = 2, .ceil_mode = true});
    };
    register_module("conv1", layer<BasicConv2d>(3, 64, 7, nn::ConvOptions{.stride = 2, .padding = 3}));
    register_module("maxpool1", pool(3));
    register_module("conv2", layer<BasicConv2d>(64, 64, 1));
    register_module("conv3", layer<BasicConv2d>(64, 192, 3, nn::ConvOptions{.padding = 1}));
    register_module("maxpool2", pool(3));
    register_module("inception3a", layer<Inception>(192, BranchWidths{64, 96, 128, 16, 32, 32}));
    register_module("inception3b", layer<Inception>(256, BranchWidths{128, 128, 192, 32, 96, 64}));
    register_module("maxpool3", pool(3));
    register_module("inception4a", layer<Inception>(480, BranchWidths{192, 96, 208, 16, 48, 64}));
    register_module("inception4b", layer<Inception>(512, BranchWidths{160, 112, 224, 24, 64, 64}));
    register_module("inception4c", layer<Inception>(512, BranchWidths{128, 128, 256, 24, 64, 64}));
    register_module("inception4d", layer<Inception>(512, BranchWidths{112, 144, 288, 32, 64, 64}));
    register_module("inception4e", layer<Inception>(528, BranchWidths{256, 160, 320, 32, 128, 128}));
    register_module("maxpool4", pool(2));
    register_module("inception5a", layer<Inception>(832, BranchWidths{256, 160, 320, 32, 128, 128}));
    register_module("inception5b", layer<Inception>(832, BranchWidths{384, 192, 384, 48, 128, 128}));
    if (build_aux) {
      register_module("aux1", layer<InceptionAux>(512, o.num_classes));
      register_module("aux2", layer<InceptionAux>(528, o.num_classes));
    }
    register_module("avgpool", layer<nn::AdaptiveAvgPool2d>(nn::Size{1, 1}));
    register_module("dropout", layer<nn::Dropout>(0.2));
    register_module("fc", layer<nn::Linear>(1024, o.num_classes));
    if (o.weights) return;
    each<nn::Module>(*this, [](nn::Module& m) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(&m))
        nn::init::trunc_normal_(conv->weight(), 0, 0.01, -2, 2);
      else if (auto* linear = dynamic_cast<nn::Linear*>(&m))
        nn::init::trunc_normal_(linear->weight(), 0, 0.01, -2, 2);
    });
  }

  Var forward(Var x) override { return forward_all(x).front().value; }

  std::vector<Output> forward_all(Var x) override {
    if (transform_input_) x = from_imagenet_to_half(x);
    std::vector<Output> outputs(1, {"logits", {}});
    for (const char* step : {"conv1", "maxpool1", "conv2", "conv3", "maxpool2", "inception3a", "inception3b",
                             "maxpool3", "inception4a", "inception4b", "inception4c", "inception4d", "inception4e",
                             "maxpool4", "inception5a", "inception5b", "avgpool"}) {
      x = call(step, x);
      if (!training() || !aux_logits_) continue;
      if (step == std::string_view("inception4a")) outputs.push_back({"aux_logits1", call("aux1", x)});
      if (step == std::string_view("inception4d")) outputs.push_back({"aux_logits2", call("aux2", x)});
    }
    outputs.front().value = call("fc", call("dropout", graph::flatten(x, 1)));
    std::reverse(outputs.begin() + 1, outputs.end());  // torchvision's order
    return outputs;
  }

  void fields(nn::Fields& fields) override {
    fields("aux_logits", aux_logits_);
    fields("transform_input", transform_input_);
    for (const char* head : {"aux1", "aux2"})
      if (!has_entry(*this, head)) fields.derived(head, std::optional<std::int64_t>());
  }

 private:
  bool aux_logits_ = true, transform_input_ = false;
};

}  // namespace

ModulePtr make_googlenet(const Options& o) { return layer<GoogLeNet>(o); }

std::span<const nn::ClassRow> googlenet_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<GoogLeNet>(), class_row<Inception>(), class_row<InceptionAux>(),
                                          class_row<BasicConv2d>()};
  return rows;
}

}  // namespace flambeau::models
