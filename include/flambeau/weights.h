#pragma once
/// torchvision's published classification weights: one row per entry of its `*_Weights` enums (torchvision 0.28), in
/// the builders' alphabetical order. Nothing is downloaded here; see hub.h.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace flambeau::models {

/// One published file with its figures and the preprocessing it was measured with.
struct Weights {
  enum Interpolation : std::uint8_t { bilinear, bicubic };
  /// imagenet: mean (0.485, 0.456, 0.406), std (0.229, 0.224, 0.225); half: 0.5 and 0.5;
  /// caffe: mean (0.48235, 0.45882, 0.40784), std 1/255 (VGG16's FEATURES).
  enum Normalization : std::uint8_t { imagenet, half, caffe };

  std::string_view builder;      ///< "vgg16"
  std::string_view enumeration;  ///< "VGG16_Weights"
  std::string_view name;         ///< "IMAGENET1K_V1"
  std::string_view file_name;    ///< "vgg16-397923af.pth"; the hexadecimal part begins the file's SHA-256
  std::int64_t parameters;
  double acc1, acc5;  ///< per cent on ImageNet-1K; -1 where none is published
  double gflops;      ///< multiply-adds, counted once
  double file_mib;
  int crop, resize;  ///< pixels
  Interpolation interpolation;
  Normalization normalization;
  bool is_default;

  /// Where the file lies.
  std::string url() const { return "https://download.pytorch.org/models/" + std::string(file_name); }
  /// The hexadecimal digits of `file_name` that the SHA-256 must begin with.
  constexpr std::string_view sha256_prefix() const {
    const auto dash = file_name.rfind('-');
    return file_name.substr(dash + 1, file_name.rfind('.') - dash - 1);
  }
  /// False for VGG16's FEATURES, whose classifier means nothing.
  constexpr bool has_categories() const { return acc1 >= 0; }
};

// clang-format off
inline constexpr std::array<Weights, 115> weights = {{
    {"alexnet", "AlexNet_Weights", "IMAGENET1K_V1", "alexnet-owt-7be5be79.pth", 61100840, 56.522, 79.066, 0.714, 233.087, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"convnext_base", "ConvNeXt_Base_Weights", "IMAGENET1K_V1", "convnext_base-6075fbad.pth", 88591464, 84.062, 96.87, 15.355, 338.064, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"convnext_large", "ConvNeXt_Large_Weights", "IMAGENET1K_V1", "convnext_large-ea097f82.pth", 197767336, 84.414, 96.976, 34.361, 754.537, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"convnext_small", "ConvNeXt_Small_Weights", "IMAGENET1K_V1", "convnext_small-0c510722.pth", 50223688, 83.616, 96.65, 8.684, 191.703, 224, 230, Weights::bilinear, Weights::imagenet, true},
    {"convnext_tiny", "ConvNeXt_Tiny_Weights", "IMAGENET1K_V1", "convnext_tiny-983f1562.pth", 28589128, 82.52, 96.146, 4.456, 109.119, 224, 236, Weights::bilinear, Weights::imagenet, true},
    {"densenet121", "DenseNet121_Weights", "IMAGENET1K_V1", "densenet121-a639ec97.pth", 7978856, 74.434, 91.972, 2.834, 30.845, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"densenet161", "DenseNet161_Weights", "IMAGENET1K_V1", "densenet161-8d451a50.pth", 28681000, 77.138, 93.56, 7.728, 110.369, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"densenet169", "DenseNet169_Weights", "IMAGENET1K_V1", "densenet169-b2777c0a.pth", 14149480, 75.6, 92.806, 3.36, 54.708, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"densenet201", "DenseNet201_Weights", "IMAGENET1K_V1", "densenet201-c1103571.pth", 20013928, 76.896, 93.37, 4.291, 77.373, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"efficientnet_b0", "EfficientNet_B0_Weights", "IMAGENET1K_V1", "efficientnet_b0_rwightman-7f5810bc.pth", 5288548, 77.692, 93.532, 0.386, 20.451, 224, 256, Weights::bicubic, Weights::imagenet, true},
    {"efficientnet_b1", "EfficientNet_B1_Weights", "IMAGENET1K_V1", "efficientnet_b1_rwightman-bac287d4.pth", 7794184, 78.642, 94.186, 0.687, 30.134, 240, 256, Weights::bicubic, Weights::imagenet, false},
    {"efficientnet_b1", "EfficientNet_B1_Weights", "IMAGENET1K_V2", "efficientnet_b1-c27df63c.pth", 7794184, 79.838, 94.934, 0.687, 30.136, 240, 255, Weights::bilinear, Weights::imagenet, true},
    {"efficientnet_b2", "EfficientNet_B2_Weights", "IMAGENET1K_V1", "efficientnet_b2_rwightman-c35c1473.pth", 9109994, 80.608, 95.31, 1.088, 35.174, 288, 288, Weights::bicubic, Weights::imagenet, true},
    {"efficientnet_b3", "EfficientNet_B3_Weights", "IMAGENET1K_V1", "efficientnet_b3_rwightman-b3899882.pth", 12233232, 82.008, 96.054, 1.827, 47.184, 300, 320, Weights::bicubic, Weights::imagenet, true},
    {"efficientnet_b4", "EfficientNet_B4_Weights", "IMAGENET1K_V1", "efficientnet_b4_rwightman-23ab8bcd.pth", 19341616, 83.384, 96.594, 4.394, 74.489, 380, 384, Weights::bicubic, Weights::imagenet, true},
    {"efficientnet_b5", "EfficientNet_B5_Weights", "IMAGENET1K_V1", "efficientnet_b5_lukemelas-1a07897c.pth", 30389784, 83.444, 96.628, 10.266, 116.864, 456, 456, Weights::bicubic, Weights::imagenet, true},
    {"efficientnet_b6", "EfficientNet_B6_Weights", "IMAGENET1K_V1", "efficientnet_b6_lukemelas-24a108a5.pth", 43040704, 84.008, 96.916, 19.068, 165.362, 528, 528, Weights::bicubic, Weights::imagenet, true},
    {"efficientnet_b7", "EfficientNet_B7_Weights", "IMAGENET1K_V1", "efficientnet_b7_lukemelas-c5b4e57e.pth", 66347960, 84.122, 96.908, 37.746, 254.675, 600, 600, Weights::bicubic, Weights::imagenet, true},
    {"efficientnet_v2_l", "EfficientNet_V2_L_Weights", "IMAGENET1K_V1", "efficientnet_v2_l-59c71312.pth", 118515272, 85.808, 97.788, 56.08, 454.573, 480, 480, Weights::bicubic, Weights::half, true},
    {"efficientnet_v2_m", "EfficientNet_V2_M_Weights", "IMAGENET1K_V1", "efficientnet_v2_m-dc08266a.pth", 54139356, 85.112, 97.156, 24.582, 208.01, 480, 480, Weights::bilinear, Weights::imagenet, true},
    {"efficientnet_v2_s", "EfficientNet_V2_S_Weights", "IMAGENET1K_V1", "efficientnet_v2_s-dd5fe13b.pth", 21458488, 84.228, 96.878, 8.366, 82.704, 384, 384, Weights::bilinear, Weights::imagenet, true},
    {"googlenet", "GoogLeNet_Weights", "IMAGENET1K_V1", "googlenet-1378be20.pth", 6624904, 69.778, 89.53, 1.498, 49.731, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"inception_v3", "Inception_V3_Weights", "IMAGENET1K_V1", "inception_v3_google-0cc3c7bd.pth", 27161264, 77.294, 93.45, 5.713, 103.903, 299, 342, Weights::bilinear, Weights::imagenet, true},
    {"maxvit_t", "MaxVit_T_Weights", "IMAGENET1K_V1", "maxvit_t-bc5ab103.pth", 30919624, 83.7, 96.722, 5.558, 118.769, 224, 224, Weights::bicubic, Weights::imagenet, true},
    {"mnasnet0_5", "MNASNet0_5_Weights", "IMAGENET1K_V1", "mnasnet0.5_top1_67.823-3ffadce67e.pth", 2218512, 67.734, 87.49, 0.104, 8.591, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"mnasnet0_75", "MNASNet0_75_Weights", "IMAGENET1K_V1", "mnasnet0_75-7090bc5f.pth", 3170208, 71.18, 90.496, 0.215, 12.303, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"mnasnet1_0", "MNASNet1_0_Weights", "IMAGENET1K_V1", "mnasnet1.0_top1_73.512-f206786ef8.pth", 4383312, 73.456, 91.51, 0.314, 16.915, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"mnasnet1_3", "MNASNet1_3_Weights", "IMAGENET1K_V1", "mnasnet1_3-a4c69d6f.pth", 6282256, 76.506, 93.522, 0.526, 24.246, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"mobilenet_v2", "MobileNet_V2_Weights", "IMAGENET1K_V1", "mobilenet_v2-b0353104.pth", 3504872, 71.878, 90.286, 0.301, 13.555, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"mobilenet_v2", "MobileNet_V2_Weights", "IMAGENET1K_V2", "mobilenet_v2-7ebf99e0.pth", 3504872, 72.154, 90.822, 0.301, 13.598, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"mobilenet_v3_large", "MobileNet_V3_Large_Weights", "IMAGENET1K_V1", "mobilenet_v3_large-8738ca79.pth", 5483032, 74.042, 91.34, 0.217, 21.114, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"mobilenet_v3_large", "MobileNet_V3_Large_Weights", "IMAGENET1K_V2", "mobilenet_v3_large-5c1a4163.pth", 5483032, 75.274, 92.566, 0.217, 21.107, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"mobilenet_v3_small", "MobileNet_V3_Small_Weights", "IMAGENET1K_V1", "mobilenet_v3_small-047dcff4.pth", 2542856, 67.668, 87.402, 0.057, 9.829, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"regnet_x_16gf", "RegNet_X_16GF_Weights", "IMAGENET1K_V1", "regnet_x_16gf-2007eb11.pth", 54278536, 80.058, 94.944, 15.941, 207.627, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_x_16gf", "RegNet_X_16GF_Weights", "IMAGENET1K_V2", "regnet_x_16gf-ba3796d7.pth", 54278536, 82.716, 96.196, 15.941, 207.627, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"regnet_x_1_6gf", "RegNet_X_1_6GF_Weights", "IMAGENET1K_V1", "regnet_x_1_6gf-e3633e7f.pth", 9190136, 77.04, 93.44, 1.603, 35.339, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_x_1_6gf", "RegNet_X_1_6GF_Weights", "IMAGENET1K_V2", "regnet_x_1_6gf-a12f2b72.pth", 9190136, 79.668, 94.922, 1.603, 35.339, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"regnet_x_32gf", "RegNet_X_32GF_Weights", "IMAGENET1K_V1", "regnet_x_32gf-9d47f8d0.pth", 107811560, 80.622, 95.248, 31.736, 412.039, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_x_32gf", "RegNet_X_32GF_Weights", "IMAGENET1K_V2", "regnet_x_32gf-6eb8fdc6.pth", 107811560, 83.014, 96.288, 31.736, 412.039, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"regnet_x_3_2gf", "RegNet_X_3_2GF_Weights", "IMAGENET1K_V1", "regnet_x_3_2gf-f342aeae.pth", 15296552, 78.364, 93.992, 3.177, 58.756, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_x_3_2gf", "RegNet_X_3_2GF_Weights", "IMAGENET1K_V2", "regnet_x_3_2gf-7071aa85.pth", 15296552, 81.196, 95.43, 3.177, 58.756, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"regnet_x_400mf", "RegNet_X_400MF_Weights", "IMAGENET1K_V1", "regnet_x_400mf-adf1edd5.pth", 5495976, 72.834, 90.95, 0.414, 21.258, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_x_400mf", "RegNet_X_400MF_Weights", "IMAGENET1K_V2", "regnet_x_400mf-62229a5f.pth", 5495976, 74.864, 92.322, 0.414, 21.257, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"regnet_x_800mf", "RegNet_X_800MF_Weights", "IMAGENET1K_V1", "regnet_x_800mf-ad17e45c.pth", 7259656, 75.212, 92.348, 0.8, 27.945, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_x_800mf", "RegNet_X_800MF_Weights", "IMAGENET1K_V2", "regnet_x_800mf-94a99ebd.pth", 7259656, 77.522, 93.826, 0.8, 27.945, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"regnet_x_8gf", "RegNet_X_8GF_Weights", "IMAGENET1K_V1", "regnet_x_8gf-03ceed89.pth", 39572648, 79.344, 94.686, 7.995, 151.456, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_x_8gf", "RegNet_X_8GF_Weights", "IMAGENET1K_V2", "regnet_x_8gf-2b70d774.pth", 39572648, 81.682, 95.678, 7.995, 151.456, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"regnet_y_128gf", "RegNet_Y_128GF_Weights", "IMAGENET1K_SWAG_E2E_V1", "regnet_y_128gf_swag-c8ce3e52.pth", 644812894, 88.228, 98.682, 374.57, 2461.564, 384, 384, Weights::bicubic, Weights::imagenet, true},
    {"regnet_y_128gf", "RegNet_Y_128GF_Weights", "IMAGENET1K_SWAG_LINEAR_V1", "regnet_y_128gf_lc_swag-cbe8ce12.pth", 644812894, 86.068, 97.844, 127.518, 2461.564, 224, 224, Weights::bicubic, Weights::imagenet, false},
    {"regnet_y_16gf", "RegNet_Y_16GF_Weights", "IMAGENET1K_V1", "regnet_y_16gf-9e6ed7dd.pth", 83590140, 80.424, 95.24, 15.912, 319.49, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_y_16gf", "RegNet_Y_16GF_Weights", "IMAGENET1K_V2", "regnet_y_16gf-3e4a00f9.pth", 83590140, 82.886, 96.328, 15.912, 319.49, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"regnet_y_16gf", "RegNet_Y_16GF_Weights", "IMAGENET1K_SWAG_E2E_V1", "regnet_y_16gf_swag-43afe44d.pth", 83590140, 86.012, 98.054, 46.735, 319.49, 384, 384, Weights::bicubic, Weights::imagenet, false},
    {"regnet_y_16gf", "RegNet_Y_16GF_Weights", "IMAGENET1K_SWAG_LINEAR_V1", "regnet_y_16gf_lc_swag-f3ec0043.pth", 83590140, 83.976, 97.244, 15.912, 319.49, 224, 224, Weights::bicubic, Weights::imagenet, false},
    {"regnet_y_1_6gf", "RegNet_Y_1_6GF_Weights", "IMAGENET1K_V1", "regnet_y_1_6gf-b11a554e.pth", 11202430, 77.95, 93.966, 1.612, 43.152, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_y_1_6gf", "RegNet_Y_1_6GF_Weights", "IMAGENET1K_V2", "regnet_y_1_6gf-0d7bc02a.pth", 11202430, 80.876, 95.444, 1.612, 43.152, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"regnet_y_32gf", "RegNet_Y_32GF_Weights", "IMAGENET1K_V1", "regnet_y_32gf-4dee3f7a.pth", 145046770, 80.878, 95.34, 32.28, 554.076, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_y_32gf", "RegNet_Y_32GF_Weights", "IMAGENET1K_V2", "regnet_y_32gf-8db6d4b5.pth", 145046770, 83.368, 96.498, 32.28, 554.076, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"regnet_y_32gf", "RegNet_Y_32GF_Weights", "IMAGENET1K_SWAG_E2E_V1", "regnet_y_32gf_swag-04fdfa75.pth", 145046770, 86.838, 98.362, 94.826, 554.076, 384, 384, Weights::bicubic, Weights::imagenet, false},
    {"regnet_y_32gf", "RegNet_Y_32GF_Weights", "IMAGENET1K_SWAG_LINEAR_V1", "regnet_y_32gf_lc_swag-e1583746.pth", 145046770, 84.622, 97.48, 32.28, 554.076, 224, 224, Weights::bicubic, Weights::imagenet, false},
    {"regnet_y_3_2gf", "RegNet_Y_3_2GF_Weights", "IMAGENET1K_V1", "regnet_y_3_2gf-b5a9779c.pth", 19436338, 78.948, 94.576, 3.176, 74.567, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_y_3_2gf", "RegNet_Y_3_2GF_Weights", "IMAGENET1K_V2", "regnet_y_3_2gf-9180c971.pth", 19436338, 81.982, 95.972, 3.176, 74.567, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"regnet_y_400mf", "RegNet_Y_400MF_Weights", "IMAGENET1K_V1", "regnet_y_400mf-c65dace8.pth", 4344144, 74.046, 91.716, 0.402, 16.806, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_y_400mf", "RegNet_Y_400MF_Weights", "IMAGENET1K_V2", "regnet_y_400mf-e6988f5f.pth", 4344144, 75.804, 92.742, 0.402, 16.806, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"regnet_y_800mf", "RegNet_Y_800MF_Weights", "IMAGENET1K_V1", "regnet_y_800mf-1b27b58c.pth", 6432512, 76.42, 93.136, 0.834, 24.774, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_y_800mf", "RegNet_Y_800MF_Weights", "IMAGENET1K_V2", "regnet_y_800mf-58fc7688.pth", 6432512, 78.828, 94.502, 0.834, 24.774, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"regnet_y_8gf", "RegNet_Y_8GF_Weights", "IMAGENET1K_V1", "regnet_y_8gf-d0d0e4a8.pth", 39381472, 80.032, 95.048, 8.473, 150.701, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"regnet_y_8gf", "RegNet_Y_8GF_Weights", "IMAGENET1K_V2", "regnet_y_8gf-dc2b1b54.pth", 39381472, 82.828, 96.33, 8.473, 150.701, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"resnet101", "ResNet101_Weights", "IMAGENET1K_V1", "resnet101-63fe2227.pth", 44549160, 77.374, 93.546, 7.801, 170.511, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"resnet101", "ResNet101_Weights", "IMAGENET1K_V2", "resnet101-cd907fc2.pth", 44549160, 81.886, 95.78, 7.801, 170.53, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"resnet152", "ResNet152_Weights", "IMAGENET1K_V1", "resnet152-394f9c45.pth", 60192808, 78.312, 94.046, 11.514, 230.434, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"resnet152", "ResNet152_Weights", "IMAGENET1K_V2", "resnet152-f82ba261.pth", 60192808, 82.284, 96.002, 11.514, 230.474, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"resnet18", "ResNet18_Weights", "IMAGENET1K_V1", "resnet18-f37072fd.pth", 11689512, 69.758, 89.078, 1.814, 44.661, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"resnet34", "ResNet34_Weights", "IMAGENET1K_V1", "resnet34-b627a593.pth", 21797672, 73.314, 91.42, 3.664, 83.275, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"resnet50", "ResNet50_Weights", "IMAGENET1K_V1", "resnet50-0676ba61.pth", 25557032, 76.13, 92.862, 4.089, 97.781, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"resnet50", "ResNet50_Weights", "IMAGENET1K_V2", "resnet50-11ad3fa6.pth", 25557032, 80.858, 95.434, 4.089, 97.79, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"resnext101_32x8d", "ResNeXt101_32X8D_Weights", "IMAGENET1K_V1", "resnext101_32x8d-8ba56ff5.pth", 88791336, 79.312, 94.526, 16.414, 339.586, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"resnext101_32x8d", "ResNeXt101_32X8D_Weights", "IMAGENET1K_V2", "resnext101_32x8d-110c445d.pth", 88791336, 82.834, 96.228, 16.414, 339.673, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"resnext101_64x4d", "ResNeXt101_64X4D_Weights", "IMAGENET1K_V1", "resnext101_64x4d-173b62eb.pth", 83455272, 83.246, 96.454, 15.46, 319.318, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"resnext50_32x4d", "ResNeXt50_32X4D_Weights", "IMAGENET1K_V1", "resnext50_32x4d-7cdf4587.pth", 25028904, 77.618, 93.698, 4.23, 95.789, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"resnext50_32x4d", "ResNeXt50_32X4D_Weights", "IMAGENET1K_V2", "resnext50_32x4d-1a0047aa.pth", 25028904, 81.198, 95.34, 4.23, 95.833, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"shufflenet_v2_x0_5", "ShuffleNet_V2_X0_5_Weights", "IMAGENET1K_V1", "shufflenetv2_x0.5-f707e7126e.pth", 1366792, 60.552, 81.746, 0.04, 5.282, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"shufflenet_v2_x1_0", "ShuffleNet_V2_X1_0_Weights", "IMAGENET1K_V1", "shufflenetv2_x1-5666bf0f80.pth", 2278604, 69.362, 88.316, 0.145, 8.791, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"shufflenet_v2_x1_5", "ShuffleNet_V2_X1_5_Weights", "IMAGENET1K_V1", "shufflenetv2_x1_5-3c479a10.pth", 3503624, 72.996, 91.086, 0.296, 13.557, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"shufflenet_v2_x2_0", "ShuffleNet_V2_X2_0_Weights", "IMAGENET1K_V1", "shufflenetv2_x2_0-8be3c8ee.pth", 7393996, 76.23, 93.006, 0.583, 28.433, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"squeezenet1_0", "SqueezeNet1_0_Weights", "IMAGENET1K_V1", "squeezenet1_0-b66bff10.pth", 1248424, 58.092, 80.42, 0.819, 4.778, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"squeezenet1_1", "SqueezeNet1_1_Weights", "IMAGENET1K_V1", "squeezenet1_1-b8a52dc0.pth", 1235496, 58.178, 80.624, 0.349, 4.729, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"swin_b", "Swin_B_Weights", "IMAGENET1K_V1", "swin_b-68c6b09e.pth", 87768224, 83.582, 96.64, 15.431, 335.364, 224, 238, Weights::bicubic, Weights::imagenet, true},
    {"swin_s", "Swin_S_Weights", "IMAGENET1K_V1", "swin_s-5e29d889.pth", 49606258, 83.196, 96.36, 8.741, 189.786, 224, 246, Weights::bicubic, Weights::imagenet, true},
    {"swin_t", "Swin_T_Weights", "IMAGENET1K_V1", "swin_t-704ceda3.pth", 28288354, 81.474, 95.776, 4.491, 108.19, 224, 232, Weights::bicubic, Weights::imagenet, true},
    {"swin_v2_b", "Swin_V2_B_Weights", "IMAGENET1K_V1", "swin_v2_b-781e5279.pth", 87930848, 84.112, 96.864, 20.325, 336.372, 256, 272, Weights::bicubic, Weights::imagenet, true},
    {"swin_v2_s", "Swin_V2_S_Weights", "IMAGENET1K_V1", "swin_v2_s-637d8ceb.pth", 49737442, 83.712, 96.816, 11.546, 190.675, 256, 260, Weights::bicubic, Weights::imagenet, true},
    {"swin_v2_t", "Swin_V2_T_Weights", "IMAGENET1K_V1", "swin_v2_t-b137f0e2.pth", 28351570, 82.072, 96.132, 5.94, 108.626, 256, 260, Weights::bicubic, Weights::imagenet, true},
    {"vgg11", "VGG11_Weights", "IMAGENET1K_V1", "vgg11-8a719046.pth", 132863336, 69.02, 88.628, 7.609, 506.84, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"vgg11_bn", "VGG11_BN_Weights", "IMAGENET1K_V1", "vgg11_bn-6002323d.pth", 132868840, 70.37, 89.81, 7.609, 506.881, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"vgg13", "VGG13_Weights", "IMAGENET1K_V1", "vgg13-19584684.pth", 133047848, 69.928, 89.246, 11.308, 507.545, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"vgg13_bn", "VGG13_BN_Weights", "IMAGENET1K_V1", "vgg13_bn-abd245e5.pth", 133053736, 71.586, 90.374, 11.308, 507.59, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"vgg16", "VGG16_Weights", "IMAGENET1K_V1", "vgg16-397923af.pth", 138357544, 71.592, 90.382, 15.47, 527.796, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"vgg16", "VGG16_Weights", "IMAGENET1K_FEATURES", "vgg16_features-amdegroot-88682ab5.pth", 138357544, -1, -1, 15.47, 527.802, 224, 256, Weights::bilinear, Weights::caffe, false},
    {"vgg16_bn", "VGG16_BN_Weights", "IMAGENET1K_V1", "vgg16_bn-6c64b313.pth", 138365992, 73.36, 91.516, 15.47, 527.866, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"vgg19", "VGG19_Weights", "IMAGENET1K_V1", "vgg19-dcbb9e9d.pth", 143667240, 72.376, 90.876, 19.632, 548.051, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"vgg19_bn", "VGG19_BN_Weights", "IMAGENET1K_V1", "vgg19_bn-c79401a0.pth", 143678248, 74.218, 91.842, 19.632, 548.143, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"vit_b_16", "ViT_B_16_Weights", "IMAGENET1K_V1", "vit_b_16-c867db91.pth", 86567656, 81.072, 95.318, 17.564, 330.285, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"vit_b_16", "ViT_B_16_Weights", "IMAGENET1K_SWAG_E2E_V1", "vit_b_16_swag-9ac1b537.pth", 86859496, 85.304, 97.65, 55.484, 331.398, 384, 384, Weights::bicubic, Weights::imagenet, false},
    {"vit_b_16", "ViT_B_16_Weights", "IMAGENET1K_SWAG_LINEAR_V1", "vit_b_16_lc_swag-4e70ced5.pth", 86567656, 81.886, 96.18, 17.564, 330.285, 224, 224, Weights::bicubic, Weights::imagenet, false},
    {"vit_b_32", "ViT_B_32_Weights", "IMAGENET1K_V1", "vit_b_32-d86f8d99.pth", 88224232, 75.912, 92.466, 4.409, 336.604, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"vit_h_14", "ViT_H_14_Weights", "IMAGENET1K_SWAG_E2E_V1", "vit_h_14_swag-80465313.pth", 633470440, 88.552, 98.694, 1016.717, 2416.643, 518, 518, Weights::bicubic, Weights::imagenet, true},
    {"vit_h_14", "ViT_H_14_Weights", "IMAGENET1K_SWAG_LINEAR_V1", "vit_h_14_lc_swag-c1eb923e.pth", 632045800, 85.708, 97.73, 167.295, 2411.209, 224, 224, Weights::bicubic, Weights::imagenet, false},
    {"vit_l_16", "ViT_L_16_Weights", "IMAGENET1K_V1", "vit_l_16-852ce7e3.pth", 304326632, 79.662, 94.638, 61.555, 1161.023, 224, 242, Weights::bilinear, Weights::imagenet, true},
    {"vit_l_16", "ViT_L_16_Weights", "IMAGENET1K_SWAG_E2E_V1", "vit_l_16_swag-4f3808c9.pth", 305174504, 88.064, 98.512, 361.986, 1164.258, 512, 512, Weights::bicubic, Weights::imagenet, false},
    {"vit_l_16", "ViT_L_16_Weights", "IMAGENET1K_SWAG_LINEAR_V1", "vit_l_16_lc_swag-4d563306.pth", 304326632, 85.146, 97.422, 61.555, 1161.023, 224, 224, Weights::bicubic, Weights::imagenet, false},
    {"vit_l_32", "ViT_L_32_Weights", "IMAGENET1K_V1", "vit_l_32-c7638314.pth", 306535400, 76.972, 93.07, 15.378, 1169.449, 224, 256, Weights::bilinear, Weights::imagenet, true},
    {"wide_resnet101_2", "Wide_ResNet101_2_Weights", "IMAGENET1K_V1", "wide_resnet101_2-32ee1156.pth", 126886696, 78.848, 94.284, 22.753, 242.896, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"wide_resnet101_2", "Wide_ResNet101_2_Weights", "IMAGENET1K_V2", "wide_resnet101_2-d733dc28.pth", 126886696, 82.51, 96.02, 22.753, 484.747, 224, 232, Weights::bilinear, Weights::imagenet, true},
    {"wide_resnet50_2", "Wide_ResNet50_2_Weights", "IMAGENET1K_V1", "wide_resnet50_2-95faca4d.pth", 68883240, 78.468, 94.086, 11.398, 131.82, 224, 256, Weights::bilinear, Weights::imagenet, false},
    {"wide_resnet50_2", "Wide_ResNet50_2_Weights", "IMAGENET1K_V2", "wide_resnet50_2-9ba9bcbe.pth", 68883240, 81.602, 95.758, 11.398, 263.124, 224, 232, Weights::bilinear, Weights::imagenet, true},
}};
// clang-format on

namespace detail {
consteval const Weights& entry(std::string_view builder, std::string_view name) {
  for (const Weights& row : weights)
    if (row.builder == builder && (name == "DEFAULT" ? row.is_default : row.name == name)) return row;
  throw "no such weights";
}
}  // namespace detail

// clang-format off
struct AlexNet_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("alexnet", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("alexnet", "DEFAULT"); };
struct ConvNeXt_Base_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("convnext_base", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("convnext_base", "DEFAULT"); };
struct ConvNeXt_Large_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("convnext_large", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("convnext_large", "DEFAULT"); };
struct ConvNeXt_Small_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("convnext_small", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("convnext_small", "DEFAULT"); };
struct ConvNeXt_Tiny_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("convnext_tiny", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("convnext_tiny", "DEFAULT"); };
struct DenseNet121_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("densenet121", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("densenet121", "DEFAULT"); };
struct DenseNet161_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("densenet161", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("densenet161", "DEFAULT"); };
struct DenseNet169_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("densenet169", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("densenet169", "DEFAULT"); };
struct DenseNet201_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("densenet201", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("densenet201", "DEFAULT"); };
struct EfficientNet_B0_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("efficientnet_b0", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("efficientnet_b0", "DEFAULT"); };
struct EfficientNet_B1_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("efficientnet_b1", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("efficientnet_b1", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("efficientnet_b1", "DEFAULT"); };
struct EfficientNet_B2_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("efficientnet_b2", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("efficientnet_b2", "DEFAULT"); };
struct EfficientNet_B3_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("efficientnet_b3", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("efficientnet_b3", "DEFAULT"); };
struct EfficientNet_B4_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("efficientnet_b4", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("efficientnet_b4", "DEFAULT"); };
struct EfficientNet_B5_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("efficientnet_b5", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("efficientnet_b5", "DEFAULT"); };
struct EfficientNet_B6_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("efficientnet_b6", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("efficientnet_b6", "DEFAULT"); };
struct EfficientNet_B7_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("efficientnet_b7", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("efficientnet_b7", "DEFAULT"); };
struct EfficientNet_V2_L_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("efficientnet_v2_l", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("efficientnet_v2_l", "DEFAULT"); };
struct EfficientNet_V2_M_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("efficientnet_v2_m", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("efficientnet_v2_m", "DEFAULT"); };
struct EfficientNet_V2_S_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("efficientnet_v2_s", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("efficientnet_v2_s", "DEFAULT"); };
struct GoogLeNet_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("googlenet", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("googlenet", "DEFAULT"); };
struct Inception_V3_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("inception_v3", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("inception_v3", "DEFAULT"); };
struct MaxVit_T_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("maxvit_t", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("maxvit_t", "DEFAULT"); };
struct MNASNet0_5_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("mnasnet0_5", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("mnasnet0_5", "DEFAULT"); };
struct MNASNet0_75_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("mnasnet0_75", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("mnasnet0_75", "DEFAULT"); };
struct MNASNet1_0_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("mnasnet1_0", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("mnasnet1_0", "DEFAULT"); };
struct MNASNet1_3_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("mnasnet1_3", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("mnasnet1_3", "DEFAULT"); };
struct MobileNet_V2_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("mobilenet_v2", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("mobilenet_v2", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("mobilenet_v2", "DEFAULT"); };
struct MobileNet_V3_Large_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("mobilenet_v3_large", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("mobilenet_v3_large", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("mobilenet_v3_large", "DEFAULT"); };
struct MobileNet_V3_Small_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("mobilenet_v3_small", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("mobilenet_v3_small", "DEFAULT"); };
struct RegNet_X_16GF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_x_16gf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_x_16gf", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("regnet_x_16gf", "DEFAULT"); };
struct RegNet_X_1_6GF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_x_1_6gf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_x_1_6gf", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("regnet_x_1_6gf", "DEFAULT"); };
struct RegNet_X_32GF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_x_32gf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_x_32gf", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("regnet_x_32gf", "DEFAULT"); };
struct RegNet_X_3_2GF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_x_3_2gf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_x_3_2gf", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("regnet_x_3_2gf", "DEFAULT"); };
struct RegNet_X_400MF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_x_400mf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_x_400mf", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("regnet_x_400mf", "DEFAULT"); };
struct RegNet_X_800MF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_x_800mf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_x_800mf", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("regnet_x_800mf", "DEFAULT"); };
struct RegNet_X_8GF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_x_8gf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_x_8gf", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("regnet_x_8gf", "DEFAULT"); };
struct RegNet_Y_128GF_Weights { static constexpr const Weights& IMAGENET1K_SWAG_E2E_V1 = detail::entry("regnet_y_128gf", "IMAGENET1K_SWAG_E2E_V1"); static constexpr const Weights& IMAGENET1K_SWAG_LINEAR_V1 = detail::entry("regnet_y_128gf", "IMAGENET1K_SWAG_LINEAR_V1"); static constexpr const Weights& DEFAULT = detail::entry("regnet_y_128gf", "DEFAULT"); };
struct RegNet_Y_16GF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_y_16gf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_y_16gf", "IMAGENET1K_V2"); static constexpr const Weights& IMAGENET1K_SWAG_E2E_V1 = detail::entry("regnet_y_16gf", "IMAGENET1K_SWAG_E2E_V1"); static constexpr const Weights& IMAGENET1K_SWAG_LINEAR_V1 = detail::entry("regnet_y_16gf", "IMAGENET1K_SWAG_LINEAR_V1"); static constexpr const Weights& DEFAULT = detail::entry("regnet_y_16gf", "DEFAULT"); };
struct RegNet_Y_1_6GF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_y_1_6gf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_y_1_6gf", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("regnet_y_1_6gf", "DEFAULT"); };
struct RegNet_Y_32GF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_y_32gf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_y_32gf", "IMAGENET1K_V2"); static constexpr const Weights& IMAGENET1K_SWAG_E2E_V1 = detail::entry("regnet_y_32gf", "IMAGENET1K_SWAG_E2E_V1"); static constexpr const Weights& IMAGENET1K_SWAG_LINEAR_V1 = detail::entry("regnet_y_32gf", "IMAGENET1K_SWAG_LINEAR_V1"); static constexpr const Weights& DEFAULT = detail::entry("regnet_y_32gf", "DEFAULT"); };
struct RegNet_Y_3_2GF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_y_3_2gf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_y_3_2gf", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("regnet_y_3_2gf", "DEFAULT"); };
struct RegNet_Y_400MF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_y_400mf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_y_400mf", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("regnet_y_400mf", "DEFAULT"); };
struct RegNet_Y_800MF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_y_800mf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_y_800mf", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("regnet_y_800mf", "DEFAULT"); };
struct RegNet_Y_8GF_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("regnet_y_8gf", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("regnet_y_8gf", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("regnet_y_8gf", "DEFAULT"); };
struct ResNet101_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("resnet101", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("resnet101", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("resnet101", "DEFAULT"); };
struct ResNet152_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("resnet152", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("resnet152", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("resnet152", "DEFAULT"); };
struct ResNet18_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("resnet18", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("resnet18", "DEFAULT"); };
struct ResNet34_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("resnet34", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("resnet34", "DEFAULT"); };
struct ResNet50_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("resnet50", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("resnet50", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("resnet50", "DEFAULT"); };
struct ResNeXt101_32X8D_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("resnext101_32x8d", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("resnext101_32x8d", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("resnext101_32x8d", "DEFAULT"); };
struct ResNeXt101_64X4D_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("resnext101_64x4d", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("resnext101_64x4d", "DEFAULT"); };
struct ResNeXt50_32X4D_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("resnext50_32x4d", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("resnext50_32x4d", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("resnext50_32x4d", "DEFAULT"); };
struct ShuffleNet_V2_X0_5_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("shufflenet_v2_x0_5", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("shufflenet_v2_x0_5", "DEFAULT"); };
struct ShuffleNet_V2_X1_0_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("shufflenet_v2_x1_0", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("shufflenet_v2_x1_0", "DEFAULT"); };
struct ShuffleNet_V2_X1_5_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("shufflenet_v2_x1_5", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("shufflenet_v2_x1_5", "DEFAULT"); };
struct ShuffleNet_V2_X2_0_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("shufflenet_v2_x2_0", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("shufflenet_v2_x2_0", "DEFAULT"); };
struct SqueezeNet1_0_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("squeezenet1_0", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("squeezenet1_0", "DEFAULT"); };
struct SqueezeNet1_1_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("squeezenet1_1", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("squeezenet1_1", "DEFAULT"); };
struct Swin_B_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("swin_b", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("swin_b", "DEFAULT"); };
struct Swin_S_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("swin_s", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("swin_s", "DEFAULT"); };
struct Swin_T_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("swin_t", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("swin_t", "DEFAULT"); };
struct Swin_V2_B_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("swin_v2_b", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("swin_v2_b", "DEFAULT"); };
struct Swin_V2_S_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("swin_v2_s", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("swin_v2_s", "DEFAULT"); };
struct Swin_V2_T_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("swin_v2_t", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("swin_v2_t", "DEFAULT"); };
struct VGG11_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("vgg11", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("vgg11", "DEFAULT"); };
struct VGG11_BN_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("vgg11_bn", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("vgg11_bn", "DEFAULT"); };
struct VGG13_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("vgg13", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("vgg13", "DEFAULT"); };
struct VGG13_BN_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("vgg13_bn", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("vgg13_bn", "DEFAULT"); };
struct VGG16_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("vgg16", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_FEATURES = detail::entry("vgg16", "IMAGENET1K_FEATURES"); static constexpr const Weights& DEFAULT = detail::entry("vgg16", "DEFAULT"); };
struct VGG16_BN_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("vgg16_bn", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("vgg16_bn", "DEFAULT"); };
struct VGG19_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("vgg19", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("vgg19", "DEFAULT"); };
struct VGG19_BN_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("vgg19_bn", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("vgg19_bn", "DEFAULT"); };
struct ViT_B_16_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("vit_b_16", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_SWAG_E2E_V1 = detail::entry("vit_b_16", "IMAGENET1K_SWAG_E2E_V1"); static constexpr const Weights& IMAGENET1K_SWAG_LINEAR_V1 = detail::entry("vit_b_16", "IMAGENET1K_SWAG_LINEAR_V1"); static constexpr const Weights& DEFAULT = detail::entry("vit_b_16", "DEFAULT"); };
struct ViT_B_32_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("vit_b_32", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("vit_b_32", "DEFAULT"); };
struct ViT_H_14_Weights { static constexpr const Weights& IMAGENET1K_SWAG_E2E_V1 = detail::entry("vit_h_14", "IMAGENET1K_SWAG_E2E_V1"); static constexpr const Weights& IMAGENET1K_SWAG_LINEAR_V1 = detail::entry("vit_h_14", "IMAGENET1K_SWAG_LINEAR_V1"); static constexpr const Weights& DEFAULT = detail::entry("vit_h_14", "DEFAULT"); };
struct ViT_L_16_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("vit_l_16", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_SWAG_E2E_V1 = detail::entry("vit_l_16", "IMAGENET1K_SWAG_E2E_V1"); static constexpr const Weights& IMAGENET1K_SWAG_LINEAR_V1 = detail::entry("vit_l_16", "IMAGENET1K_SWAG_LINEAR_V1"); static constexpr const Weights& DEFAULT = detail::entry("vit_l_16", "DEFAULT"); };
struct ViT_L_32_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("vit_l_32", "IMAGENET1K_V1"); static constexpr const Weights& DEFAULT = detail::entry("vit_l_32", "DEFAULT"); };
struct Wide_ResNet101_2_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("wide_resnet101_2", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("wide_resnet101_2", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("wide_resnet101_2", "DEFAULT"); };
struct Wide_ResNet50_2_Weights { static constexpr const Weights& IMAGENET1K_V1 = detail::entry("wide_resnet50_2", "IMAGENET1K_V1"); static constexpr const Weights& IMAGENET1K_V2 = detail::entry("wide_resnet50_2", "IMAGENET1K_V2"); static constexpr const Weights& DEFAULT = detail::entry("wide_resnet50_2", "DEFAULT"); };
// clang-format on

}  // namespace flambeau::models
