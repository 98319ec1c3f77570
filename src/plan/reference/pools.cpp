// Pooling and resizing.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "plan/reference/reference.h"
#include "plan/reference/spatial.h"

namespace flambeau::plan::reference {
namespace {

constexpr float lowest = -std::numeric_limits<float>::infinity();

/// As torch: the first NaN stays.
float larger(float most, float value) { return value > most || std::isnan(value) ? value : most; }

/// f(plane of x, output index) for each output element, in order.
template <class F>
void for_each_output(const Call& call, F&& f) {
  const std::size_t spatial = call.output.shape.size() - 2;
  const Three in = three(call.inputs[0].shape, spatial, 1), out = three(call.output.shape, spatial, 1);
  const std::int64_t planes = call.output.shape[0] * call.output.shape[1];
  float* y = call.output.floats();
  for (std::int64_t plane = 0; plane < planes; ++plane)
    for_each(out, [&](const Three& o) { *y++ = f(call.inputs[0].floats() + plane * volume(in), o, in, out); });
}

/// f(window of the input) with the window of torch's adaptive pools.
template <class F>
void adaptive(const Call& call, F&& f) {
  for_each_output(call, [&](const float* x, const Three& o, const Three& in, const Three& out) {
    Three start{}, size{};
    for (std::size_t d = 0; d < 3; ++d) {
      start[d] = o[d] * in[d] / out[d];
      size[d] = ((o[d] + 1) * in[d] + out[d] - 1) / out[d] - start[d];
    }
    return f(size, [&](const Three& k) { return x[offset({start[0] + k[0], start[1] + k[1], start[2] + k[2]}, in)]; });
  });
}

struct Tap {
  std::int64_t index;
  float weight;
};

/// Which elements along one dimension make output `o`, computed in float as torch does.
std::vector<Tap> taps(const graph::DimAttributes& a, std::int64_t in, std::int64_t out, std::int64_t o) {
  const std::string& mode = a.mode;
  const bool align_corners = a.keepdim;
  const auto at = static_cast<float>(o);
  const float step = a.value > 0 ? static_cast<float>(1 / a.value) : static_cast<float>(in) / static_cast<float>(out);
  if (mode.starts_with("nearest")) {
    const float source = (mode == "nearest" ? at : at + 0.5F) * step;
    return {{std::min(static_cast<std::int64_t>(std::floor(source)), in - 1), 1.0F}};
  }
  const bool cubic = mode == "bicubic";
  float source = 0;
  if (align_corners) {
    source = out > 1 ? at * (static_cast<float>(in - 1) / static_cast<float>(out - 1)) : 0.0F;
  } else {
    source = (at + 0.5F) * step - 0.5F;
    if (!cubic) source = in == out ? at : std::max(source, 0.0F);  // whatever the scale
  }
  const float floor = std::floor(source), t = source - floor;
  const auto first = static_cast<std::int64_t>(floor);
  const auto clamped = [&](std::int64_t i) { return std::clamp<std::int64_t>(i, 0, in - 1); };
  if (!cubic) return {{clamped(first), 1 - t}, {clamped(first + 1), t}};
  constexpr float c = -0.75F;
  const auto near = [&](float d) { return ((c + 2) * d - (c + 3)) * d * d + 1; };
  const auto far = [&](float d) { return ((c * d - 5 * c) * d + 8 * c) * d - 4 * c; };
  return {{clamped(first - 1), far(t + 1)},
          {clamped(first), near(t)},
          {clamped(first + 1), near(1 - t)},
          {clamped(first + 2), far(2 - t)}};
}

}  // namespace

void max_pool(const Call& call) {
  const auto& a = std::get<graph::PoolAttributes>(call.attributes);
  const std::size_t spatial = call.output.shape.size() - 2;
  const Three kernel = three(a.kernel, spatial, 1), stride = three(a.stride, spatial, 1);
  const Three padding = three(a.padding, spatial, 0), dilation = three(a.dilation, spatial, 1);
  for_each_output(call, [&](const float* x, const Three& o, const Three& in, const Three&) {
    float most = lowest;
    for_each(kernel, [&](const Three& k) {
      Three i{};
      for (std::size_t d = 0; d < 3; ++d) i[d] = o[d] * stride[d] - padding[d] + k[d] * dilation[d];
      if (inside(i, in)) most = larger(most, x[offset(i, in)]);
    });
    return most;
  });
}

void avg_pool(const Call& call) {
  const auto& a = std::get<graph::PoolAttributes>(call.attributes);
  const std::size_t spatial = call.output.shape.size() - 2;
  const Three kernel = three(a.kernel, spatial, 1), stride = three(a.stride, spatial, 1);
  const Three padding = three(a.padding, spatial, 0);
  for_each_output(call, [&](const float* x, const Three& o, const Three& in, const Three&) {
    Three start{}, end{};
    std::int64_t padded = 1, real = 1;
    for (std::size_t d = 0; d < 3; ++d) {
      start[d] = o[d] * stride[d] - padding[d];
      end[d] = std::min(start[d] + kernel[d], in[d] + padding[d]);
      padded *= end[d] - start[d];
      start[d] = std::max<std::int64_t>(start[d], 0);
      end[d] = std::min(end[d], in[d]);
      real *= std::max<std::int64_t>(end[d] - start[d], 0);
    }
    double sum = 0;
    for (std::int64_t z = start[0]; z < end[0]; ++z)
      for (std::int64_t y = start[1]; y < end[1]; ++y)
        for (std::int64_t i = start[2]; i < end[2]; ++i) sum += x[offset({z, y, i}, in)];
    if (real == 0) return 0.0F;
    const std::int64_t divisor = a.divisor_override ? a.divisor_override : a.count_include_pad ? padded : real;
    return static_cast<float>(sum / static_cast<double>(divisor));
  });
}

void adaptive_avg_pool(const Call& call) {
  adaptive(call, [](const Three& size, auto&& at) {
    double sum = 0;
    for_each(size, [&](const Three& k) { sum += at(k); });
    return static_cast<float>(sum / static_cast<double>(volume(size)));
  });
}

void adaptive_max_pool(const Call& call) {
  adaptive(call, [](const Three& size, auto&& at) {
    float most = lowest;
    for_each(size, [&](const Three& k) { most = larger(most, at(k)); });
    return most;
  });
}

void interpolate(const Call& call) {
  const auto& a = std::get<graph::DimAttributes>(call.attributes);
  const std::size_t spatial = call.output.shape.size() - 2;
  const Three in = three(call.inputs[0].shape, spatial, 1), out = three(call.output.shape, spatial, 1);
  std::array<std::vector<std::vector<Tap>>, 3> all;
  for (std::size_t d = 0; d < 3; ++d)
    for (std::int64_t o = 0; o < out[d]; ++o)
      all[d].push_back(d < 3 - spatial ? std::vector<Tap>{{0, 1.0F}} : taps(a, in[d], out[d], o));
  for_each_output(call, [&](const float* x, const Three& o, const Three&, const Three&) {
    double sum = 0;
    for (const Tap& z : all[0][static_cast<std::size_t>(o[0])])
      for (const Tap& y : all[1][static_cast<std::size_t>(o[1])])
        for (const Tap& i : all[2][static_cast<std::size_t>(o[2])])
          sum += static_cast<double>(x[offset({z.index, y.index, i.index}, in)]) * z.weight * y.weight * i.weight;
    return static_cast<float>(sum);
  });
}

}  // namespace flambeau::plan::reference
