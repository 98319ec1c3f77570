#pragma once
// The constructors behind the table of builders (models.cpp), and each family's classes for whole-model pickles
// (classes.cpp).

#include <span>

#include <flambeau/models.h>

#include "nn/pickle.h"

namespace flambeau::models {

/// Names of every C++ class with a Python class: what a whole-model pickle is read by.
std::span<const nn::ClassRow> classes();

/// The row of a class made by Python<> (models/python.h).
template <class M>
constexpr nn::ClassRow class_row() {
  return {M::python_module_name, M::python_class_name,
          []() -> std::shared_ptr<nn::Module> { return std::make_shared<M>(nn::Blank{}); }};
}

/// The row of a name that the class had in an older torchvision: such models are read as today's class and written as
/// it.
template <class M>
constexpr nn::ClassRow old_class_row(std::string_view module, std::string_view name) {
  return {module, name, class_row<M>().blank};
}

std::span<const nn::ClassRow> alexnet_classes();
std::span<const nn::ClassRow> convnext_classes();
std::span<const nn::ClassRow> densenet_classes();
std::span<const nn::ClassRow> efficientnet_classes();
std::span<const nn::ClassRow> googlenet_classes();
std::span<const nn::ClassRow> inception_classes();
std::span<const nn::ClassRow> maxvit_classes();
std::span<const nn::ClassRow> mnasnet_classes();
std::span<const nn::ClassRow> mobilenetv2_classes();
std::span<const nn::ClassRow> mobilenetv3_classes();
std::span<const nn::ClassRow> regnet_classes();
std::span<const nn::ClassRow> resnet_classes();
std::span<const nn::ClassRow> shufflenetv2_classes();
std::span<const nn::ClassRow> squeezenet_classes();
std::span<const nn::ClassRow> swin_transformer_classes();
std::span<const nn::ClassRow> vgg_classes();
std::span<const nn::ClassRow> vision_transformer_classes();

std::shared_ptr<nn::Module> make_alexnet(const Options& options);
std::shared_ptr<nn::Module> make_convnext_base(const Options& options);
std::shared_ptr<nn::Module> make_convnext_large(const Options& options);
std::shared_ptr<nn::Module> make_convnext_small(const Options& options);
std::shared_ptr<nn::Module> make_convnext_tiny(const Options& options);
std::shared_ptr<nn::Module> make_densenet121(const Options& options);
std::shared_ptr<nn::Module> make_densenet161(const Options& options);
std::shared_ptr<nn::Module> make_densenet169(const Options& options);
std::shared_ptr<nn::Module> make_densenet201(const Options& options);
std::shared_ptr<nn::Module> make_efficientnet_b0(const Options& options);
std::shared_ptr<nn::Module> make_efficientnet_b1(const Options& options);
std::shared_ptr<nn::Module> make_efficientnet_b2(const Options& options);
std::shared_ptr<nn::Module> make_efficientnet_b3(const Options& options);
std::shared_ptr<nn::Module> make_efficientnet_b4(const Options& options);
std::shared_ptr<nn::Module> make_efficientnet_b5(const Options& options);
std::shared_ptr<nn::Module> make_efficientnet_b6(const Options& options);
std::shared_ptr<nn::Module> make_efficientnet_b7(const Options& options);
std::shared_ptr<nn::Module> make_efficientnet_v2_l(const Options& options);
std::shared_ptr<nn::Module> make_efficientnet_v2_m(const Options& options);
std::shared_ptr<nn::Module> make_efficientnet_v2_s(const Options& options);
std::shared_ptr<nn::Module> make_googlenet(const Options& options);
std::shared_ptr<nn::Module> make_inception_v3(const Options& options);
std::shared_ptr<nn::Module> make_maxvit_t(const Options& options);
std::shared_ptr<nn::Module> make_mnasnet0_5(const Options& options);
std::shared_ptr<nn::Module> make_mnasnet0_75(const Options& options);
std::shared_ptr<nn::Module> make_mnasnet1_0(const Options& options);
std::shared_ptr<nn::Module> make_mnasnet1_3(const Options& options);
std::shared_ptr<nn::Module> make_mobilenet_v2(const Options& options);
std::shared_ptr<nn::Module> make_mobilenet_v3_large(const Options& options);
std::shared_ptr<nn::Module> make_mobilenet_v3_small(const Options& options);
std::shared_ptr<nn::Module> make_regnet_x_16gf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_x_1_6gf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_x_32gf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_x_3_2gf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_x_400mf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_x_800mf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_x_8gf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_y_128gf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_y_16gf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_y_1_6gf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_y_32gf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_y_3_2gf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_y_400mf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_y_800mf(const Options& options);
std::shared_ptr<nn::Module> make_regnet_y_8gf(const Options& options);
std::shared_ptr<nn::Module> make_resnet101(const Options& options);
std::shared_ptr<nn::Module> make_resnet152(const Options& options);
std::shared_ptr<nn::Module> make_resnet18(const Options& options);
std::shared_ptr<nn::Module> make_resnet34(const Options& options);
std::shared_ptr<nn::Module> make_resnet50(const Options& options);
std::shared_ptr<nn::Module> make_resnext101_32x8d(const Options& options);
std::shared_ptr<nn::Module> make_resnext101_64x4d(const Options& options);
std::shared_ptr<nn::Module> make_resnext50_32x4d(const Options& options);
std::shared_ptr<nn::Module> make_shufflenet_v2_x0_5(const Options& options);
std::shared_ptr<nn::Module> make_shufflenet_v2_x1_0(const Options& options);
std::shared_ptr<nn::Module> make_shufflenet_v2_x1_5(const Options& options);
std::shared_ptr<nn::Module> make_shufflenet_v2_x2_0(const Options& options);
std::shared_ptr<nn::Module> make_squeezenet1_0(const Options& options);
std::shared_ptr<nn::Module> make_squeezenet1_1(const Options& options);
std::shared_ptr<nn::Module> make_swin_b(const Options& options);
std::shared_ptr<nn::Module> make_swin_s(const Options& options);
std::shared_ptr<nn::Module> make_swin_t(const Options& options);
std::shared_ptr<nn::Module> make_swin_v2_b(const Options& options);
std::shared_ptr<nn::Module> make_swin_v2_s(const Options& options);
std::shared_ptr<nn::Module> make_swin_v2_t(const Options& options);
std::shared_ptr<nn::Module> make_vgg11(const Options& options);
std::shared_ptr<nn::Module> make_vgg11_bn(const Options& options);
std::shared_ptr<nn::Module> make_vgg13(const Options& options);
std::shared_ptr<nn::Module> make_vgg13_bn(const Options& options);
std::shared_ptr<nn::Module> make_vgg16(const Options& options);
std::shared_ptr<nn::Module> make_vgg16_bn(const Options& options);
std::shared_ptr<nn::Module> make_vgg19(const Options& options);
std::shared_ptr<nn::Module> make_vgg19_bn(const Options& options);
std::shared_ptr<nn::Module> make_vit_b_16(const Options& options);
std::shared_ptr<nn::Module> make_vit_b_32(const Options& options);
std::shared_ptr<nn::Module> make_vit_h_14(const Options& options);
std::shared_ptr<nn::Module> make_vit_l_16(const Options& options);
std::shared_ptr<nn::Module> make_vit_l_32(const Options& options);
std::shared_ptr<nn::Module> make_wide_resnet101_2(const Options& options);
std::shared_ptr<nn::Module> make_wide_resnet50_2(const Options& options);

}  // namespace flambeau::models
