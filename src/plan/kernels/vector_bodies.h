// No include guard: each instruction set includes this once, with FLAMBEAU_SIMD and FLAMBEAU_TABLE defined.
// Nothing from the standard library may be instantiated here: its copies would carry this file's instruction set.

namespace flambeau::plan {
namespace {

using S = FLAMBEAU_SIMD;
using V = S::V;

#include "plan/kernels/vector_math.h"

// Four rows of weights share each load of x and keep enough sums in flight to cover the latency of fma.
template <int rows>
void gemv_rows(const float* x, std::int64_t in, const float* w, const float* bias, float* y, std::int64_t out,
               std::int64_t first, std::int64_t last) {
  constexpr int outs = 4;
  for (std::int64_t o = first; o < last; o += outs) {
    const auto used = static_cast<int>(last - o < outs ? last - o : outs);
    const float* line[outs];
    for (int k = 0; k < outs; ++k) line[k] = w + (o + (k < used ? k : 0)) * in;
    V sum[rows][outs];
    for (int r = 0; r < rows; ++r)
      for (int k = 0; k < outs; ++k) sum[r][k] = S::set(0);
    std::int64_t i = 0;
    for (; i + S::width <= in; i += S::width)
      for (int r = 0; r < rows; ++r) {
        const V a = S::load(x + r * in + i);
        for (int k = 0; k < outs; ++k) sum[r][k] = S::fma(a, S::load(line[k] + i), sum[r][k]);
      }
    if (i < in)
      for (int r = 0; r < rows; ++r) {
        const V a = S::load_part(x + r * in + i, in - i);
        for (int k = 0; k < outs; ++k) sum[r][k] = S::fma(a, S::load_part(line[k] + i, in - i), sum[r][k]);
      }
    for (int r = 0; r < rows; ++r)
      for (int k = 0; k < used; ++k) y[r * out + o + k] = S::sum(sum[r][k]) + (bias ? bias[o + k] : 0.0F);
  }
}

void gemv(const float* x, std::int64_t rows, std::int64_t in, const float* w, const float* bias, float* y,
          std::int64_t out, std::int64_t first, std::int64_t last) {
  if (rows == 1) return gemv_rows<1>(x, in, w, bias, y, out, first, last);
  gemv_rows<2>(x, in, w, bias, y, out, first, last);
}

// An activation is a struct with `of(v, a, b)`: lambdas would not take over the target of this file.
template <class F>
void map(const float* x, float* y, std::int64_t count, V a, V b) {
  std::int64_t i = 0;
  for (; i + S::width <= count; i += S::width) S::store(y + i, F::of(S::load(x + i), a, b));
  if (i < count) S::store_part(y + i, F::of(S::load_part(x + i, count - i), a, b), count - i);
}

struct add_f {
  static FLAMBEAU_INLINE V of(V x, V z, V) { return S::add(x, z); }
};
struct sub_f {
  static FLAMBEAU_INLINE V of(V x, V z, V) { return S::sub(x, z); }
};
struct mul_f {
  static FLAMBEAU_INLINE V of(V x, V z, V) { return S::mul(x, z); }
};
struct div_f {
  static FLAMBEAU_INLINE V of(V x, V z, V) { return S::div(x, z); }
};
struct affine_f {
  static FLAMBEAU_INLINE V of(V x, V z, V t) { return S::fma(x, z, t); }
};

/// Inner strides of x and z as constants: the loop then has nothing but loads, the operation and the store.
template <class F, bool x_moves, bool z_moves, bool has_t>
void combine_rows(const Plane& p, const float* x, const float* z, const float* t, float* y) {
  for (std::int64_t r = 0; r < p.rows; ++r, x += p.x_row, z += p.z_row, t += has_t ? p.z_row : 0, y += p.y_row) {
    const V x0 = S::set(*x), z0 = S::set(*z), t0 = S::set(*t);
    std::int64_t i = 0;
    for (; i + S::width <= p.columns; i += S::width)
      S::store(y + i, F::of(x_moves ? S::load(x + i) : x0, z_moves ? S::load(z + i) : z0,
                            has_t && z_moves ? S::load(t + i) : t0));
    const std::int64_t rest = p.columns - i;
    if (rest > 0)
      S::store_part(y + i, F::of(x_moves ? S::load_part(x + i, rest) : x0, z_moves ? S::load_part(z + i, rest) : z0,
                                 has_t && z_moves ? S::load_part(t + i, rest) : t0), rest);
  }
}

template <class F, bool has_t = false>
void combine_as(const Plane& p, const float* x, const float* z, const float* t, float* y) {
  if (p.x_column && p.z_column) return combine_rows<F, true, true, has_t>(p, x, z, t, y);
  if (p.x_column) return combine_rows<F, true, false, has_t>(p, x, z, t, y);
  if (p.z_column) return combine_rows<F, false, true, has_t>(p, x, z, t, y);
  combine_rows<F, false, false, has_t>(p, x, z, t, y);
}

void combine(Combine op, const Plane& p, const float* x, const float* z, const float* t, float* y) {
  switch (op) {
    case Combine::add: return combine_as<add_f>(p, x, z, z, y);
    case Combine::sub: return combine_as<sub_f>(p, x, z, z, y);
    case Combine::mul: return combine_as<mul_f>(p, x, z, z, y);
    case Combine::div: return combine_as<div_f>(p, x, z, z, y);
    case Combine::affine: return combine_as<affine_f, true>(p, x, z, t, y);
  }
}

float sum_of_squares(const float* x, float centre, std::int64_t count) {
  const V c = S::set(centre);
  V sum = S::set(0);
  std::int64_t i = 0;
  for (; i + S::width <= count; i += S::width) {
    const V d = S::sub(S::load(x + i), c);
    sum = S::fma(d, d, sum);
  }
  float total = S::sum(sum);
  for (; i < count; ++i) total += (x[i] - centre) * (x[i] - centre);
  return total;
}

void layer_norm(const float* x, const float* weight, const float* bias, float eps, bool centred, float* y,
                std::int64_t count) {
  float mean = 0;
  if (centred) {
    V sum = S::set(0);
    std::int64_t i = 0;
    for (; i + S::width <= count; i += S::width) sum = S::add(sum, S::load(x + i));
    mean = S::sum(sum);
    for (; i < count; ++i) mean += x[i];
    mean /= static_cast<float>(count);
  }
  const float variance = sum_of_squares(x, mean, count) / static_cast<float>(count);
  const V scale = S::set(1.0F / __builtin_sqrtf(variance + eps)), centre = S::set(mean);
  for (std::int64_t i = 0; i < count; i += S::width) {
    const std::int64_t rest = count - i;
    const bool whole = rest >= S::width;
    V v = S::mul(S::sub(whole ? S::load(x + i) : S::load_part(x + i, rest), centre), scale);
    if (weight) {
      const V w = whole ? S::load(weight + i) : S::load_part(weight + i, rest);
      v = bias ? S::fma(v, w, whole ? S::load(bias + i) : S::load_part(bias + i, rest)) : S::mul(v, w);
    }
    if (whole) {
      S::store(y + i, v);
    } else {
      S::store_part(y + i, v, rest);
    }
  }
}

void softmax(const float* x, float* y, std::int64_t count, bool log) {
  V most = S::set(x[0]);
  std::int64_t i = 0;
  for (; i + S::width <= count; i += S::width) most = S::max(most, S::load(x + i));
  float peak = S::largest(most);
  for (; i < count; ++i) peak = x[i] > peak ? x[i] : peak;
  const V shift = S::set(peak);
  V sum = S::set(0);
  float total = 0;
  for (i = 0; i < count; i += S::width) {
    const std::int64_t rest = count - i;
    if (rest >= S::width) {
      const V shifted = S::sub(S::load(x + i), shift), e = exp_of(shifted);
      S::store(y + i, log ? shifted : e);
      sum = S::add(sum, e);
    } else {
      const V shifted = S::sub(S::load_part(x + i, rest), shift), e = exp_of(shifted);
      float tail[S::width];
      S::store(tail, e);
      for (std::int64_t k = 0; k < rest; ++k) total += tail[k];
      S::store_part(y + i, log ? shifted : e, rest);
    }
  }
  total += S::sum(sum);
  const float factor = log ? __builtin_logf(total) : 1.0F / total;
  const Plane row{1, count, 0, 1, 0, 0, 0};
  combine(log ? Combine::sub : Combine::mul, row, y, &factor, &factor, y);
}

void l2_normalize(const float* x, float eps, float* y, std::int64_t count) {
  const float length = __builtin_sqrtf(sum_of_squares(x, 0, count));
  const float divisor = length < eps ? eps : length;
  combine(Combine::div, {1, count, 0, 1, 0, 0, 0}, x, &divisor, &divisor, y);
}

void activate(const graph::ActivationAttributes& f, const float* x, float* y, std::int64_t count) {
  const V a = S::set(static_cast<float>(f.a)), b = S::set(static_cast<float>(f.b));
  switch (f.kind) {
#define FLAMBEAU_CASE(kind) \
  case graph::Activation::kind: return map<kind##_f>(x, y, count, a, b)
    FLAMBEAU_CASE(relu);
    FLAMBEAU_CASE(relu6);
    FLAMBEAU_CASE(sigmoid);
    FLAMBEAU_CASE(tanh);
    FLAMBEAU_CASE(silu);
    FLAMBEAU_CASE(gelu);
    FLAMBEAU_CASE(gelu_tanh);
    FLAMBEAU_CASE(hardswish);
    FLAMBEAU_CASE(hardsigmoid);
    FLAMBEAU_CASE(hardtanh);
    FLAMBEAU_CASE(leaky_relu);
    FLAMBEAU_CASE(elu);
    FLAMBEAU_CASE(celu);
    FLAMBEAU_CASE(selu);
    FLAMBEAU_CASE(softplus);
    FLAMBEAU_CASE(softsign);
    FLAMBEAU_CASE(mish);
    FLAMBEAU_CASE(log_sigmoid);
    FLAMBEAU_CASE(tanhshrink);
    FLAMBEAU_CASE(hardshrink);
    FLAMBEAU_CASE(softshrink);
    FLAMBEAU_CASE(threshold);
    FLAMBEAU_CASE(exp);
    FLAMBEAU_CASE(clamp);
    FLAMBEAU_CASE(sqrt);
    FLAMBEAU_CASE(abs);
    FLAMBEAU_CASE(neg);
#undef FLAMBEAU_CASE
  }
}

#include "plan/kernels/winograd_bodies.h"

}  // namespace

const VectorKernels FLAMBEAU_TABLE = {gemv,         activate, combine,        layer_norm,        softmax,
                                      l2_normalize, S::width, winograd_weights, winograd_input, winograd_multiply,
                                      winograd_output};

}  // namespace flambeau::plan
