#pragma once
// What the examples of networks outside the library share: weights from a file into a network, and its answers.

#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <flambeau/predict.h>
#include <flambeau/vision.h>

namespace own_network {

/// Loads the state_dict of `path`, without DataParallel's "module." before every name, and switches to evaluation.
inline flambeau::Model with_weights(flambeau::nn::ModulePtr network, const std::string& path) {
  const flambeau::StateDict found = flambeau::load(path).state_dict();
  constexpr std::string_view wrapper = "module.";
  flambeau::StateDict weights;
  for (const auto& entry : found)
    weights.set(entry.name.starts_with(wrapper) ? entry.name.substr(wrapper.size()) : entry.name, entry.tensor);
  flambeau::Model model(std::move(network));
  model.load_state_dict(weights);
  return model.eval();
}

inline void print_answers(const flambeau::Model& model, const std::string& image,
                          const flambeau::vision::Preset& preset, std::span<const std::string_view> labels) {
  const flambeau::Tensor scores = flambeau::predict::softmax(model(flambeau::vision::preprocess(image, preset)));
  std::printf("%s\n", image.c_str());
  const auto answers = flambeau::predict::top_k(scores, 5, labels);
  for (const auto& answer : answers.front())
    std::printf("  %6.2f %%  %s\n", 100 * static_cast<double>(answer.score), answer.label.c_str());
}

}  // namespace own_network
