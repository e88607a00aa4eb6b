#pragma once
// Elementary functions of vectors, for float and double alike, without branches over lanes.
//
// Note [Polynomials]
// Every coefficient below was computed with 200-bit arithmetic by the Remez exchange algorithm
// (minimax of the relative error of the function, on the interval named beside it), then rounded one
// after another, lowest power first, refitting the remaining ones. `err` is the error that is left.
#include <cmath>

#include "kernels/vec.h"

namespace izvod::kernels::IZVOD_ISA {

// c[0] + c[1] x + c[2] x^2 + ... by Horner's rule.
template <class T, int n>
Vec<T> poly(Vec<T> x, const T (&c)[n]) {
  Vec<T> y = c[n - 1];
  for (int i = n - 2; i >= 0; --i) y = fma(y, x, Vec<T>(c[i]));
  return y;
}

template <class T> struct Float;
template <> struct Float<float> {
  static constexpr int mantissa = 23, bias = 127;
  static constexpr float min_normal = 0x1p-126f, infinity = __builtin_inff();
  static constexpr float ln2_hi = 0x1.62e4p-1f, ln2_lo = 0x1.7f7d1cf8p-20f;  // n * ln2_hi is exact
  static constexpr float exp_min = -104, exp_max = 89;                      // 0 and inf beyond
};
template <> struct Float<double> {
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double min_normal = 0x1p-1022, infinity = __builtin_inf();
  static constexpr double ln2_hi = 0x1.62e42feep-1, ln2_lo = 0x1.a39ef35793c76p-33;
  static constexpr double exp_min = -746, exp_max = 710;
};

// ---- bits ----

template <class T> auto bits(Vec<T> x) { return bits_as<typename Vec<T>::Int>(x); }
template <class T> Vec<T> sign_bit(Vec<T> x) {
  return bits_as<T>(bits(x) & bits(Vec<T>(T(-0.0))));
}
template <class T> Vec<T> abs(Vec<T> x) { return bits_as<T>(bits(x) & ~bits(Vec<T>(T(-0.0))).v); }
// |x| with the sign of s.
template <class T> Vec<T> copysign(Vec<T> x, std::type_identity_t<Vec<T>> s) {
  return bits_as<T>(bits(abs(x)) | bits(sign_bit(s)));
}
// -1, 0, 1; nan stays.
template <class T> Vec<T> sign(Vec<T> x) {
  return where((x == T(0)) | isnan(x), x, copysign(Vec<T>(T(1)), x));
}
template <class T> Vec<T> nan_min(Vec<T> a, std::type_identity_t<Vec<T>> b) {
  return where(isnan(a), a, min(a, b));
}
template <class T> Vec<T> nan_max(Vec<T> a, std::type_identity_t<Vec<T>> b) {
  return where(isnan(a), a, max(a, b));
}

// ---- roots and rounding ----

inline Vec<float> sqrt(Vec<float> x) { return map(x, [](float a) { return __builtin_sqrtf(a); }); }
inline Vec<double> sqrt(Vec<double> x) { return map(x, [](double a) { return __builtin_sqrt(a); }); }
template <class T> Vec<T> rsqrt(Vec<T> x) { return Vec<T>(T(1)) / sqrt(x); }
template <class T> Vec<T> reciprocal(Vec<T> x) { return Vec<T>(T(1)) / x; }

inline Vec<float> floor(Vec<float> x) { return map(x, [](float a) { return __builtin_floorf(a); }); }
inline Vec<double> floor(Vec<double> x) { return map(x, [](double a) { return __builtin_floor(a); }); }
inline Vec<float> ceil(Vec<float> x) { return map(x, [](float a) { return __builtin_ceilf(a); }); }
inline Vec<double> ceil(Vec<double> x) { return map(x, [](double a) { return __builtin_ceil(a); }); }
inline Vec<float> trunc(Vec<float> x) { return map(x, [](float a) { return __builtin_truncf(a); }); }
inline Vec<double> trunc(Vec<double> x) { return map(x, [](double a) { return __builtin_trunc(a); }); }
// Halves to even.
inline Vec<float> round(Vec<float> x) { return map(x, [](float a) { return __builtin_rintf(a); }); }
inline Vec<double> round(Vec<double> x) { return map(x, [](double a) { return __builtin_rint(a); }); }

// ---- exponential ----

// An integer n that stands in the low bits of a float: x + magic rounds x to n, halves to even.
template <class T>
inline constexpr T magic = T(3) * T(int64_t(1) << (Float<T>::mantissa - 1));

// exp(r) = 1 + r + r^2 P(r), |r| <= ln(2)/2.
template <class T> struct ExpPoly;
template <> struct ExpPoly<float> {  // err 2^-28.2
  static constexpr float c[] = {0x1.fffffcp-2f, 0x1.55548ep-3f, 0x1.5558a4p-5f, 0x1.123bdp-7f,
                                0x1.6a5b1ap-10f};
};
template <> struct ExpPoly<double> {  // err 2^-57.9
  static constexpr double c[] = {0x1.0000000000009p-1,  0x1.55555555555p-3,    0x1.5555555550b09p-5,
                                 0x1.11111111269f8p-7,  0x1.6c16c183b3c49p-10, 0x1.a01a012ecb082p-13,
                                 0x1.a0199b218bda8p-16, 0x1.71df1dfed845dp-19, 0x1.28ac8fb32f31bp-22,
                                 0x1.ad87e5fbb22e5p-26};
};

// exp(x) = exp(r) 2^n. 2^n is multiplied in as two factors: results below the smallest normal are
// rounded once, and n may be one too large for a power of two that is itself a float.
template <class T>
Vec<T> exp(Vec<T> x) {
  using F = Float<T>;
  x = min(Vec<T>(F::exp_max), max(Vec<T>(F::exp_min), x));  // nan passes
  const T shift = magic<T> + T(2 * F::bias);                // low bits of t: n + 2 bias
  const Vec<T> t = fma(x, Vec<T>(T(1.4426950408889634)), Vec<T>(shift));
  const Vec<T> n = t - Vec<T>(shift);
  const Vec<T> r = fma(n, Vec<T>(-F::ln2_lo), fma(n, Vec<T>(-F::ln2_hi), x));
  const Vec<T> p = fma(poly(r, ExpPoly<T>::c), r * r, r) + Vec<T>(T(1));
  const auto half = bits(t) >> 1;
  return p * bits_as<T>(half << F::mantissa) * bits_as<T>((bits(t) - half) << F::mantissa);
}

// ---- logarithm ----

// log(1+f) = f - f^2/2 + f^3 P(f), -1/3 <= f <= 1/3.
struct LogPoly {  // err 2^-30.0
  static constexpr float c[] = {0x1.555556p-2f, -0x1.ffff0ap-3f, 0x1.99985cp-3f,
                                -0x1.5599c2p-3f, 0x1.24d99cp-3f, -0x1.f377dap-4f,
                                0x1.baed88p-4f, -0x1.07355ap-3f, 0x1.e25c4p-4f};
};
// log(1+f) = 2 atanh(s) = 2s + s z R(z), s = f / (2+f), z = s^2 <= 1/25; err 2^-55.
struct LogRatio {
  static constexpr double c[] = {0x1.55555555556bp-1,   0x1.999999990eedfp-2, 0x1.249249a74e8dfp-2,
                                 0x1.c71c03dc3c94ep-3,  0x1.7474fb77d0ce6p-3, 0x1.3849f94e885a6p-3,
                                 0x1.3b299e2075001p-3};
};
// log(1+f) as f + the value of this function.
inline Vec<float> log_tail(Vec<float> f) {
  return fma(poly(f, LogPoly::c), f, Vec<float>(-0.5f)) * (f * f);
}
inline Vec<double> log_tail(Vec<double> f) {
  const Vec<double> s = f / (f + Vec<double>(2.0)), z = s * s, h = f * f * Vec<double>(0.5);
  return s * fma(poly(z, LogRatio::c), z, h) - h;  // 2s = f - s f, and s f = h - s h
}

// x = m 2^k with 2/3 <= m < 4/3.
template <class T> struct Scaled { Vec<T> m, k; };
template <class T>
Scaled<T> split_exponent(Vec<T> x) {
  using F = Float<T>;
  const Mask<T> tiny = x < Vec<T>(F::min_normal);
  x = where(tiny, x * Vec<T>(T(int64_t(1) << F::mantissa)), x);
  const auto offset = bits(Vec<T>(T(2) / T(3)));
  const auto k = (bits(x) - offset) >> F::mantissa;
  const Vec<T> exponent = convert<T>(k) - where(tiny, Vec<T>(T(F::mantissa)), Vec<T>(T(0)));
  return {bits_as<T>(bits(x) - (k << F::mantissa)), exponent};
}

template <class T>
Vec<T> log(Vec<T> x) {
  using F = Float<T>;
  const auto [m, k] = split_exponent(x);
  const Vec<T> f = m - Vec<T>(T(1));
  const Vec<T> y = fma(k, Vec<T>(F::ln2_hi), f + fma(k, Vec<T>(F::ln2_lo), log_tail(f)));
  const Vec<T> zero = T(0), infinity = F::infinity;
  return where((x > zero) & (x < infinity), y,
               where(x == zero, -infinity, where(x == infinity, x, Vec<T>(T(__builtin_nan(""))))));
}

// ---- functions made of the exponential ----

// From e = exp(-|x|), which neither overflows nor cancels.
template <class T>
Vec<T> sigmoid(Vec<T> x) {
  const Vec<T> one = T(1), e = exp(-abs(x));
  return where(x < Vec<T>(T(0)), e, one) / (one + e);
}

// tanh(x) = x + x^3 P(x^2), |x| <= 0.625.
template <class T> struct TanhPoly;
template <> struct TanhPoly<float> {  // err 2^-27.6
  static constexpr float c[] = {-0x1.55553ap-2f, 0x1.110844p-3f, -0x1.b85a38p-5f, 0x1.52cb4p-6f,
                                -0x1.7863cep-8f};
};
template <> struct TanhPoly<double> {  // err 2^-57.4
  static constexpr double c[] = {
      -0x1.5555555555554p-2, 0x1.1111111110ep-3,    -0x1.ba1ba1b9e3193p-5,  0x1.664f4873881aep-6,
      -0x1.226e330e6e887p-7, 0x1.d6d360d75bb88p-9,  -0x1.7d9c67f6a7485p-10, 0x1.350c669736a2ap-11,
      -0x1.f114bb58dd936p-13, 0x1.8007c5610977cp-14, -0x1.fa20432ad3466p-16, 0x1.9460c9581ae6cp-18};
};

// Above 0.625, tanh(x) = 1 - 2 / (exp(2x) + 1) does not cancel.
template <class T>
Vec<T> tanh(Vec<T> x) {
  const Vec<T> a = abs(x), u = x * x, one = T(1);
  const Vec<T> small = fma(poly(u, TanhPoly<T>::c), u * a, a);
  const Vec<T> large = one - T(2) / (exp(a + a) + one);
  return copysign(where(a > T(0.625), large, small), x);  // nan takes the polynomial
}

// erf(x) = x + x P(x^2), |x| <= 1, err 2^-29.3; erfc(x) = exp(-Q(x)), 1 <= x <= 4, err 2^-29.8.
struct ErfPoly {
  static constexpr float small[] = {0x1.06eba8p-3f,  -0x1.81273ep-2f, 0x1.ce2cfp-4f, -0x1.b7f858p-6f,
                                    0x1.53ff92p-8f, -0x1.a3c95cp-11f, 0x1.48edeep-14f};
  static constexpr float large[] = {0x1.662116p-12f, 0x1.2088f6p0f,  0x1.46ba98p-1f, 0x1.a656f2p-4f,
                                    -0x1.65d58ep-6f, 0x1.8275eap-9f, -0x1.8715bp-13f};
};
inline Vec<float> erf(Vec<float> x) {
  const Vec<float> a = min(Vec<float>(4.0f), abs(x)), u = a * a;
  const Vec<float> small = fma(poly(u, ErfPoly::small), a, a);
  const Vec<float> large = 1.0f - exp(-poly(a, ErfPoly::large));
  return copysign(where(a > 1.0f, large, small), x);  // nan takes the polynomial
}
inline Vec<double> erf(Vec<double> x) { return map(x, [](double a) { return __builtin_erf(a); }); }

// ---- trigonometry ----

// sin(r) = r + r^3 P(r^2), |r| <= pi/2.
template <class T> struct SinPoly;
template <> struct SinPoly<float> {  // err 2^-27.1
  static constexpr float c[] = {-0x1.55554ep-3f, 0x1.110f1ap-7f, -0x1.9f7ab8p-13f, 0x1.5e411ep-19f};
};
inline Vec<float> sin(Vec<float> x) { return map(x, [](float a) { return __builtin_sinf(a); }); }
inline Vec<float> cos(Vec<float> x) { return map(x, [](float a) { return __builtin_cosf(a); }); }
inline Vec<double> sin(Vec<double> x) { return map(x, [](double a) { return __builtin_sin(a); }); }
inline Vec<double> cos(Vec<double> x) { return map(x, [](double a) { return __builtin_cos(a); }); }

inline Vec<float> pow(Vec<float> x, Vec<float> y) {
  for (int i = 0; i < x.width; ++i) x.v[i] = float(__builtin_pow(double(x.v[i]), double(y.v[i])));
  return x;
}
inline Vec<double> pow(Vec<double> x, Vec<double> y) {
  for (int i = 0; i < x.width; ++i) x.v[i] = __builtin_pow(x.v[i], y.v[i]);
  return x;
}

}  // namespace izvod::kernels::IZVOD_ISA
