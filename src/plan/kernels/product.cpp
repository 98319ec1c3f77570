#include "plan/kernels/product.h"

#include <algorithm>

#include "plan/kernels/vector.h"

namespace flambeau::plan {

std::int64_t filled(std::int64_t outputs) noexcept {
  const std::int64_t lanes = vector_kernels().lanes;
  return (outputs + lanes - 1) / lanes * lanes;
}

void pack_panels(const Product& p, const float* w, std::int64_t out_stride, std::int64_t in_stride, float factor,
                 Range groups, float* u) {
  for (std::int64_t g = groups.first; g < groups.last; ++g) {
    const std::int64_t used = std::min(p.group, p.out - g * p.group), lanes = filled(used);
    const float* from = w + g * p.group * out_stride;
    float* to = u + g * p.in * p.group;
    if (in_stride == 1 && out_stride != 1) {
      vector_kernels().turn(
          {.rows = used, .count = p.in, .filled = lanes, .stride = out_stride, .outer_step = p.group, .factor = factor},
          from, to);
      continue;
    }
    for (std::int64_t i = 0; i < p.in; ++i, from += in_stride, to += p.group) {
      for (std::int64_t lane = 0; lane < used; ++lane) to[lane] = factor * from[lane * out_stride];
      std::fill(to + used, to + lanes, 0.0F);
    }
  }
}

}  // namespace flambeau::plan
