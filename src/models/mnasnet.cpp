// MNASNet, variant B1 (arXiv 1807.11626).
#include <flambeau/error.h>

#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {
namespace {

constexpr double momentum = 1 - 0.9997;

ModulePtr norm(std::int64_t channels) {
  return layer<nn::BatchNorm2d>(channels, nn::BatchNormOptions{.momentum = momentum});
}
ModulePtr conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t groups = 1) {
  return layer<nn::Conv2d>(in, out, kernel,
                           nn::ConvOptions{.stride = stride, .padding = kernel / 2, .groups = groups, .bias = false});
}

struct Stack {
  std::int64_t in, out, kernel, stride, expansion, repeats;
};

class InvertedResidual final : public Python<"torchvision.models.mnasnet", "_InvertedResidual"> {
 public:
  explicit InvertedResidual(nn::Blank) {}
  InvertedResidual(const Stack& s, std::int64_t in, std::int64_t stride) : apply_residual_(in == s.out && stride == 1) {
    const auto mid = in * s.expansion;
    register_module("layers", layer<nn::Sequential>(nn::Modules{conv(in, mid, 1, 1), norm(mid), relu(),
                                                                conv(mid, mid, s.kernel, stride, mid), norm(mid),
                                                                relu(), conv(mid, s.out, 1, 1), norm(s.out)}));
  }
  Var forward(Var x) override { return apply_residual_ ? call("layers", x) + x : call("layers", x); }
  void fields(nn::Fields& fields) override { fields("apply_residual", apply_residual_); }

 private:
  bool apply_residual_ = false;
};

ModulePtr stack(const Stack& s) {
  auto blocks = layer<nn::Sequential>();
  blocks->append(layer<InvertedResidual>(s, s.in, s.stride));
  for (std::int64_t i = 1; i < s.repeats; ++i) blocks->append(layer<InvertedResidual>(s, s.out, 1));
  return blocks;
}

std::vector<std::int64_t> scaled_depths(double alpha) {
  std::vector<std::int64_t> depths{32, 16, 24, 40, 80, 96, 192, 320};
  for (auto& depth : depths) depth = make_divisible(static_cast<double>(depth) * alpha);
  return depths;
}

/// The first nine layers; version 1 of the class did not scale the first two widths.
nn::Modules stem(std::int64_t first, std::int64_t second, std::int64_t third) {
  return {conv(3, first, 3, 2),
          norm(first),
          relu(),
          conv(first, first, 3, 1, first),
          norm(first),
          relu(),
          conv(first, second, 1, 1),
          norm(second),
          stack({second, third, 3, 2, 3, 3})};
}

class MNASNet final : public Python<"torchvision.models.mnasnet", "MNASNet"> {
 public:
  explicit MNASNet(nn::Blank) {}
  MNASNet(double alpha, std::int64_t num_classes) : alpha_(alpha), num_classes_(num_classes) {
    const auto d = scaled_depths(alpha);
    auto layers = layer<nn::Sequential>(stem(d[0], d[1], d[2]));
    layers->append(stack({d[2], d[3], 5, 2, 3, 3}));
    layers->append(stack({d[3], d[4], 5, 2, 6, 3}));
    layers->append(stack({d[4], d[5], 3, 1, 6, 2}));
    layers->append(stack({d[5], d[6], 5, 2, 6, 4}));
    layers->append(stack({d[6], d[7], 3, 1, 6, 1}));
    layers->append(conv(d[7], 1280, 1, 1));
    layers->append(norm(1280));
    layers->append(relu());
    register_module("layers", layers);
    register_module("classifier",
                    layer<nn::Sequential>(nn::Modules{layer<nn::Dropout>(0.2, nn::DropoutOptions{.inplace = true}),
                                                      layer<nn::Linear>(1280, num_classes)}));
    each<nn::Module>(*this, [](nn::Module& m) {
      if (auto* c = dynamic_cast<nn::Conv2d*>(&m)) {
        nn::init::kaiming_normal_(c->weight(), 0, nn::init::FanMode::fan_out, "relu");
      } else if (auto* linear = dynamic_cast<nn::Linear*>(&m)) {
        nn::init::kaiming_uniform_(linear->weight(), 0, nn::init::FanMode::fan_out, "sigmoid");
        zero_bias(*linear);
      }
    });
  }

  Var forward(Var x) override { return call("classifier", graph::mean(call("layers", x), {2, 3})); }
  void fields(nn::Fields& fields) override {
    fields("alpha", alpha_);
    fields("num_classes", num_classes_);
  }
  std::int64_t version() const override { return version_; }

  void upgrade(StateDict&, const std::string&, std::optional<std::int64_t> version) override {
    if (version != 1 && version != 2)
      throw Error(ErrorCode::mismatch, "version should be set to 1 or 2 instead of " +
                                           (version ? std::to_string(*version) : std::string("None")));
    if (version == 2 || alpha_ == 1.0) return;
    auto& layers = child("layers")->children();
    auto first = stem(32, 16, scaled_depths(alpha_)[2]);
    for (std::size_t i = 0; i < first.size(); ++i) layers[i].module = first[i];
    version_ = 1;
  }

 private:
  nn::Number alpha_ = 1.0;
  std::int64_t num_classes_ = 1000, version_ = 2;
};

}  // namespace

ModulePtr make_mnasnet0_5(const Options& o) { return layer<MNASNet>(0.5, o.num_classes); }
ModulePtr make_mnasnet0_75(const Options& o) { return layer<MNASNet>(0.75, o.num_classes); }
ModulePtr make_mnasnet1_0(const Options& o) { return layer<MNASNet>(1.0, o.num_classes); }
ModulePtr make_mnasnet1_3(const Options& o) { return layer<MNASNet>(1.3, o.num_classes); }

std::span<const nn::ClassRow> mnasnet_classes() {
  static constexpr nn::ClassRow rows[] = {class_row<MNASNet>(), class_row<InvertedResidual>()};
  return rows;
}

}  // namespace flambeau::models
