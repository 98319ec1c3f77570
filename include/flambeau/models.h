#pragma once
/// torchvision's 80 classification models: module trees, state_dict keys, texts and seeded initial values as
/// torchvision 0.28.
///
/// `models::vgg16()` is torchvision's `vgg16()`: a fresh model in train mode. Inputs are (N, 3, H, W) float32,
/// ImageNet- normalised; the result is (N, num_classes). Threads: builders draw from the calling thread's generator.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <flambeau/nn.h>
#include <flambeau/vision.h>
#include <flambeau/weights.h>

namespace flambeau::models {

/// A builder's keyword arguments; designated initialisers: `vgg16({.weights = VGG16_Weights::DEFAULT})`.
struct Options {
  std::optional<Weights> weights{};     ///< published weights, from torch's cache (see hub.h)
  std::optional<std::uint64_t> seed{};  ///< manual_seed(seed) before construction
  std::int64_t num_classes = 1000;
  bool initialize = true;                 ///< false: parameters are meta tensors until load_state_dict (nn::SkipInit)
  std::optional<bool> aux_logits{};       ///< GoogLeNet, Inception3: auxiliary heads (default: there, without weights)
  std::optional<bool> transform_input{};  ///< GoogLeNet, Inception3 (default: true with weights)
  std::optional<std::int64_t> image_size{};           ///< vision transformers and MaxVit (default 224)
  std::optional<std::int64_t> representation_size{};  ///< vision transformers: of a layer before the head
  /// The parameter that `weights` replaced: true means IMAGENET1K_V1. Deprecated as in torchvision, whose words go to
  /// `warn`, two texts a call.
  std::optional<bool> pretrained{};
  std::function<void(std::string_view)> warn{};
};

/// One row per builder.
struct Builder {
  std::string_view name;                                     ///< "vgg16"
  std::string_view root_class;                               ///< "torchvision.models.vgg.VGG"
  std::shared_ptr<nn::Module> (*construct)(const Options&);  ///< without weights and seed
  std::int64_t input_size;                                   ///< pixels of the default weights' crop
};
/// All builders, alphabetical.
std::span<const Builder> builders() noexcept;
/// Null for an unknown name.
const Builder* find(std::string_view name) noexcept;
/// torchvision's get_model. Throws Error(not_found) with near names; with `weights` also what fetching and loading them
/// throws, Error(invalid_argument) when the weights belong to another builder or `num_classes` is not theirs.
Model make(std::string_view name, const Options& options = {});

/// All published weights of a builder, and the one that `name` means ("IMAGENET1K_V1", "DEFAULT",
/// "VGG16_Weights.DEFAULT").
std::span<const Weights> weights_of(std::string_view builder) noexcept;
const Weights* find_weights(std::string_view builder, std::string_view name) noexcept;
/// The preprocessing that the published accuracy was measured with: torchvision's `weights.transforms()`.
vision::Preset transforms(const Weights& weights) noexcept;
/// The names of the classes by index, torchvision's `weights.meta["categories"]`: ImageNet-1K's 1000; empty for
/// VGG16's FEATURES.
std::span<const std::string_view> categories(const Weights& weights) noexcept;
/// ImageNet-1K's 1000 names ("tench", …, "toilet tissue").
std::span<const std::string_view> imagenet_categories() noexcept;

// clang-format off
inline Model alexnet(const Options& options = {}) { return make("alexnet", options); }
inline Model convnext_base(const Options& options = {}) { return make("convnext_base", options); }
inline Model convnext_large(const Options& options = {}) { return make("convnext_large", options); }
inline Model convnext_small(const Options& options = {}) { return make("convnext_small", options); }
inline Model convnext_tiny(const Options& options = {}) { return make("convnext_tiny", options); }
inline Model densenet121(const Options& options = {}) { return make("densenet121", options); }
inline Model densenet161(const Options& options = {}) { return make("densenet161", options); }
inline Model densenet169(const Options& options = {}) { return make("densenet169", options); }
inline Model densenet201(const Options& options = {}) { return make("densenet201", options); }
inline Model efficientnet_b0(const Options& options = {}) { return make("efficientnet_b0", options); }
inline Model efficientnet_b1(const Options& options = {}) { return make("efficientnet_b1", options); }
inline Model efficientnet_b2(const Options& options = {}) { return make("efficientnet_b2", options); }
inline Model efficientnet_b3(const Options& options = {}) { return make("efficientnet_b3", options); }
inline Model efficientnet_b4(const Options& options = {}) { return make("efficientnet_b4", options); }
inline Model efficientnet_b5(const Options& options = {}) { return make("efficientnet_b5", options); }
inline Model efficientnet_b6(const Options& options = {}) { return make("efficientnet_b6", options); }
inline Model efficientnet_b7(const Options& options = {}) { return make("efficientnet_b7", options); }
inline Model efficientnet_v2_l(const Options& options = {}) { return make("efficientnet_v2_l", options); }
inline Model efficientnet_v2_m(const Options& options = {}) { return make("efficientnet_v2_m", options); }
inline Model efficientnet_v2_s(const Options& options = {}) { return make("efficientnet_v2_s", options); }
inline Model googlenet(const Options& options = {}) { return make("googlenet", options); }
inline Model inception_v3(const Options& options = {}) { return make("inception_v3", options); }
inline Model maxvit_t(const Options& options = {}) { return make("maxvit_t", options); }
inline Model mnasnet0_5(const Options& options = {}) { return make("mnasnet0_5", options); }
inline Model mnasnet0_75(const Options& options = {}) { return make("mnasnet0_75", options); }
inline Model mnasnet1_0(const Options& options = {}) { return make("mnasnet1_0", options); }
inline Model mnasnet1_3(const Options& options = {}) { return make("mnasnet1_3", options); }
inline Model mobilenet_v2(const Options& options = {}) { return make("mobilenet_v2", options); }
inline Model mobilenet_v3_large(const Options& options = {}) { return make("mobilenet_v3_large", options); }
inline Model mobilenet_v3_small(const Options& options = {}) { return make("mobilenet_v3_small", options); }
inline Model regnet_x_16gf(const Options& options = {}) { return make("regnet_x_16gf", options); }
inline Model regnet_x_1_6gf(const Options& options = {}) { return make("regnet_x_1_6gf", options); }
inline Model regnet_x_32gf(const Options& options = {}) { return make("regnet_x_32gf", options); }
inline Model regnet_x_3_2gf(const Options& options = {}) { return make("regnet_x_3_2gf", options); }
inline Model regnet_x_400mf(const Options& options = {}) { return make("regnet_x_400mf", options); }
inline Model regnet_x_800mf(const Options& options = {}) { return make("regnet_x_800mf", options); }
inline Model regnet_x_8gf(const Options& options = {}) { return make("regnet_x_8gf", options); }
inline Model regnet_y_128gf(const Options& options = {}) { return make("regnet_y_128gf", options); }
inline Model regnet_y_16gf(const Options& options = {}) { return make("regnet_y_16gf", options); }
inline Model regnet_y_1_6gf(const Options& options = {}) { return make("regnet_y_1_6gf", options); }
inline Model regnet_y_32gf(const Options& options = {}) { return make("regnet_y_32gf", options); }
inline Model regnet_y_3_2gf(const Options& options = {}) { return make("regnet_y_3_2gf", options); }
inline Model regnet_y_400mf(const Options& options = {}) { return make("regnet_y_400mf", options); }
inline Model regnet_y_800mf(const Options& options = {}) { return make("regnet_y_800mf", options); }
inline Model regnet_y_8gf(const Options& options = {}) { return make("regnet_y_8gf", options); }
inline Model resnet101(const Options& options = {}) { return make("resnet101", options); }
inline Model resnet152(const Options& options = {}) { return make("resnet152", options); }
inline Model resnet18(const Options& options = {}) { return make("resnet18", options); }
inline Model resnet34(const Options& options = {}) { return make("resnet34", options); }
inline Model resnet50(const Options& options = {}) { return make("resnet50", options); }
inline Model resnext101_32x8d(const Options& options = {}) { return make("resnext101_32x8d", options); }
inline Model resnext101_64x4d(const Options& options = {}) { return make("resnext101_64x4d", options); }
inline Model resnext50_32x4d(const Options& options = {}) { return make("resnext50_32x4d", options); }
inline Model shufflenet_v2_x0_5(const Options& options = {}) { return make("shufflenet_v2_x0_5", options); }
inline Model shufflenet_v2_x1_0(const Options& options = {}) { return make("shufflenet_v2_x1_0", options); }
inline Model shufflenet_v2_x1_5(const Options& options = {}) { return make("shufflenet_v2_x1_5", options); }
inline Model shufflenet_v2_x2_0(const Options& options = {}) { return make("shufflenet_v2_x2_0", options); }
inline Model squeezenet1_0(const Options& options = {}) { return make("squeezenet1_0", options); }
inline Model squeezenet1_1(const Options& options = {}) { return make("squeezenet1_1", options); }
inline Model swin_b(const Options& options = {}) { return make("swin_b", options); }
inline Model swin_s(const Options& options = {}) { return make("swin_s", options); }
inline Model swin_t(const Options& options = {}) { return make("swin_t", options); }
inline Model swin_v2_b(const Options& options = {}) { return make("swin_v2_b", options); }
inline Model swin_v2_s(const Options& options = {}) { return make("swin_v2_s", options); }
inline Model swin_v2_t(const Options& options = {}) { return make("swin_v2_t", options); }
inline Model vgg11(const Options& options = {}) { return make("vgg11", options); }
inline Model vgg11_bn(const Options& options = {}) { return make("vgg11_bn", options); }
inline Model vgg13(const Options& options = {}) { return make("vgg13", options); }
inline Model vgg13_bn(const Options& options = {}) { return make("vgg13_bn", options); }
inline Model vgg16(const Options& options = {}) { return make("vgg16", options); }
inline Model vgg16_bn(const Options& options = {}) { return make("vgg16_bn", options); }
inline Model vgg19(const Options& options = {}) { return make("vgg19", options); }
inline Model vgg19_bn(const Options& options = {}) { return make("vgg19_bn", options); }
inline Model vit_b_16(const Options& options = {}) { return make("vit_b_16", options); }
inline Model vit_b_32(const Options& options = {}) { return make("vit_b_32", options); }
inline Model vit_h_14(const Options& options = {}) { return make("vit_h_14", options); }
inline Model vit_l_16(const Options& options = {}) { return make("vit_l_16", options); }
inline Model vit_l_32(const Options& options = {}) { return make("vit_l_32", options); }
inline Model wide_resnet101_2(const Options& options = {}) { return make("wide_resnet101_2", options); }
inline Model wide_resnet50_2(const Options& options = {}) { return make("wide_resnet50_2", options); }
// clang-format on

}  // namespace flambeau::models
