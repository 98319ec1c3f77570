#include <vector>

#include "models/blocks.h"
#include "models/families.h"

namespace flambeau::models {

std::span<const nn::ClassRow> classes() {
  static const std::vector<nn::ClassRow> all = [] {
    std::vector<nn::ClassRow> rows{
        class_row<Conv2dNormActivation>(), class_row<SqueezeExcitation>(), class_row<MLP>(), class_row<Permute>(),
        class_row<StochasticDepth>(), class_row<PlainConvNormActivation>(), class_row<FrozenBatchNorm2d>(),
        // 0.4 to 0.12
        old_class_row<Conv2dNormActivation>("torchvision.models.mobilenet", "ConvBNReLU"),
        old_class_row<Conv2dNormActivation>("torchvision.models.mobilenetv2", "ConvBNReLU"),
        old_class_row<Conv2dNormActivation>("torchvision.models.mobilenetv2", "ConvBNActivation"),
        old_class_row<Conv2dNormActivation>("torchvision.models.mobilenetv2", "_DeprecatedConvBNAct"),
        old_class_row<SqueezeExcitation>("torchvision.models.mobilenetv3", "SqueezeExcitation"),
        old_class_row<Permute>("torchvision.models.convnext", "Permute")};
    for (const auto family :
         {alexnet_classes, convnext_classes, densenet_classes, efficientnet_classes, googlenet_classes,
          inception_classes, maxvit_classes, mnasnet_classes, mobilenetv2_classes, mobilenetv3_classes, regnet_classes,
          resnet_classes, shufflenetv2_classes, squeezenet_classes, swin_transformer_classes, vgg_classes,
          vision_transformer_classes}) {
      const auto more = family();
      rows.insert(rows.end(), more.begin(), more.end());
    }
    return rows;
  }();
  return all;
}

}  // namespace flambeau::models
