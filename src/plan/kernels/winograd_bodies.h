// No include guard: part of kernels/vector_bodies.h, once per instruction set.

/// Six values times the matrix Bᵀ of F(4, 3).
FLAMBEAU_INLINE void winograd_in(const V d[6], V r[6]) {
  const V four = S::set(4), two = S::set(2), minus5 = S::set(-5);
  r[0] = S::fma(four, d[0], S::fma(minus5, d[2], d[4]));
  const V a = S::fma(S::set(-4), d[2], d[4]), b = S::fma(S::set(-4), d[1], d[3]);
  r[1] = S::add(a, b);
  r[2] = S::sub(a, b);
  const V c = S::sub(d[4], d[2]), e = S::mul(two, S::sub(d[3], d[1]));
  r[3] = S::add(c, e);
  r[4] = S::sub(c, e);
  r[5] = S::fma(four, d[1], S::fma(minus5, d[3], d[5]));
}

/// Six values times the matrix Aᵀ of F(4, 3).
FLAMBEAU_INLINE void winograd_out(const V m[6], V r[4]) {
  const V s1 = S::add(m[1], m[2]), d1 = S::sub(m[1], m[2]), s2 = S::add(m[3], m[4]), d2 = S::sub(m[3], m[4]);
  r[0] = S::add(S::add(m[0], s1), s2);
  r[1] = S::fma(S::set(2), d2, d1);
  r[2] = S::fma(S::set(4), s2, s1);
  r[3] = S::add(S::fma(S::set(8), d2, d1), m[5]);
}

/// Three values times the matrix G of F(4, 3).
FLAMBEAU_INLINE void winograd_weight(const V g[3], V r[6]) {
  r[0] = S::mul(S::set(1.0F / 4), g[0]);
  const V even = S::add(g[0], g[2]), a = S::mul(S::set(-1.0F / 6), even), b = S::mul(S::set(1.0F / 6), g[1]);
  r[1] = S::sub(a, b);
  r[2] = S::add(a, b);
  const V c = S::fma(S::set(1.0F / 6), g[2], S::mul(S::set(1.0F / 24), g[0])), d = S::mul(S::set(1.0F / 12), g[1]);
  r[3] = S::add(c, d);
  r[4] = S::sub(c, d);
  r[5] = g[2];
}

void winograd_weights(const Winograd& w, const float* weights, Range pairs, float* u) {
  const std::int64_t wide = 2 * S::width, panel = w.in * wide, point = w.out_groups() * panel;
  for (std::int64_t pair = pairs.first; pair < pairs.last; ++pair) {
    const std::int64_t group = pair / w.in, in = pair % w.in;
    for (int half = 0; half < 2; ++half) {
      const std::int64_t out = group * wide + half * S::width;
      const std::int64_t used = w.out - out < S::width ? w.out - out : S::width;
      if (used <= 0) break;
      float lanes[9][S::width] = {};
      for (std::int64_t lane = 0; lane < used; ++lane)
        for (int i = 0; i < 9; ++i) lanes[i][lane] = weights[((out + lane) * w.in + in) * 9 + i];
      V columns[6][3];
      for (int j = 0; j < 3; ++j) {
        const V g[3] = {S::load(lanes[j]), S::load(lanes[3 + j]), S::load(lanes[6 + j])};
        V r[6];
        winograd_weight(g, r);
        for (int i = 0; i < 6; ++i) columns[i][j] = r[i];
      }
      float* to = u + group * panel + in * wide + half * S::width;
      for (int i = 0; i < 6; ++i) {
        V r[6];
        winograd_weight(columns[i], r);
        for (int j = 0; j < 6; ++j) S::store(to + (i * 6 + j) * point, r[j]);
      }
    }
  }
}

/// v of `count` tiles from tile `first` on; rows of v for tile first are at index 0, `stride` tiles apart from one ξ to the next.
void winograd_input(const Winograd& w, const float* x, Range tiles, Range blocks, std::int64_t first, std::int64_t stride,
                    float* v) {
  const std::int64_t channels = w.in_stride(), per_image = w.tiles_y * w.tiles_x;
  for (std::int64_t t = tiles.first; t < tiles.last; ++t) {
    const std::int64_t image = t / per_image, ty = t % per_image / w.tiles_x, tx = t % w.tiles_x;
    const std::int64_t top = ty * Winograd::tile - w.pad_top, left = tx * Winograd::tile - w.pad_left;
    const bool inner = top >= 0 && left >= 0 && top + Winograd::window <= w.height && left + Winograd::window <= w.width;
    for (std::int64_t block = blocks.first; block < blocks.last; ++block) {
      const float* plane = x + (image * w.in_blocks() + block) * w.height * w.width * S::width;
      V rows[6][6];
      for (int i = 0; i < 6; ++i) {
        V d[6];
        const std::int64_t y = top + i;
        const float* line = plane + (y * w.width + left) * S::width;
        if (inner) {
          for (int j = 0; j < 6; ++j) d[j] = S::load(line + j * S::width);
        } else {
          for (int j = 0; j < 6; ++j) {
            const bool there = y >= 0 && y < w.height && left + j >= 0 && left + j < w.width;
            d[j] = there ? S::load(line + j * S::width) : S::set(0);
          }
        }
        winograd_in(d, rows[i]);
      }
      float* to = v + (t - first) * channels + block * S::width;
      for (int j = 0; j < 6; ++j) {
        V column[6], r[6];
        for (int i = 0; i < 6; ++i) column[i] = rows[i][j];
        winograd_in(column, r);
        for (int i = 0; i < 6; ++i) S::store(to + (i * 6 + j) * stride * channels, r[i]);
      }
    }
  }
}

/// `rows` tiles times two vectors of output channels: all sums stay in registers.
template <int rows>
void winograd_panel(std::int64_t in, std::int64_t in_stride, std::int64_t out_stride, const float* v, const float* u,
                    float* m) {
  V sum[rows][2];
  for (int r = 0; r < rows; ++r) sum[r][0] = sum[r][1] = S::set(0);
  for (std::int64_t i = 0; i < in; ++i) {
    const V u0 = S::load(u + i * 2 * S::width), u1 = S::load(u + i * 2 * S::width + S::width);
    for (int r = 0; r < rows; ++r) {
      const V a = S::set(v[r * in_stride + i]);
      sum[r][0] = S::fma(a, u0, sum[r][0]);
      sum[r][1] = S::fma(a, u1, sum[r][1]);
    }
  }
  for (int r = 0; r < rows; ++r) {
    S::store(m + r * out_stride, sum[r][0]);
    S::store(m + r * out_stride + S::width, sum[r][1]);
  }
}

template <int rows>
FLAMBEAU_INLINE void winograd_panel_of(std::int64_t count, std::int64_t in, std::int64_t in_stride,
                                       std::int64_t out_stride, const float* v, const float* u, float* m) {
  if constexpr (rows > 0) {
    if (count == rows) return winograd_panel<rows>(in, in_stride, out_stride, v, u, m);
    winograd_panel_of<rows - 1>(count, in, in_stride, out_stride, v, u, m);
  }
}

void winograd_multiply(const Winograd& w, const float* v, const float* u, float* m, std::int64_t count, Range points,
                       Range groups) {
  constexpr int most = S::width == 16 ? 12 : S::width == 8 ? 6 : 4;  // what the registers hold
  const std::int64_t in = w.in_stride(), out = w.out_stride(), panel = w.in * 2 * S::width;
  const std::int64_t parts = (count + most - 1) / most;
  for (std::int64_t p = points.first; p < points.last; ++p)
    for (std::int64_t g = groups.first; g < groups.last; ++g) {
      const float* weights = u + (p * w.out_groups() + g) * panel;
      for (std::int64_t k = 0; k < parts; ++k) {
        const std::int64_t first = count * k / parts, last = count * (k + 1) / parts;
        winograd_panel_of<most>(last - first, w.in, in, out, v + (p * count + first) * in, weights,
                                m + (p * count + first) * out + g * 2 * S::width);
      }
    }
}

FLAMBEAU_INLINE V winograd_activate(Winograd::Activation activation, V y) {
  switch (activation) {
    case Winograd::Activation::none: return y;
    case Winograd::Activation::relu: return S::max(y, S::set(0));
    case Winograd::Activation::relu6: return clamp_of(y, 0, 6);
    case Winograd::Activation::silu: return S::mul(y, sigmoid_of(y));
    case Winograd::Activation::hardswish: return S::mul(y, hardsigmoid_of(y));
  }
  return y;
}

void winograd_output(const Winograd& w, const float* m, const float* bias, Range tiles, Range blocks, std::int64_t first,
                     std::int64_t stride, float* y) {
  const std::int64_t channels = w.out_stride(), per_image = w.tiles_y * w.tiles_x;
  for (std::int64_t t = tiles.first; t < tiles.last; ++t) {
    const std::int64_t image = t / per_image, top = t % per_image / w.tiles_x * 4, left = t % w.tiles_x * 4;
    const std::int64_t height = w.out_height - top < 4 ? w.out_height - top : 4;
    const std::int64_t width = w.out_width - left < 4 ? w.out_width - left : 4;
    for (std::int64_t block = blocks.first; block < blocks.last; ++block) {
      const float* from = m + (t - first) * channels + block * S::width;
      V columns[4][6];
      for (int j = 0; j < 6; ++j) {
        V c[6], r[4];
        for (int i = 0; i < 6; ++i) c[i] = S::load(from + (i * 6 + j) * stride * channels);
        winograd_out(c, r);
        for (int i = 0; i < 4; ++i) columns[i][j] = r[i];
      }
      const V b = S::load(bias + block * S::width);
      float* plane = y + (image * w.out_blocks() + block) * w.out_height * w.out_width * S::width;
      for (std::int64_t i = 0; i < height; ++i) {
        V r[4];
        winograd_out(columns[i], r);
        float* line = plane + ((top + i) * w.out_width + left) * S::width;
        for (std::int64_t j = 0; j < width; ++j) {
          V sum = S::add(r[j], b);
          if (w.accumulate) sum = S::add(sum, S::load(line + j * S::width));
          S::store(line + j * S::width, winograd_activate(w.activation, sum));
        }
      }
    }
  }
}
