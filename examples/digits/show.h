#pragma once
// A digit in characters beside the network's three best answers.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <flambeau/predict.h>

#include "digits_net.h"

namespace digits {

inline void show(const Trained& trained, const std::string& path) {
  using namespace flambeau;
  const vision::Image image = vision::to_gray(vision::decode_file(path));
  const vision::Image picture = vision::resize(image, 8, 8, trained.preset.interpolation);
  const Tensor probabilities = predict::softmax(trained.model(vision::preprocess(image, trained.preset)));
  const std::vector<std::string_view> labels(trained.labels.begin(), trained.labels.end());
  const std::vector<predict::Class> best = predict::top_k(probabilities, 3, labels).front();

  std::printf("\n%s\n", path.substr(path.rfind('/') + 1).c_str());
  for (std::int64_t y = 0; y < picture.height(); ++y) {
    std::string line = "  ";
    for (const std::uint8_t pixel : picture.row(y)) line += std::string(2, " .:-=+*#%@"[pixel * 9 / 255]);
    if (y >= 2 && y < 2 + static_cast<std::int64_t>(best.size())) {
      const predict::Class& answer = best[static_cast<std::size_t>(y - 2)];
      std::string bar;
      for (int i = 0; i < static_cast<int>(30 * answer.score + 0.5f); ++i) bar += "█";
      char text[64];
      std::snprintf(text, sizeof text, "    %s  %6.2f %%  ", answer.label.c_str(),
                    100 * static_cast<double>(answer.score));
      line += text + bar;
    }
    std::printf("%s\n", line.c_str());
  }
}

}  // namespace digits
