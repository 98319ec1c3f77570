// Products with weights.
#include <flambeau/error.h>

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <limits>

#include "plan/reference/reference.h"
#include "plan/reference/spatial.h"

namespace flambeau::plan::reference {
namespace {

struct ConvGeometry {
  Three in, out, kernel, stride, padding, dilation;
  std::int64_t batch, in_channels, out_channels, groups;
};

ConvGeometry geometry(const Call& call) {
  const auto& a = std::get<graph::ConvAttributes>(call.attributes);
  const Shape &in = call.inputs[0].shape, &out = call.output.shape;
  const std::size_t spatial = in.size() - 2;
  return {three(in, spatial, 1),
          three(out, spatial, 1),
          three(call.inputs[1].shape, spatial, 1),
          three(a.stride, spatial, 1),
          three(a.padding, spatial, 0),
          three(a.dilation, spatial, 1),
          in[0],
          in[1],
          out[1],
          a.groups};
}

float bias_of(const Call& call, std::int64_t channel) {
  return call.inputs.size() > 2 ? call.inputs[2].floats()[channel] : 0.0F;
}

}  // namespace

void conv(const Call& call) {
  const ConvGeometry g = geometry(call);
  const std::int64_t in_per_group = g.in_channels / g.groups, out_per_group = g.out_channels / g.groups;
  const float *x = call.inputs[0].floats(), *w = call.inputs[1].floats();
  float* y = call.output.floats();
  for (std::int64_t n = 0; n < g.batch; ++n)
    for (std::int64_t oc = 0; oc < g.out_channels; ++oc)
      for_each(g.out, [&](const Three& o) {
        double sum = bias_of(call, oc);
        for (std::int64_t ic = 0; ic < in_per_group; ++ic) {
          const float* plane = x + (n * g.in_channels + oc / out_per_group * in_per_group + ic) * volume(g.in);
          const float* weights = w + (oc * in_per_group + ic) * volume(g.kernel);
          for_each(g.kernel, [&](const Three& k) {
            Three i{};
            for (std::size_t d = 0; d < 3; ++d) i[d] = o[d] * g.stride[d] - g.padding[d] + k[d] * g.dilation[d];
            if (inside(i, g.in)) sum += static_cast<double>(plane[offset(i, g.in)]) * weights[offset(k, g.kernel)];
          });
        }
        y[(n * g.out_channels + oc) * volume(g.out) + offset(o, g.out)] = static_cast<float>(sum);
      });
}

void conv_transpose(const Call& call) {
  const ConvGeometry g = geometry(call);
  const std::int64_t in_per_group = g.in_channels / g.groups, out_per_group = g.out_channels / g.groups;
  const float *x = call.inputs[0].floats(), *w = call.inputs[1].floats();
  float* y = call.output.floats();
  for (std::int64_t n = 0; n < g.batch; ++n)
    for (std::int64_t oc = 0; oc < g.out_channels; ++oc)
      for_each(g.out, [&](const Three& o) {
        double sum = bias_of(call, oc);
        for (std::int64_t c = 0; c < in_per_group; ++c) {
          const std::int64_t ic = oc / out_per_group * in_per_group + c;
          const float* plane = x + (n * g.in_channels + ic) * volume(g.in);
          const float* weights = w + (ic * out_per_group + oc % out_per_group) * volume(g.kernel);
          for_each(g.kernel, [&](const Three& k) {
            Three i{};
            for (std::size_t d = 0; d < 3; ++d) {
              const std::int64_t at = o[d] + g.padding[d] - k[d] * g.dilation[d];
              if (at % g.stride[d] != 0) return;
              i[d] = at / g.stride[d];
            }
            if (inside(i, g.in)) sum += static_cast<double>(plane[offset(i, g.in)]) * weights[offset(k, g.kernel)];
          });
        }
        y[(n * g.out_channels + oc) * volume(g.out) + offset(o, g.out)] = static_cast<float>(sum);
      });
}

void linear(const Call& call) {
  const Shape& weight = call.inputs[1].shape;
  const std::int64_t out = weight[0], in = weight[1];
  const std::int64_t rows = product(call.output.shape, 0, call.output.shape.size() - 1);
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t o = 0; o < out; ++o) {
      double sum = bias_of(call, o);
      for (std::int64_t i = 0; i < in; ++i)
        sum += static_cast<double>(call.inputs[0].floats()[row * in + i]) * call.inputs[1].floats()[o * in + i];
      call.output.floats()[row * out + o] = static_cast<float>(sum);
    }
}

void matmul(const Call& call) {
  const Shape &a = call.inputs[0].shape, &b = call.inputs[1].shape, &out = call.output.shape;
  const std::int64_t m = a[a.size() - 2], k = a.back(), n = b.back();
  const auto batch = [](const Shape& shape) { return Shape(shape.begin(), shape.end() - 2); };
  float* y = call.output.floats();
  for (Walk walk(batch(out), {broadcast_strides(batch(a), batch(out)), broadcast_strides(batch(b), batch(out))});
       !walk.done(); walk.next(), y += m * n) {
    const float* left = call.inputs[0].floats() + walk.offset(0) * m * k;
    const float* right = call.inputs[1].floats() + walk.offset(1) * k * n;
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (std::int64_t l = 0; l < k; ++l) sum += static_cast<double>(left[i * k + l]) * right[l * n + j];
        y[i * n + j] = static_cast<float>(sum);
      }
  }
}

void embedding(const Call& call) {
  const Array& weight = call.inputs[1];
  const std::int64_t rows = weight.shape[0], width = weight.shape[1], count = product(call.inputs[0].shape);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = call.inputs[0].integers()[i];
    if (row < 0 || row >= rows)
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("embedding: index {} at position {}, the table has {} rows", row, i, rows));
    std::copy_n(weight.floats() + row * width, width, call.output.floats() + i * width);
  }
}

void attention(const Call& call) {
  const double scale = std::get<graph::AttentionAttributes>(call.attributes).scale;
  const Shape &q = call.inputs[0].shape, &v = call.inputs[2].shape;
  const std::size_t rank = q.size();
  const std::int64_t length = q[rank - 2], width = q.back(), keys = v[rank - 2], value_width = v.back();
  Shape scores = q;
  scores.back() = keys;
  const bool masked = call.inputs.size() > 3;
  const Shape mask_strides = masked ? broadcast_strides(call.inputs[3].shape, scores) : Shape(rank, 0);
  std::vector<double> score(static_cast<std::size_t>(keys));
  // One row of queries after the other: its batch, its place within the batch.
  std::int64_t row = 0;
  Shape rows(scores.begin(), scores.end() - 1);
  for (Walk walk(rows, {Shape(mask_strides.begin(), mask_strides.end() - 1)}); !walk.done(); walk.next(), ++row) {
    const std::int64_t batch = row / length;
    const float* query = call.inputs[0].floats() + row * width;
    double most = -std::numeric_limits<double>::infinity();
    for (std::int64_t s = 0; s < keys; ++s) {
      const float* key = call.inputs[1].floats() + (batch * keys + s) * width;
      double sum = 0;
      for (std::int64_t i = 0; i < width; ++i) sum += static_cast<double>(query[i]) * key[i];
      sum *= scale;
      if (masked) sum += call.inputs[3].floats()[walk.offset(0) + s * mask_strides.back()];
      score[static_cast<std::size_t>(s)] = sum;
      most = std::max(most, sum);
    }
    double total = 0;
    for (double& s : score) total += s = std::exp(s - most);
    for (std::int64_t i = 0; i < value_width; ++i) {
      double sum = 0;
      for (std::int64_t s = 0; s < keys; ++s)
        sum += score[static_cast<std::size_t>(s)] * call.inputs[2].floats()[(batch * keys + s) * value_width + i];
      call.output.floats()[row * value_width + i] = static_cast<float>(sum / total);
    }
  }
}

}  // namespace flambeau::plan::reference
