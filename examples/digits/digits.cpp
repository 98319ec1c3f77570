// A network that Flambeau does not know, trained in Python, run here: build the same tree, load its weights, predict.
// digits [FOLDER]: the folder that train.py wrote (default: where this source lies).

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>

#include "show.h"

namespace {

using flambeau::Tensor;

/// (N, 8, 8) bytes as the network wants them: what preprocess does for images.
Tensor normalized(const Tensor& pixels, const flambeau::vision::Preset& preset) {
  Tensor x = Tensor::uninitialized({pixels.size(0), 1, 8, 8});
  const auto from = pixels.data<std::uint8_t>();
  const auto mean = static_cast<float>(preset.mean[0]), std = static_cast<float>(preset.std[0]);
  std::transform(from.begin(), from.end(), x.mutable_data<float>().begin(),
                 [=](std::uint8_t pixel) { return (static_cast<float>(pixel) / 255.0f - mean) / std; });
  return x;
}

int run(const std::string& folder) {
  const digits::Trained trained = digits::load(folder + "/digits.pth");
  std::printf("%s\n\n", trained.model.repr().c_str());

  const Tensor pictures = flambeau::read_npy(folder + "/held-back.npy");
  const Tensor truth = flambeau::read_npy(folder + "/labels.npy");
  const Tensor expected = flambeau::read_npy(folder + "/logits.npy");
  const Tensor logits = trained.model(normalized(pictures, trained.preset));
  const auto best = flambeau::predict::top_k(logits, 1);
  const auto right = std::ranges::count_if(best, [&, i = std::size_t{0}](const auto& row) mutable {
    return row[0].index == truth.data<std::int64_t>()[i++];
  });
  const auto count = static_cast<std::ptrdiff_t>(best.size());
  const bool as_python = right == std::lround(trained.accuracy * static_cast<double>(count));
  float difference = 0;
  for (std::size_t i = 0; i < logits.data<float>().size(); ++i) {
    difference = std::max(difference, std::abs(logits.data<float>()[i] - expected.data<float>()[i]));
  }
  std::printf("held-back digits right:  %td of %td (%.2f %%); PyTorch: %.2f %%\n", right, count,
              100.0 * static_cast<double>(right) / static_cast<double>(count), 100 * trained.accuracy);
  std::printf("logits apart by at most: %.2g\n", static_cast<double>(difference));

  for (const char* file : {"digit-3.png", "digit-5.png", "digit-8.png"}) digits::show(trained, folder + "/" + file);
  return as_python && difference < 1e-3f ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc > 1 ? argv[1] : FLAMBEAU_EXAMPLES "/digits");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "digits: %s\n", error.what());
    return 2;
  }
}
