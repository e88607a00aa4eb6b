#pragma once
// erf, erfc, erfinv, and the normal distribution in GELU.
#include "kernels/vec_math_log.h"

namespace izvod::kernels::IZVOD_ISA {

template <class T>
struct ErfConstants;
template <>
struct ErfConstants<float> {
  static constexpr float small_below = 1;
  // erf(x) = x + x P(x^2), |x| <= 1, err 2^-29.3
  static constexpr float small[] = {0x1.06eba8p-3f,  -0x1.81273ep-2f, 0x1.ce2cfp-4f,
                                    -0x1.b7f858p-6f, 0x1.53ff92p-8f,  -0x1.a3c95cp-11f,
                                    0x1.48edeep-14f};
  // erfc(x) = exp(Q(x)), 1 <= x <= 4, err 2^-29.8 of erf
  static constexpr float tail[] = {-0x1.662116p-12f, -0x1.2088f6p0f, -0x1.46ba98p-1f,
                                   -0x1.a656f2p-4f,  0x1.65d58ep-6f, -0x1.8275eap-9f,
                                   0x1.8715bp-13f};
  // erfc(x) exp(x^2) = s (c0 + s (c1 + s P(s))), s = 1 / (x + 5/2), 0.5 <= x <= 10.2, err 2^-29
  static constexpr float end = 10.2f, c0 = 0x1.20e1c8p-1f, c1 = 0x1.688edcp0f;
  static constexpr float scaled[] = {0x1.a646cap1f, 0x1.76f9f2p2f,  0x1.3f1c88p4f, -0x1.0dc99ep5f,
                                     0x1.a37e98p7f, -0x1.ea8e1cp8f, 0x1.a5446ep8f, -0x1.9dfae2p6f};
};
template <>
struct ErfConstants<double> {
  static constexpr double small_below = 0.9;
  // |x| <= 0.9, err 2^-56.4
  static constexpr double small[] = {
      0x1.06eba8214db69p-3,  -0x1.812746b0379fcp-2,  0x1.ce2f21a0434a1p-4,  -0x1.b82ce312a09cbp-6,
      0x1.565bcd1025f9ep-8,  -0x1.c02db4016aab5p-11, 0x1.f9a31de9a8e31p-14, -0x1.f4d0e87d2bbaep-17,
      0x1.b9c8784faf191p-20, -0x1.5df92e0d41817p-23, 0x1.e63bf8aab52b1p-27, -0x1.dea72438eebecp-31};
  // 0.5 <= x <= 27.3, err 2^-57.3
  static constexpr double end = 27.3, c0 = 0x1.20dd750424fc9p-1, c1 = 0x1.6914d24701c2cp0;
  static constexpr double scaled[] = {
      0x1.9f3e57e620e14p1,  0x1.acc8c1fc8dc29p2,   0x1.7c42f3e049f77p3,  0x1.04f7315fab037p4,
      0x1.610c3b7f731c9p3,  -0x1.4e726105a78c3p4,  -0x1.78b76652d7ffep6, -0x1.35c4dc13f22c1p7,
      0x1.021c4ad97f42bp9,  -0x1.62fea2adf454ep12, 0x1.e43cf960a8dd4p15, -0x1.8c486ca369f72p18,
      0x1.f4b1c98967f84p20, -0x1.e7ce608a160bp22,  0x1.5d8aeba6a9de5p24, -0x1.667acb4884c5p25,
      0x1.009ae554c660bp26, -0x1.e98cf73ee72a7p25, 0x1.1900dd23823dp25,  -0x1.26f188005302p23};
};

// erfc(a) for a >= 1/2: exp(-a^2) s V(s). Both factors enlarge the error of what they are given, so
// a^2, s and V come as sums. 2^n is multiplied in last: see scale.
template <class T>
inline Vec<T> erfc_positive(Vec<T> a) {
  using C = ErfConstants<T>;
  a = min(Vec<T>(C::end), a);
  const auto d = exact_sum(Vec<T>(T(2.5)), a);
  const Vec<T> s = T(1) / d.high;
  const auto one = exact_product(s, d.high);
  const Vec<T> es = ((T(1) - one.high) - one.low) - s * d.low;  // 1 / d is s (1 + es)
  const Vec<T> e =
      es * fma(s, T(4.6), T(0.94));  // s V(s) grows by this: a fit of 1 + s V'(s) / V(s)
  const auto linear = exact_product(s, Vec<T>(C::c1));
  const auto v1 = exact_sum(Vec<T>(C::c0), linear.high);
  const auto v = exact_sum(v1.high, rounded(s * s * poly(s, C::scaled)));
  const auto w = exact_product(s, v.high);

  const auto square = exact_product(a, a);
  const auto [unused, n, t] = reduce_exp(-square.high, 2 * FloatFormat<T>::bias);
  const Vec<T> r =
      fma(n, -ExpConstants<T>::ln2_hi, -square.high) - fma(n, ExpConstants<T>::ln2_lo, square.low);
  const Vec<T> curve = poly(r, ExpConstants<T>::exp) * (r * r), p = T(1) + (r + curve);
  const Vec<T> low = fma(s, v.low + v1.low + linear.low, fma(w.high, e * p, w.low));
  return scale(w.high + fma(w.high, r, fma(w.high, curve, low)), n, t);  // w (1 + e) p 2^n
}

// erf(a) for a <= small_below.
template <class T>
inline Vec<T> erf_small(Vec<T> a) {
  return fma(poly(a * a, ErfConstants<T>::small), a, a);
}

template <class T>
inline Vec<T> erfc(Vec<T> x) {
  const Vec<T> a = abs(x), y = erfc_positive(a);
  const Vec<T> small = (T(1) - x) - poly(x * x, ErfConstants<T>::small) * x;
  return where(a < T(0.7), small, where(x < T(0), T(2) - y, y));
}

// erfc(a) with the absolute error that erf(a) = 1 - erfc(a) needs, a >= small_below.
inline Vec<float> erfc_roughly(Vec<float> a) {
  const auto [r, n, t] = reduce_exp(poly(min(Vec<float>(4.0f), a), ErfConstants<float>::tail), 127);
  return (expm1_reduced(r) + 1.0f) * power_of_two(t);
}
inline Vec<double> erfc_roughly(Vec<double> a) {
  using E = ErfConstants<double>;
  a = min(Vec<double>(6.0), a);
  const auto [r, n, t] = reduce_exp(-a * a, 1023);
  const Vec<double> s = 1.0 / (a + 2.5), v = fma(fma(poly(s, E::scaled), s, E::c1), s, E::c0);
  return (expm1_reduced(r) + 1.0) * power_of_two(t) * (s * v);
}

template <class T>
inline Vec<T> erf(Vec<T> x) {
  const Vec<T> a = abs(x), large = T(1) - erfc_roughly(a);
  // nan takes the polynomial
  return flip_sign(where(a > ErfConstants<T>::small_below, large, erf_small(a)), x);
}

// The normal distribution: 1 + erf(x / sqrt(2)), twice the probability of a value below x, and the
// density at x. erfc is only as exact, absolutely, as a sum with 1 needs, err 2^-26.6:
// erfc(a / sqrt(2)) = exp(-a^2/2) (1 - a R((4 - a) / (4 + a))), one short chain of steps where
// erf has two.
struct Gaussian {
  Vec<float> twice_below, density;
};
// erfc(a / sqrt(2)) = P(a - centre), centres `step` apart, err 2^-25.9, absolutely. Beyond the last
// it is taken for 0, below 2^-27.
struct GaussianTable {
  static constexpr float step = 0x1.99a8cep-2f, per_one = 0x1.3ff42p1f;
  static constexpr float poly[][16] = {
      {0x1p0f, 0x1.60d386p-1f, 0x1.b1cfap-2f, 0x1.d72fdep-3f, 0x1.c0b47cp-4f, 0x1.747b5p-5f,
       0x1.0c5c9p-6f, 0x1.4e7c2cp-8f, 0x1.67adbap-10f, 0x1.4d0172p-12f, 0x1.0906f8p-14f,
       0x1.6a29cap-17f, 0x1.a86fe4p-20f, 0x1.aa3c7p-23f, 0x1.6e8854p-26f, 0x0p0f},
      {-0x1.988452p-1f, -0x1.79199p-1f, -0x1.289ddap-1f, -0x1.8d9c28p-2f, -0x1.c629c6p-3f,
       -0x1.ba09a6p-4f, -0x1.6e9b16p-5f, -0x1.03142cp-6f, -0x1.3805ep-8f, -0x1.403558p-10f,
       -0x1.1801e6p-12f, -0x1.a14742p-15f, -0x1.08ef76p-17f, -0x1.1ea96cp-20f, -0x1.084a9p-23f,
       0x0p0f},
      {-0x1.e27e06p-20f, 0x1.2db75p-3f, 0x1.daa5bep-3f, 0x1.dd32eep-3f, 0x1.6b62ep-3f,
       0x1.ba1c1ap-4f, 0x1.b7ffd2p-5f, 0x1.6ac3bp-6f, 0x1.f34b22p-8f, 0x1.2033c6p-9f,
       0x1.17fe72p-11f, 0x1.caeaf2p-14f, 0x1.3dcc9ap-16f, 0x1.746bcep-19f, 0x1.71a6a8p-22f, 0x0p0f},
      {0x1.10682ap-3f, 0x1.a64ed2p-4f, 0x1.1c9608p-5f, -0x1.d2faap-6f, -0x1.d88596p-5f,
       -0x1.ba2dp-5f, -0x1.22eddcp-5f, -0x1.2773b6p-6f, -0x1.e0bb36p-8f, -0x1.3f582ap-9f,
       -0x1.5e5488p-11f, -0x1.3fa302p-13f, -0x1.e77fb2p-16f, -0x1.37d2e2p-18f, -0x1.4f7c2p-21f,
       0x0p0f},
      {-0x1.d79766p-13f, -0x1.1b238p-5f, -0x1.72bd84p-5f, -0x1.ee9b58p-6f, -0x1.b10e7p-8f,
       0x1.22130ep-7f, 0x1.9267b6p-7f, 0x1.248a04p-7f, 0x1.2eb6bcp-8f, 0x1.e36054p-10f,
       0x1.34499ap-11f, 0x1.4000f6p-13f, 0x1.115a72p-15f, 0x1.83323ep-18f, 0x1.c919cap-21f, 0x0p0f},
      {-0x1.3bff7p-6f, -0x1.9a622p-7f, 0x1.129d26p-9f, 0x1.783c5cp-7f, 0x1.5bed9ep-7f,
       0x1.21fedp-8f, -0x1.43117p-11f, -0x1.2af6aap-9f, -0x1.ddcdb4p-10f, -0x1.eae3ecp-11f,
       -0x1.768b8cp-12f, -0x1.bf14fcp-14f, -0x1.ac4caep-16f, -0x1.4e5074p-18f, -0x1.ad6692p-21f,
       0x0p0f}};
};
// The same of GELU's approximation, 1 - tanh(sqrt(2 / pi) (a + 0.044715 a^3)), by fit_tables.py,
// err 2^-25.3.
struct GaussianTanhTable {
  static constexpr float step = 0x1.7ae148p-2f, per_one = 0x1.59f22ap1f;
  static constexpr float poly[][16] = {
      {0x1p0f, 0x1.6c3e4cp-1f, 0x1.d6818ep-2f, 0x1.11c1a4p-2f, 0x1.1d06ecp-3f, 0x1.078d1ep-4f,
       0x1.acb0b8p-6f, 0x1.2ec47ap-7f, 0x1.6d7d5p-9f, 0x1.721edap-11f, 0x1.341e3ap-13f,
       0x1.9ce678p-16f, 0x1.b3dd6cp-19f, 0x1.62ae34p-22f, 0x1.b36d98p-26f, 0x0p0f},
      {-0x1.988454p-1f, -0x1.7d5f38p-1f, -0x1.36678ep-1f, -0x1.b9027p-2f, -0x1.11c41ep-2f,
       -0x1.28f4bp-3f, -0x1.185f64p-4f, -0x1.c8d5c4p-6f, -0x1.3cbd7ap-7f, -0x1.6f2b62p-9f,
       -0x1.5ca254p-11f, -0x1.095feap-13f, -0x1.3cdc96p-16f, -0x1.22540cp-19f, -0x1.8f8102p-23f,
       0x0p0f},
      {0x1.b44594p-24f, 0x1.1b5bb6p-3f, 0x1.cbfe8ep-3f, 0x1.e81f8ap-3f, 0x1.928cdcp-3f,
       0x1.10f71ap-3f, 0x1.379d02p-4f, 0x1.2d479ap-5f, 0x1.ea677p-7f, 0x1.4b2548p-8f,
       0x1.6bf21p-10f, 0x1.3ea0f6p-12f, 0x1.b2cd42p-15f, 0x1.c476ecp-18f, 0x1.5f6d62p-21f, 0x0p0f},
      {0x1.11af96p-3f, 0x1.b771fep-4f, 0x1.705db2p-5f, -0x1.1b5de2p-6f, -0x1.adf06ep-5f,
       -0x1.d50bcep-5f, -0x1.696752p-5f, -0x1.b855dp-6f, -0x1.b5303cp-7f, -0x1.61a1d6p-8f,
       -0x1.cba5ap-10f, -0x1.d6cafp-12f, -0x1.741c3cp-14f, -0x1.bc7a9ap-17f, -0x1.88ea46p-20f,
       0x0p0f},
      {0x1.a8195ep-15f, -0x1.12bfe6p-5f, -0x1.7ad6cap-5f, -0x1.1c026cp-5f, -0x1.9dde1cp-7f,
       0x1.2c5d3ep-8f, 0x1.7a2072p-7f, 0x1.64d57cp-7f, 0x1.d95e9ap-8f, 0x1.e37958p-9f,
       0x1.81098p-10f, 0x1.d978dp-12f, 0x1.ba0fc2p-14f, 0x1.33b01cp-16f, 0x1.39619cp-19f, 0x0p0f},
      {-0x1.54e006p-6f, -0x1.c1494p-7f, 0x1.525436p-12f, 0x1.5bd92cp-7f, 0x1.7a6dcp-7f,
       0x1.acc678p-8f, 0x1.577fe2p-10f, -0x1.8e407p-10f, -0x1.164cp-9f, -0x1.9f7e98p-10f,
       -0x1.b59d7ap-11f, -0x1.538c7ap-12f, -0x1.84be26p-14f, -0x1.454208p-16f, -0x1.88905cp-19f,
       0x0p0f},
      {0x1.a103b2p-10f, 0x1.644e36p-8f, 0x1.9b1f62p-8f, 0x1.4f05fcp-9f, -0x1.6d38c4p-10f,
       -0x1.5b8f08p-9f, -0x1.ec1bfp-10f, -0x1.6fd0fap-11f, 0x1.26b15cp-14f, 0x1.68a1e6p-12f,
       0x1.39f5dcp-12f, 0x1.4fae7ap-13f, 0x1.eb9284p-15f, 0x1.f8230ep-17f, 0x1.6a7726p-19f,
       0x0p0f}};
};
// A table's value for |x|.
template <class G>
inline Vec<float> twice_beyond(Vec<float> x) {
  const Vec<float> a = min(Vec<float>(15 * G::step), abs(x));  // nan passes
  const Vec<float> t = fma(a, G::per_one, magic<float>), n = t - magic<float>;
  return lookup_poly(fma(n, -G::step, a), bits(t), G::poly);
}
inline Vec<float> twice_below(Vec<float> x, Vec<float> beyond) {
  return where(x < 0.0f, beyond, 2.0f - beyond);
}
inline Gaussian gaussian(Vec<float> x) {
  if constexpr (has_lookup)
    return {twice_below(x, twice_beyond<GaussianTable>(x)),
            exp_below_zero(x * x * -0.5f) * 0.3989422804014327f};
  static constexpr float ratio[] = {0x1.9f52f2p-3f, 0x1.4814cap-2f, 0x1.6236ccp-3f,  0x1.343e58p-4f,
                                    0x1.754f3p-6f,  0x1.630fe8p-8f, -0x1.c1c5cap-10f};
  const Vec<float> a = min(Vec<float>(13.27f), abs(x));  // exp is 0 from there on; nan passes
  const auto [r, n, t] = reduce_exp(a * a * -0.5f, 127);
  const Vec<float> e = (expm1_reduced(r) + 1.0f) * power_of_two(t);
  const Vec<float> u = fma(1.0f / (a + 4.0f), Vec<float>(8.0f), Vec<float>(-1.0f));
  const Vec<float> erfc = e * fma(-a, poly(u, ratio), Vec<float>(1.0f));
  return {flip_sign(1.0f - erfc, x) + 1.0f, e * 0.3989422804014327f};
}

// See kernels/unary.h. The product is exact to its own size, however near to 1 tanh is.
struct GeluTanhBesideOne {
  Vec<float> sum, product;
};
template <class T>
  requires(has_lookup && std::is_same_v<T, float>)
inline GeluTanhBesideOne gelu_tanh(Vec<T> x) {
  const Vec<T> beyond = twice_beyond<GaussianTanhTable>(x);
  return {twice_below(x, beyond), beyond * (2.0f - beyond)};
}

// ---- erfinv ----

// Winitzki's approximation (two digits), then Halley's steps, each of which triples the digits.
// Towards 1 the distance is taken with erfc, which does not cancel.
inline double erfinv_scalar(double y) {
  const double a = __builtin_fabs(y);
  if (!(a < 1)) return a == 1 ? y * infinity<double> : nan<double>;
  const double l = __builtin_log1p(-a * a), k = 4.3307467508 + l / 2;  // 2 / (0.147 pi)
  double x = __builtin_sqrt(__builtin_sqrt(k * k - l / 0.147) - k);
  for (int i = 0; i < 3; ++i) {
    const double error = a < 0.5 ? __builtin_erf(x) - a : (1 - a) - __builtin_erfc(x);
    const double step = error * 0.88622692545275801365 * __builtin_exp(x * x);
    x -= step / (1 + x * step);
  }
  return __builtin_copysign(x, y);
}

struct ErfinvConstants {
  // erfinv(x) = x (3/2 + P(w - 5/2)), w = -log(1 - x^2) <= 5, err 2^-27.2
  static constexpr float near[] = {
      0x1.717486p-10f, 0x1.f91e8ap-3f,   -0x1.11c4f4p-8f, -0x1.48651cp-10f, 0x1.c9e7a8p-13f,
      -0x1.4dab6p-18f, -0x1.d0d07ep-19f, 0x1.f6982p-22f,  0x1.8fbe4ep-26f,  -0x1.32ccf2p-27f};
  // erfinv(x) = x (11/4 + P(sqrt(w) - 3)), 5 <= w <= 16, err 2^-27.0
  static constexpr float far[] = {
      0x1.53df7ap-4f, 0x1.006dc8p0f,   0x1.35850ep-7f,   -0x1.f4aea4p-8f,  0x1.7463a8p-8f,
      -0x1.d5fa5p-9f, 0x1.88c6acp-10f, -0x1.4ae2d8p-14f, -0x1.504004p-12f, 0x1.11cffep-13f};
};

// By polynomials in the logarithm of what is left of 1 (Giles 2012, Approximating the erfinv
// function).
inline Vec<float> erfinv(Vec<float> x) {
  const Vec<float> w = -log((1.0f - abs(x)) * (abs(x) + 1.0f));
  const Mask<float> is_near = w < 5.0f;
  const Vec<float> near = poly(w - 2.5f, ErfinvConstants::near);
  const Vec<float> far = poly(sqrt(w) - 3.0f, ErfinvConstants::far);
  const Vec<float> rest = where(is_near, near, where(w < infinity<float>, far, w));
  return copysign(fma(x, where(is_near, 1.5f, 2.75f), x * rest), x);
}
inline Vec<double> erfinv(Vec<double> x) { return map(x, erfinv_scalar); }

}  // namespace izvod::kernels::IZVOD_ISA
