#include <flambeau/models.h>

#include <algorithm>
#include <array>

#include "models/families.h"

namespace flambeau::models {
namespace {

// clang-format off
constexpr std::array<Builder, 80> table = {{
    {"alexnet", "torchvision.models.alexnet.AlexNet", make_alexnet, 224},
    {"convnext_base", "torchvision.models.convnext.ConvNeXt", make_convnext_base, 224},
    {"convnext_large", "torchvision.models.convnext.ConvNeXt", make_convnext_large, 224},
    {"convnext_small", "torchvision.models.convnext.ConvNeXt", make_convnext_small, 224},
    {"convnext_tiny", "torchvision.models.convnext.ConvNeXt", make_convnext_tiny, 224},
    {"densenet121", "torchvision.models.densenet.DenseNet", make_densenet121, 224},
    {"densenet161", "torchvision.models.densenet.DenseNet", make_densenet161, 224},
    {"densenet169", "torchvision.models.densenet.DenseNet", make_densenet169, 224},
    {"densenet201", "torchvision.models.densenet.DenseNet", make_densenet201, 224},
    {"efficientnet_b0", "torchvision.models.efficientnet.EfficientNet", make_efficientnet_b0, 224},
    {"efficientnet_b1", "torchvision.models.efficientnet.EfficientNet", make_efficientnet_b1, 240},
    {"efficientnet_b2", "torchvision.models.efficientnet.EfficientNet", make_efficientnet_b2, 288},
    {"efficientnet_b3", "torchvision.models.efficientnet.EfficientNet", make_efficientnet_b3, 300},
    {"efficientnet_b4", "torchvision.models.efficientnet.EfficientNet", make_efficientnet_b4, 380},
    {"efficientnet_b5", "torchvision.models.efficientnet.EfficientNet", make_efficientnet_b5, 456},
    {"efficientnet_b6", "torchvision.models.efficientnet.EfficientNet", make_efficientnet_b6, 528},
    {"efficientnet_b7", "torchvision.models.efficientnet.EfficientNet", make_efficientnet_b7, 600},
    {"efficientnet_v2_l", "torchvision.models.efficientnet.EfficientNet", make_efficientnet_v2_l, 480},
    {"efficientnet_v2_m", "torchvision.models.efficientnet.EfficientNet", make_efficientnet_v2_m, 480},
    {"efficientnet_v2_s", "torchvision.models.efficientnet.EfficientNet", make_efficientnet_v2_s, 384},
    {"googlenet", "torchvision.models.googlenet.GoogLeNet", make_googlenet, 224},
    {"inception_v3", "torchvision.models.inception.Inception3", make_inception_v3, 299},
    {"maxvit_t", "torchvision.models.maxvit.MaxVit", make_maxvit_t, 224},
    {"mnasnet0_5", "torchvision.models.mnasnet.MNASNet", make_mnasnet0_5, 224},
    {"mnasnet0_75", "torchvision.models.mnasnet.MNASNet", make_mnasnet0_75, 224},
    {"mnasnet1_0", "torchvision.models.mnasnet.MNASNet", make_mnasnet1_0, 224},
    {"mnasnet1_3", "torchvision.models.mnasnet.MNASNet", make_mnasnet1_3, 224},
    {"mobilenet_v2", "torchvision.models.mobilenetv2.MobileNetV2", make_mobilenet_v2, 224},
    {"mobilenet_v3_large", "torchvision.models.mobilenetv3.MobileNetV3", make_mobilenet_v3_large, 224},
    {"mobilenet_v3_small", "torchvision.models.mobilenetv3.MobileNetV3", make_mobilenet_v3_small, 224},
    {"regnet_x_16gf", "torchvision.models.regnet.RegNet", make_regnet_x_16gf, 224},
    {"regnet_x_1_6gf", "torchvision.models.regnet.RegNet", make_regnet_x_1_6gf, 224},
    {"regnet_x_32gf", "torchvision.models.regnet.RegNet", make_regnet_x_32gf, 224},
    {"regnet_x_3_2gf", "torchvision.models.regnet.RegNet", make_regnet_x_3_2gf, 224},
    {"regnet_x_400mf", "torchvision.models.regnet.RegNet", make_regnet_x_400mf, 224},
    {"regnet_x_800mf", "torchvision.models.regnet.RegNet", make_regnet_x_800mf, 224},
    {"regnet_x_8gf", "torchvision.models.regnet.RegNet", make_regnet_x_8gf, 224},
    {"regnet_y_128gf", "torchvision.models.regnet.RegNet", make_regnet_y_128gf, 384},
    {"regnet_y_16gf", "torchvision.models.regnet.RegNet", make_regnet_y_16gf, 224},
    {"regnet_y_1_6gf", "torchvision.models.regnet.RegNet", make_regnet_y_1_6gf, 224},
    {"regnet_y_32gf", "torchvision.models.regnet.RegNet", make_regnet_y_32gf, 224},
    {"regnet_y_3_2gf", "torchvision.models.regnet.RegNet", make_regnet_y_3_2gf, 224},
    {"regnet_y_400mf", "torchvision.models.regnet.RegNet", make_regnet_y_400mf, 224},
    {"regnet_y_800mf", "torchvision.models.regnet.RegNet", make_regnet_y_800mf, 224},
    {"regnet_y_8gf", "torchvision.models.regnet.RegNet", make_regnet_y_8gf, 224},
    {"resnet101", "torchvision.models.resnet.ResNet", make_resnet101, 224},
    {"resnet152", "torchvision.models.resnet.ResNet", make_resnet152, 224},
    {"resnet18", "torchvision.models.resnet.ResNet", make_resnet18, 224},
    {"resnet34", "torchvision.models.resnet.ResNet", make_resnet34, 224},
    {"resnet50", "torchvision.models.resnet.ResNet", make_resnet50, 224},
    {"resnext101_32x8d", "torchvision.models.resnet.ResNet", make_resnext101_32x8d, 224},
    {"resnext101_64x4d", "torchvision.models.resnet.ResNet", make_resnext101_64x4d, 224},
    {"resnext50_32x4d", "torchvision.models.resnet.ResNet", make_resnext50_32x4d, 224},
    {"shufflenet_v2_x0_5", "torchvision.models.shufflenetv2.ShuffleNetV2", make_shufflenet_v2_x0_5, 224},
    {"shufflenet_v2_x1_0", "torchvision.models.shufflenetv2.ShuffleNetV2", make_shufflenet_v2_x1_0, 224},
    {"shufflenet_v2_x1_5", "torchvision.models.shufflenetv2.ShuffleNetV2", make_shufflenet_v2_x1_5, 224},
    {"shufflenet_v2_x2_0", "torchvision.models.shufflenetv2.ShuffleNetV2", make_shufflenet_v2_x2_0, 224},
    {"squeezenet1_0", "torchvision.models.squeezenet.SqueezeNet", make_squeezenet1_0, 224},
    {"squeezenet1_1", "torchvision.models.squeezenet.SqueezeNet", make_squeezenet1_1, 224},
    {"swin_b", "torchvision.models.swin_transformer.SwinTransformer", make_swin_b, 224},
    {"swin_s", "torchvision.models.swin_transformer.SwinTransformer", make_swin_s, 224},
    {"swin_t", "torchvision.models.swin_transformer.SwinTransformer", make_swin_t, 224},
    {"swin_v2_b", "torchvision.models.swin_transformer.SwinTransformer", make_swin_v2_b, 256},
    {"swin_v2_s", "torchvision.models.swin_transformer.SwinTransformer", make_swin_v2_s, 256},
    {"swin_v2_t", "torchvision.models.swin_transformer.SwinTransformer", make_swin_v2_t, 256},
    {"vgg11", "torchvision.models.vgg.VGG", make_vgg11, 224},
    {"vgg11_bn", "torchvision.models.vgg.VGG", make_vgg11_bn, 224},
    {"vgg13", "torchvision.models.vgg.VGG", make_vgg13, 224},
    {"vgg13_bn", "torchvision.models.vgg.VGG", make_vgg13_bn, 224},
    {"vgg16", "torchvision.models.vgg.VGG", make_vgg16, 224},
    {"vgg16_bn", "torchvision.models.vgg.VGG", make_vgg16_bn, 224},
    {"vgg19", "torchvision.models.vgg.VGG", make_vgg19, 224},
    {"vgg19_bn", "torchvision.models.vgg.VGG", make_vgg19_bn, 224},
    {"vit_b_16", "torchvision.models.vision_transformer.VisionTransformer", make_vit_b_16, 224},
    {"vit_b_32", "torchvision.models.vision_transformer.VisionTransformer", make_vit_b_32, 224},
    {"vit_h_14", "torchvision.models.vision_transformer.VisionTransformer", make_vit_h_14, 518},
    {"vit_l_16", "torchvision.models.vision_transformer.VisionTransformer", make_vit_l_16, 224},
    {"vit_l_32", "torchvision.models.vision_transformer.VisionTransformer", make_vit_l_32, 224},
    {"wide_resnet101_2", "torchvision.models.resnet.ResNet", make_wide_resnet101_2, 224},
    {"wide_resnet50_2", "torchvision.models.resnet.ResNet", make_wide_resnet50_2, 224},
}};
// clang-format on
static_assert(std::ranges::is_sorted(table, {}, &Builder::name), "find() searches by halving");

static_assert(std::ranges::is_sorted(weights, {}, &Weights::builder), "weights_of() searches by halving");

}  // namespace

std::span<const Builder> builders() noexcept { return table; }

const Builder* find(std::string_view name) noexcept {
  const auto found = std::ranges::lower_bound(table, name, {}, &Builder::name);
  return found != table.end() && found->name == name ? &*found : nullptr;
}

std::span<const Weights> weights_of(std::string_view builder) noexcept {
  // Not equal_range: clang 14 cannot make libstdc++'s subrange.
  const auto* const first = std::ranges::lower_bound(weights, builder, {}, &Weights::builder);
  const auto* const last = std::ranges::upper_bound(weights, builder, {}, &Weights::builder);
  return {first, last};
}

const Weights* find_weights(std::string_view builder, std::string_view name) noexcept {
  if (const auto dot = name.find('.'); dot != std::string_view::npos) {  // "VGG16_Weights.DEFAULT"
    const auto rows = weights_of(builder);
    if (rows.empty() || rows.front().enumeration != name.substr(0, dot)) return nullptr;
    name.remove_prefix(dot + 1);
  }
  for (const Weights& row : weights_of(builder))
    if (name == "DEFAULT" ? row.is_default : row.name == name) return &row;
  return nullptr;
}

vision::Preset transforms(const Weights& w) noexcept {
  vision::Preset preset{.resize = w.resize, .crop = w.crop};
  if (w.normalization == Weights::half) preset.mean = preset.std = {0.5, 0.5, 0.5};
  if (w.normalization == Weights::caffe) {
    preset.mean = {0.48235, 0.45882, 0.40784};
    preset.std = {1.0 / 255.0, 1.0 / 255.0, 1.0 / 255.0};
  }
  preset.interpolation =
      w.interpolation == Weights::bicubic ? vision::Interpolation::bicubic : vision::Interpolation::bilinear;
  return preset;
}

}  // namespace flambeau::models
