// No include guard: part of kernels/vector_bodies.h. Errors are a few units in the last place unless said.

FLAMBEAU_INLINE V clamp_of(V x, float low, float high) { return S::min(S::max(x, S::set(low)), S::set(high)); }

/// e^x: a polynomial on [-ln 2 / 2, ln 2 / 2] (Cephes' constants) times a power of two, in two factors so that neither overflows.
FLAMBEAU_INLINE V exp_of(V x) {
  x = clamp_of(x, -104.0F, 89.0F);
  const V n = S::round(S::mul(x, S::set(1.44269504088896341F)));
  V r = S::fma(n, S::set(-0.693359375F), x);
  r = S::fma(n, S::set(2.12194440e-4F), r);
  V p = S::set(1.9875691500e-4F);
  p = S::fma(p, r, S::set(1.3981999507e-3F));
  p = S::fma(p, r, S::set(8.3334519073e-3F));
  p = S::fma(p, r, S::set(4.1665795894e-2F));
  p = S::fma(p, r, S::set(1.6666665459e-1F));
  p = S::fma(p, r, S::set(5.0000001201e-1F));
  p = S::add(S::fma(p, S::mul(r, r), r), S::set(1));
  const V half = S::round(S::mul(n, S::set(0.5F)));
  return S::mul(S::mul(p, S::power_of_two(half)), S::power_of_two(S::sub(n, half)));
}

FLAMBEAU_INLINE V expm1_of(V x) {
  V p = S::set(1.0F / 5040);
  p = S::fma(p, x, S::set(1.0F / 720));
  p = S::fma(p, x, S::set(1.0F / 120));
  p = S::fma(p, x, S::set(1.0F / 24));
  p = S::fma(p, x, S::set(1.0F / 6));
  p = S::fma(p, x, S::set(0.5F));
  p = S::fma(S::mul(p, x), x, x);
  return S::if_less(S::abs(x), S::set(0.35F), p, S::sub(exp_of(x), S::set(1)));
}

FLAMBEAU_INLINE V sigmoid_of(V x) {
  return S::div(S::set(1), S::add(S::set(1), exp_of(S::sub(S::set(0), x))));
}

FLAMBEAU_INLINE V tanh_of(V x) {
  const V z = S::mul(x, x), e = exp_of(S::mul(S::abs(x), S::set(2)));
  V p = S::set(-5.70498872745e-3F);
  p = S::fma(p, z, S::set(2.06390887954e-2F));
  p = S::fma(p, z, S::set(-5.37397155531e-2F));
  p = S::fma(p, z, S::set(1.33314422036e-1F));
  p = S::fma(p, z, S::set(-3.33332819422e-1F));
  p = S::fma(S::mul(p, z), x, x);
  const V far = S::sub(S::set(1), S::div(S::set(2), S::add(e, S::set(1))));
  return S::if_less(S::abs(x), S::set(0.625F), p, S::copy_sign(far, x));
}

/// ln(1 + e^x): the larger of x and 0, plus ln(1 + u) for u = e^-|x| as twice the inverse hyperbolic tangent of u / (2 + u).
FLAMBEAU_INLINE V softplus_of(V x) {
  const V u = exp_of(S::sub(S::set(0), S::abs(x)));
  const V s = S::div(u, S::add(S::set(2), u)), z = S::mul(s, s);
  V p = S::set(2.0F / 15);
  p = S::fma(p, z, S::set(2.0F / 13));
  p = S::fma(p, z, S::set(2.0F / 11));
  p = S::fma(p, z, S::set(2.0F / 9));
  p = S::fma(p, z, S::set(2.0F / 7));
  p = S::fma(p, z, S::set(2.0F / 5));
  p = S::fma(p, z, S::set(2.0F / 3));
  p = S::fma(p, z, S::set(2));
  return S::fma(p, s, S::max(x, S::set(0)));
}

/// x·Φ(x) with erfc by Abramowitz and Stegun 7.1.26 (absolute error 1.5e-7): the negative side needs no subtraction.
FLAMBEAU_INLINE V gelu_of(V x) {
  const V a = S::mul(S::abs(x), S::set(0.70710678118654752F));
  const V t = S::div(S::set(1), S::fma(S::set(0.3275911F), a, S::set(1)));
  V p = S::set(1.061405429F);
  p = S::fma(p, t, S::set(-1.453152027F));
  p = S::fma(p, t, S::set(1.421413741F));
  p = S::fma(p, t, S::set(-0.284496736F));
  p = S::fma(p, t, S::set(0.254829592F));
  const V complement = S::mul(S::mul(p, t), exp_of(S::sub(S::set(0), S::mul(a, a))));
  const V tail = S::mul(S::mul(S::set(0.5F), S::abs(x)), complement);  // |x| · Φ(-|x|)
  return S::if_less(x, S::set(0), S::sub(S::set(0), tail), S::sub(x, tail));
}

FLAMBEAU_INLINE V gelu_tanh_of(V x) {
  const V inner = S::mul(S::set(0.79788456080286536F), S::fma(S::mul(S::mul(x, x), x), S::set(0.044715F), x));
  return S::mul(S::mul(S::set(0.5F), x), S::add(S::set(1), tanh_of(inner)));
}

FLAMBEAU_INLINE V hardsigmoid_of(V x) {
  return S::mul(clamp_of(S::add(x, S::set(3)), 0, 6), S::set(1.0F / 6));
}

// The activations, as kernels/vector_bodies.h applies them.
#define FLAMBEAU_ACTIVATION(kind, ...)                                                                    \
  struct kind##_f {                                                                                       \
    static FLAMBEAU_INLINE V of(V v, [[maybe_unused]] V a, [[maybe_unused]] V b) { return __VA_ARGS__; } \
  }
FLAMBEAU_ACTIVATION(relu, S::max(v, S::set(0)));
FLAMBEAU_ACTIVATION(relu6, clamp_of(v, 0, 6));
FLAMBEAU_ACTIVATION(sigmoid, sigmoid_of(v));
FLAMBEAU_ACTIVATION(tanh, tanh_of(v));
FLAMBEAU_ACTIVATION(silu, S::mul(v, sigmoid_of(v)));
FLAMBEAU_ACTIVATION(gelu, gelu_of(v));
FLAMBEAU_ACTIVATION(gelu_tanh, gelu_tanh_of(v));
FLAMBEAU_ACTIVATION(hardswish, S::mul(v, hardsigmoid_of(v)));
FLAMBEAU_ACTIVATION(hardsigmoid, hardsigmoid_of(v));
FLAMBEAU_ACTIVATION(hardtanh, S::min(S::max(v, a), b));
FLAMBEAU_ACTIVATION(leaky_relu, S::if_less(v, S::set(0), S::mul(v, a), v));
FLAMBEAU_ACTIVATION(elu, S::if_less(v, S::set(0), S::mul(a, expm1_of(v)), v));
FLAMBEAU_ACTIVATION(celu, S::if_less(v, S::set(0), S::mul(a, expm1_of(S::div(v, a))), v));
FLAMBEAU_ACTIVATION(selu, S::mul(S::set(1.0507009873554805F), S::if_less(v, S::set(0), S::mul(S::set(1.6732632423543772F), expm1_of(v)), v)));
FLAMBEAU_ACTIVATION(softplus, S::if_less(b, S::mul(v, a), v, S::div(softplus_of(S::mul(v, a)), a)));
FLAMBEAU_ACTIVATION(softsign, S::div(v, S::add(S::set(1), S::abs(v))));
FLAMBEAU_ACTIVATION(mish, S::mul(v, tanh_of(softplus_of(v))));
FLAMBEAU_ACTIVATION(log_sigmoid, S::sub(S::set(0), softplus_of(S::sub(S::set(0), v))));
FLAMBEAU_ACTIVATION(tanhshrink, S::sub(v, tanh_of(v)));
FLAMBEAU_ACTIVATION(hardshrink, S::if_at_most(S::abs(v), a, S::set(0), v));
FLAMBEAU_ACTIVATION(softshrink, S::if_less(a, v, S::sub(v, a), S::if_less(v, S::sub(S::set(0), a), S::add(v, a), S::mul(v, S::set(0)))));
FLAMBEAU_ACTIVATION(threshold, S::if_at_most(v, a, b, v));
FLAMBEAU_ACTIVATION(exp, exp_of(v));
FLAMBEAU_ACTIVATION(clamp, S::min(S::max(v, a), b));
FLAMBEAU_ACTIVATION(sqrt, S::sqrt(v));
FLAMBEAU_ACTIVATION(abs, S::abs(v));
FLAMBEAU_ACTIVATION(neg, S::mul(v, S::set(-1)));
#undef FLAMBEAU_ACTIVATION
