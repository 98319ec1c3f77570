// Names of classes; make_categories.py writes the table.
#include <array>

#include <flambeau/models.h>

namespace flambeau::models {
namespace {

constexpr std::array<std::string_view, 1000> imagenet = {
#include "models/imagenet_categories.inc"
};

}  // namespace

std::span<const std::string_view> imagenet_categories() noexcept { return imagenet; }

std::span<const std::string_view> categories(const Weights& published) noexcept {
  if (!published.has_categories()) return {};
  return imagenet;
}

}  // namespace flambeau::models
