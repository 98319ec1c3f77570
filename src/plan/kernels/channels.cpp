// What squeeze-and-excitation does with an image that lies as bfloat16, channels last: its channels' means, and one
// factor for each.
#include <algorithm>

#include "plan/array.h"
#include "plan/kernels/bfloat16.h"
#include "plan/kernels/kernels.h"
#include "plan/kernels/narrow.h"
#include "plan/kernels/vector.h"
#include "plan/parallel.h"

namespace flambeau::plan {
namespace {

struct Image {
  std::int64_t count, channels, pixels;
  explicit Image(const Shape& shape) : count(shape[0]), channels(shape[1]), pixels(shape[2] * shape[3]) {}
};

class ScaleKernel final : public Kernel {
 public:
  explicit ScaleKernel(const Image& image) : image_(image) {}
  void run(const Run& run) const override {
    const auto* x = reinterpret_cast<const std::uint16_t*>(run.inputs[0]);
    const auto* factors = reinterpret_cast<const float*>(run.inputs[1]);
    auto* y = reinterpret_cast<std::uint16_t*>(run.output);
    const std::int64_t least = least_elements / image_.channels + 1;
    for (std::int64_t i = 0; i < image_.count; ++i)
      parallel_for(image_.pixels, least, [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t at = (i * image_.pixels + begin) * image_.channels;
        scale_columns(x + at, factors + i * image_.channels, end - begin, image_.channels, y + at);
      });
  }
  std::string name() const override { return "bfloat16 channel scaling"; }

 private:
  Image image_;
};

class AverageKernel final : public Kernel {
 public:
  explicit AverageKernel(const Image& image) : image_(image) {}
  void run(const Run& run) const override {
    const auto* x = reinterpret_cast<const std::uint16_t*>(run.inputs[0]);
    auto* y = reinterpret_cast<float*>(run.output);
    constexpr std::int64_t together = 64;  // channels: whole cache lines
    const std::int64_t groups = (image_.channels + together - 1) / together;
    for (std::int64_t i = 0; i < image_.count; ++i)
      parallel_for(groups, least_elements / (together * image_.pixels) + 1, [&](std::int64_t begin, std::int64_t end) {
        average_rows(x + i * image_.pixels * image_.channels, image_.pixels, image_.channels,
                     {begin * together, std::min(end * together, image_.channels)}, y + i * image_.channels);
      });
  }
  std::string name() const override { return "bfloat16 channel averages"; }

 private:
  Image image_;
};

}  // namespace

std::optional<Choice> channel_scaling_implementation(const Request& request) {
  const auto image = scaled_image(request.program, request.operation);
  if (!image || product(request.output().shape) == 0 || !gives_bfloat16(request)) return std::nullopt;
  const ValueId x = request.operation.inputs[*image], factors = request.operation.inputs[1 - *image];
  if (!request.is_bfloat16(x)) return std::nullopt;
  Choice choice;
  choice.output = Layout::channels_last(request.output().shape).as(true);
  choice.uses = {{x, choice.output}, {factors, Layout::plain(request.value(factors).shape)}};
  choice.overwrites = 0;
  choice.kernel = std::make_unique<ScaleKernel>(Image(request.output().shape));
  return choice;
}

std::optional<Choice> channel_average_implementation(const Request& request) {
  const ValueId x = request.operation.inputs[0];
  const Shape& shape = request.value(x).shape;
  if (!averages_channels(request.program, request.operation) || !request.is_bfloat16(x) || product(shape) == 0)
    return std::nullopt;
  Choice choice;
  choice.output = Layout::plain(request.output().shape);
  choice.uses = {{x, Layout::channels_last(shape).as(true)}};
  choice.kernel = std::make_unique<AverageKernel>(Image(shape));
  return choice;
}

}  // namespace flambeau::plan
