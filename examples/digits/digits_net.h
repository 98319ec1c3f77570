#pragma once
// A network of one's own: the same tree as the Python class in train.py, with the same names, so that its weights fit.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <flambeau/layers.h>
#include <flambeau/vision.h>

namespace digits {

namespace nn = flambeau::nn;

/// (N, 1, 8, 8) to (N, 10).
class DigitsNet : public nn::Module {
 public:
  DigitsNet() {
    features_ = register_module(
        "features", std::make_shared<nn::Sequential>(nn::Modules{
                        std::make_shared<nn::Conv2d>(1, 16, 3, nn::Conv2dOptions{.padding = 1, .bias = false}),
                        std::make_shared<nn::BatchNorm2d>(16),
                        std::make_shared<nn::ReLU>(),
                        std::make_shared<nn::Conv2d>(16, 32, 3, nn::Conv2dOptions{.padding = 1, .bias = false}),
                        std::make_shared<nn::BatchNorm2d>(32),
                        std::make_shared<nn::ReLU>(),
                        std::make_shared<nn::MaxPool2d>(2),
                    }));
    hidden_ = register_module("hidden", std::make_shared<nn::Linear>(32 * 4 * 4, 32));
    dropout_ = register_module("dropout", std::make_shared<nn::Dropout>(0.3));
    output_ = register_module("output", std::make_shared<nn::Linear>(32, 10));
  }

  nn::Var forward(nn::Var x) override {
    x = flambeau::graph::flatten((*features_)(x));
    x = flambeau::graph::relu((*hidden_)(x));
    return (*output_)((*dropout_)(x));
  }

  std::string_view python_module() const override { return "__main__"; }
  std::string_view class_name() const override { return "DigitsNet"; }

 private:
  std::shared_ptr<nn::Sequential> features_;
  std::shared_ptr<nn::Linear> hidden_, output_;
  std::shared_ptr<nn::Dropout> dropout_;
};

/// What digits.pth holds: a network in eval mode, and what its trainer wrote beside the weights.
struct Trained {
  flambeau::Model model;
  std::vector<std::string> labels;
  double accuracy;
  flambeau::vision::Preset preset;
};

inline Trained load(const std::string& path) {
  const flambeau::Checkpoint checkpoint = flambeau::load(path);
  flambeau::Model model(std::make_shared<DigitsNet>());
  model.load_state_dict(checkpoint.state_dict());  // found under "model_state_dict"
  model.eval();
  std::vector<std::string> labels;
  const flambeau::Value list = checkpoint["labels"];
  for (std::size_t i = 0; i < list.size(); ++i) labels.emplace_back(list.at(i).as_string());
  flambeau::vision::Preset preset{.resize = 8, .crop = 8, .channels = 1};
  preset.mean[0] = checkpoint["mean"].as_double();
  preset.std[0] = checkpoint["std"].as_double();
  preset.interpolation = flambeau::vision::Interpolation::box;  // the pictures are enlarged pixel by pixel
  return {model, labels, checkpoint["accuracy"].as_double(), preset};
}

}  // namespace digits
