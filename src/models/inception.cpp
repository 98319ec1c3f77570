// Inception v3 (arXiv 1512.00567); 299 x 299 inputs.
#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

using BasicConv2d = Python<"torchvision.models.inception", "BasicConv2d", ConvBatchNormRelu>;

const nn::Size k1x7{1, 7}, k7x1{7, 1}, k1x3{1, 3}, k3x1{3, 1};
nn::ConvOptions pad(nn::Padding padding) { return {.padding = std::move(padding)}; }
const nn::ConvOptions& halving() {
  static const nn::ConvOptions options{.stride = 2};
  return options;
}

/// The children run one after the other.
class Branches : public nn::Module {
 protected:
  void conv(std::string name, std::int64_t in, std::int64_t out, const nn::Size& kernel,
            const nn::ConvOptions& o = {}) {
    register_module(std::move(name), layer<BasicConv2d>(in, out, kernel, o));
  }
  Var chain(Var x, std::initializer_list<const char*> names) const {
    for (const char* name : names) x = call(name, x);
    return x;
  }
  Var both(Var x, const char* a, const char* b) const {
    const Var parts[] = {call(a, x), call(b, x)};
    return graph::cat(parts, 1);
  }
  Var pooled(Var x) const { return call("branch_pool", graph::avg_pool(x, {3, 3}, {1, 1}, {1, 1})); }
  static Var max_pooled(Var x) { return graph::max_pool(x, {3, 3}, {2, 2}, {0, 0}, {1, 1}); }
  static Var joined(std::initializer_list<Var> parts) { return graph::cat({parts.begin(), parts.size()}, 1); }
};

class InceptionA final : public Python<"torchvision.models.inception", "InceptionA", Branches> {
 public:
  explicit InceptionA(nn::Blank) {}
  InceptionA(std::int64_t in, std::int64_t pool_features) {
    conv("branch1x1", in, 64, 1);
    conv("branch5x5_1", in, 48, 1);
    conv("branch5x5_2", 48, 64, 5, pad(2));
    conv("branch3x3dbl_1", in, 64, 1);
    conv("branch3x3dbl_2", 64, 96, 3, pad(1));
    conv("branch3x3dbl_3", 96, 96, 3, pad(1));
    conv("branch_pool", in, pool_features, 1);
  }
  Var forward(Var x) override {
    return joined({call("branch1x1", x), chain(x, {"branch5x5_1", "branch5x5_2"}),
                   chain(x, {"branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"}), pooled(x)});
  }
};

class InceptionB final : public Python<"torchvision.models.inception", "InceptionB", Branches> {
 public:
  explicit InceptionB(nn::Blank) {}
  explicit InceptionB(std::int64_t in) {
    conv("branch3x3", in, 384, 3, halving());
    conv("branch3x3dbl_1", in, 64, 1);
    conv("branch3x3dbl_2", 64, 96, 3, pad(1));
    conv("branch3x3dbl_3", 96, 96, 3, halving());
  }
  Var forward(Var x) override {
    return joined(
        {call("branch3x3", x), chain(x, {"branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"}), max_pooled(x)});
  }
};

class InceptionC final : public Python<"torchvision.models.inception", "InceptionC", Branches> {
 public:
  explicit InceptionC(nn::Blank) {}
  InceptionC(std::int64_t in, std::int64_t c7) {
    const auto along = pad({0, 3}), across = pad({3, 0});
    conv("branch1x1", in, 192, 1);
    conv("branch7x7_1", in, c7, 1);
    conv("branch7x7_2", c7, c7, k1x7, along);
    conv("branch7x7_3", c7, 192, k7x1, across);
    conv("branch7x7dbl_1", in, c7, 1);
    conv("branch7x7dbl_2", c7, c7, k7x1, across);
    conv("branch7x7dbl_3", c7, c7, k1x7, along);
    conv("branch7x7dbl_4", c7, c7, k7x1, across);
    conv("branch7x7dbl_5", c7, 192, k1x7, along);
    conv("branch_pool", in, 192, 1);
  }
  Var forward(Var x) override {
    return joined({call("branch1x1", x), chain(x, {"branch7x7_1", "branch7x7_2", "branch7x7_3"}),
                   chain(x, {"branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5"}),
                   pooled(x)});
  }
};

class InceptionD final : public Python<"torchvision.models.inception", "InceptionD", Branches> {
 public:
  explicit InceptionD(nn::Blank) {}
  explicit InceptionD(std::int64_t in) {
    conv("branch3x3_1", in, 192, 1);
    conv("branch3x3_2", 192, 320, 3, halving());
    conv("branch7x7x3_1", in, 192, 1);
    conv("branch7x7x3_2", 192, 192, k1x7, pad({0, 3}));
    conv("branch7x7x3_3", 192, 192, k7x1, pad({3, 0}));
    conv("branch7x7x3_4", 192, 192, 3, halving());
  }
  Var forward(Var x) override {
    return joined({chain(x, {"branch3x3_1", "branch3x3_2"}),
                   chain(x, {"branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4"}), max_pooled(x)});
  }
};

class InceptionE final : public Python<"torchvision.models.inception", "InceptionE", Branches> {
 public:
  explicit InceptionE(nn::Blank) {}
  explicit InceptionE(std::int64_t in) {
    const auto along = pad({0, 1}), across = pad({1, 0});
    conv("branch1x1", in, 320, 1);
    conv("branch3x3_1", in, 384, 1);
    conv("branch3x3_2a", 384, 384, k1x3, along);
    conv("branch3x3_2b", 384, 384, k3x1, across);
    conv("branch3x3dbl_1", in, 448, 1);
    conv("branch3x3dbl_2", 448, 384, 3, pad(1));
    conv("branch3x3dbl_3a", 384, 384, k1x3, along);
    conv("branch3x3dbl_3b", 384, 384, k3x1, across);
    conv("branch_pool", in, 192, 1);
  }
  Var forward(Var x) override {
    return joined({call("branch1x1", x), both(call("branch3x3_1", x), "branch3x3_2a", "branch3x3_2b"),
                   both(chain(x, {"branch3x3dbl_1", "branch3x3dbl_2"}), "branch3x3dbl_3a", "branch3x3dbl_3b"),
                   pooled(x)});
  }
};

class InceptionAux final : public Python<"torchvision.models.inception", "InceptionAux"> {
 public:
  static constexpr double fc_stddev = 0.001;
  explicit InceptionAux(nn::Blank) {}
  InceptionAux(std::int64_t in, std::int64_t num_classes) {
    register_module("conv0", layer<BasicConv2d>(in, 128, 1));
    register_module("conv1", layer<BasicConv2d>(128, 768, 5))->attributes().emplace_back("stddev", Value(0.01));
    register_module("fc", layer<nn::Linear>(768, num_classes))->attributes().emplace_back("stddev", Value(fc_stddev));
  }

  Var forward(Var x) override {
    x = call("conv1", call("conv0", graph::avg_pool(x, {5, 5}, {3, 3}, {0, 0})));
    return call("fc", graph::flatten(graph::adaptive_avg_pool(x, {1, 1}), 1));
  }
};

class Inception3 final : public Python<"torchvision.models.inception", "Inception3"> {
 public:
  explicit Inception3(nn::Blank) {}
  explicit Inception3(const Options& o)
      : aux_logits_(o.aux_logits.value_or(true)), transform_input_(o.transform_input.value_or(!!o.weights)) {
    register_module("Conv2d_1a_3x3", layer<BasicConv2d>(3, 32, 3, halving()));
    register_module("Conv2d_2a_3x3", layer<BasicConv2d>(32, 32, 3));
    register_module("Conv2d_2b_3x3", layer<BasicConv2d>(32, 64, 3, pad(1)));
    register_module("maxpool1", pool());
    register_module("Conv2d_3b_1x1", layer<BasicConv2d>(64, 80, 1));
    register_module("Conv2d_4a_3x3", layer<BasicConv2d>(80, 192, 3));
    register_module("maxpool2", pool());
    register_module("Mixed_5b", layer<InceptionA>(192, 32));
    register_module("Mixed_5c", layer<InceptionA>(256, 64));
    register_module("Mixed_5d", layer<InceptionA>(288, 64));
    register_module("Mixed_6a", layer<InceptionB>(288));
    register_module("Mixed_6b", layer<InceptionC>(768, 128));
    register_module("Mixed_6c", layer<InceptionC>(768, 160));
    register_module("Mixed_6d", layer<InceptionC>(768, 160));
    register_module("Mixed_6e", layer<InceptionC>(768, 192));
    std::shared_ptr<InceptionAux> aux;
    if (aux_logits_ || o.weights) aux = register_module("AuxLogits", layer<InceptionAux>(768, o.num_classes));
    register_module("Mixed_7a", layer<InceptionD>(768));
    register_module("Mixed_7b", layer<InceptionE>(1280));
    register_module("Mixed_7c", layer<InceptionE>(2048));
    register_module("avgpool", layer<nn::AdaptiveAvgPool2d>(nn::Size{1, 1}));
    register_module("dropout", layer<nn::Dropout>(0.5));
    register_module("fc", layer<nn::Linear>(2048, o.num_classes));
    if (o.weights) return;
    const nn::Module* aux_fc = aux ? aux->child("fc").get() : nullptr;
    each<nn::Module>(*this, [&](nn::Module& m) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(&m)) {
        nn::init::trunc_normal_(conv->weight(), 0, 0.1, -2, 2);
      } else if (auto* linear = dynamic_cast<nn::Linear*>(&m)) {
        nn::init::trunc_normal_(linear->weight(), 0, &m == aux_fc ? InceptionAux::fc_stddev : 0.1, -2, 2);
      }
    });
  }

  Var forward(Var x) override { return forward_all(x).front().value; }

  std::vector<Output> forward_all(Var x) override {
    if (transform_input_) x = from_imagenet_to_half(x);
    std::vector<Output> outputs(1, {"logits", {}});
    for (const char* step :
         {"Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2",
          "Mixed_5b",      "Mixed_5c",      "Mixed_5d",      "Mixed_6a", "Mixed_6b",      "Mixed_6c",      "Mixed_6d",
          "Mixed_6e",      "Mixed_7a",      "Mixed_7b",      "Mixed_7c", "avgpool",       "dropout"}) {
      x = call(step, x);
      if (training() && aux_logits_ && step == std::string_view("Mixed_6e"))
        outputs.push_back({"aux_logits", call("AuxLogits", x)});
    }
    outputs.front().value = call("fc", graph::flatten(x, 1));
    return outputs;
  }

  void fields(nn::Fields& fields) override {
    fields("aux_logits", aux_logits_);
    fields("transform_input", transform_input_);
    if (!fields.writing()) {  // before 0.6
      add_missing(*this, "maxpool1", "Conv2d_3b_1x1", pool());
      add_missing(*this, "maxpool2", "Mixed_5b", pool());
      add_missing(*this, "avgpool", "fc", layer<nn::AdaptiveAvgPool2d>(nn::Size{1, 1}));
      add_missing(*this, "dropout", "fc", layer<nn::Dropout>(0.5));
    }
    if (!has_entry(*this, "AuxLogits")) fields.derived("AuxLogits", std::optional<std::int64_t>());
  }

 private:
  static ModulePtr pool() { return layer<nn::MaxPool2d>(3, nn::MaxPoolOptions{.stride = 2}); }
  bool aux_logits_ = true, transform_input_ = false;
};

}  // namespace

ModulePtr make_inception_v3(const Options& o) { return layer<Inception3>(o); }

std::span<const nn::ClassRow> inception_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<Inception3>(),   class_row<InceptionA>(), class_row<InceptionB>(),
                                          class_row<InceptionC>(),   class_row<InceptionD>(), class_row<InceptionE>(),
                                          class_row<InceptionAux>(), class_row<BasicConv2d>()};
  return rows;
}

}  // namespace flambeau::models
