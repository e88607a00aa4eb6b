#pragma once
// exp, exp2, expm1, sigmoid, tanh, sinh, cosh.
#include "kernels/vec_math_core.h"

namespace izvod::kernels::IZVOD_ISA {

template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  static constexpr float ln2_hi = 0x1.62e4p-1f, ln2_lo = 0x1.7f7d1cp-20f;  // n * ln2_hi is exact
  static constexpr float zero_below = -104, infinite_above = 90;           // exp(x) / 2, too
  // exp(r) = 1 + r + r^2 P(r), |r| <= ln(2)/2, err 2^-28.2
  static constexpr float exp[] = {0x1.fffffcp-2f, 0x1.55548ep-3f, 0x1.5558a4p-5f, 0x1.123bdp-7f,
                                  0x1.6a5b1ap-10f};
  // exp(r) - 1 = r + r^2 P(r), |r| <= ln(2)/2, err 2^-31.0
  static constexpr float expm1[] = {0x1p-1f,        0x1.555554p-3f,  0x1.5554fp-5f,
                                    0x1.111308p-7f, 0x1.6d436ap-10f, 0x1.9e076cp-13f};
  // tanh(x) = x + x^3 P(x^2), |x| <= 0.625, err 2^-27.6
  static constexpr float tanh[] = {-0x1.55553ap-2f, 0x1.110844p-3f, -0x1.b85a38p-5f, 0x1.52cb4p-6f,
                                   -0x1.7863cep-8f};
  // sinh(x) = x + x^3 P(x^2), |x| <= 1, err 2^-31.4
  static constexpr float sinh[] = {0x1.555556p-3f, 0x1.1110eap-7f, 0x1.a01c22p-13f,
                                   0x1.76771ep-19f};
};
template <>
struct ExpConstants<double> {
  static constexpr double ln2_hi = 0x1.62e42feep-1, ln2_lo = 0x1.a39ef35793c76p-33;
  static constexpr double zero_below = -746, infinite_above = 711;
  // err 2^-57.9
  static constexpr double exp[] = {
      0x1.0000000000009p-1,  0x1.55555555555p-3,    0x1.5555555550b09p-5,  0x1.11111111269f8p-7,
      0x1.6c16c183b3c49p-10, 0x1.a01a012ecb082p-13, 0x1.a0199b218bda8p-16, 0x1.71df1dfed845dp-19,
      0x1.28ac8fb32f31bp-22, 0x1.ad87e5fbb22e5p-26};
  // err 2^-61.5
  static constexpr double expm1[] = {0x1p-1,
                                     0x1.5555555555559p-3,
                                     0x1.555555555554cp-5,
                                     0x1.111111110f659p-7,
                                     0x1.6c16c16c1b322p-10,
                                     0x1.a01a01b00095fp-13,
                                     0x1.a01a018b44f8bp-16,
                                     0x1.71ddf819562cbp-19,
                                     0x1.27e5198469b2ep-22,
                                     0x1.af5f172ab98f7p-26,
                                     0x1.1f102bb7c77e5p-29};
  // err 2^-61.0
  static constexpr double tanh[] = {
      -0x1.5555555555554p-2,  0x1.1111111110e0cp-3,  -0x1.ba1ba1b9e3ab1p-5,  0x1.664f4873dd704p-6,
      -0x1.226e332169afep-7,  0x1.d6d3650fa860ap-9,  -0x1.7d9cad898a562p-10, 0x1.350f2b4ecb617p-11,
      -0x1.f1382acb38966p-13, 0x1.8092afd5202ffp-14, -0x1.fc826a8f7d758p-16, 0x1.98df59aaf499cp-18};
  // err 2^-61.5
  static constexpr double sinh[] = {
      0x1.5555555555556p-3,  0x1.111111111104p-7,   0x1.a01a01a0318d3p-13, 0x1.71de3a4056daap-19,
      0x1.ae646b4cd4e38p-26, 0x1.6118dfb2fe615p-33, 0x1.b52ea7510497dp-41};
};

// x = r + n ln(2), |r| <= ln(2)/2. The low bits of `t` hold n + bias.
template <class T>
struct ReducedExp {
  Vec<T> r, n, t;
};
template <class T>
inline ReducedExp<T> reduce_exp(Vec<T> x, int bias) {
  const Vec<T> shift = magic<T> + T(bias);
  const Vec<T> t = fma(x, T(1.4426950408889634), shift), n = t - shift;
  return {fma(n, -ExpConstants<T>::ln2_lo, fma(n, -ExpConstants<T>::ln2_hi, x)), n, t};
}
// 2^n where the low bits of t hold n + Float::bias.
template <class T>
inline Vec<T> power_of_two(Vec<T> t) {
  return bits_as<T>(bits(t) << FloatFormat<T>::mantissa);
}

// exp(r) - 1 for |r| <= ln(2)/2, as exact as 1 + q needs.
template <class T>
inline Vec<T> expm1_reduced(Vec<T> r) {
  return fma(poly(r, ExpConstants<T>::exp), r * r, r);
}
// exp(r): 1 + r (1 + r P(r)), where the inner sum's rounding reaches the outer one times |r| only.
// Without fma the product is rounded, too: what 1 + r loses is added with the small terms instead.
template <class T>
inline Vec<T> exp_reduced(Vec<T> r) {
  if constexpr (has_fma) return fma(fma(poly(r, ExpConstants<T>::exp), r, T(1)), r, T(1));
  const Vec<T> sum = r + T(1), lost = r - (sum - T(1));
  return sum + fma(poly(r, ExpConstants<T>::exp), r * r, lost);
}
// p 2^n, where the low bits of t hold n + 2 bias. 2^n is multiplied in as two factors: so results
// below the smallest normal are rounded once, and n may exceed the largest exponent.
template <class T>
inline Vec<T> scale(Vec<T> p, Vec<T> n, Vec<T> t) {
  if constexpr (has_scale) return scale_by_power_of_two(p, n);
  const auto half = bits(t) >> 1;
  return p * power_of_two(bits_as<T>(half)) * power_of_two(bits_as<T>(bits(t) - half));
}
template <class T>
inline Vec<T> clamp_exp(Vec<T> x, T unit) {  // nan passes
  return min(Vec<T>(ExpConstants<T>::infinite_above * unit),
             max(Vec<T>(ExpConstants<T>::zero_below * unit), x));
}

// exp(x) 2^shift; shift = -1 may be finite where exp(x) is not. Where scaling takes any n, infinite
// and nan included, it is enough that r is finite.
template <class T, int shift = 0>
inline Vec<T> exp(Vec<T> x) {
  if constexpr (has_scale) {
    const auto [r, n, t] = reduce_exp(x, 0);
    return scale_by_power_of_two(exp_reduced(keep_within(r, T(0.5))), shift ? n + T(shift) : n);
  }
  const auto [r, n, t] = reduce_exp(clamp_exp(x, T(1)), 2 * FloatFormat<T>::bias + shift);
  return scale(exp_reduced(r), n, t);
}
template <class T>
inline Vec<T> half_exp(Vec<T> x) {
  return exp<T, -1>(x);
}

// exp(x) 2^exp_shift for x <= 0, in two thirds of exp's steps: the factor keeps results below the
// smallest normal number within the exponents, and nothing overflows. Quotients of such results and
// of their sums are rounded once, as are those of exp itself. nan passes.
template <class T>
inline constexpr int exp_shift = sizeof(T) == 4 ? 32 : 64;
template <class T>
inline Vec<T> shifted_exp(Vec<T> x) {
  const Vec<T> clamped = max(Vec<T>(ExpConstants<T>::zero_below), x);
  const auto [r, n, t] = reduce_exp(clamped, FloatFormat<T>::bias + exp_shift<T>);
  return exp_reduced(r) * power_of_two(t);
}
template <class T>
inline Vec<T> unshifted(Vec<T> x) {
  constexpr T half_way = T(1) / T(int64_t(1) << (exp_shift<T> / 2));
  return x * (half_way * half_way);
}
// exp(x) for x <= 0. Results below the smallest normal number may be rounded twice.
template <class T>
inline Vec<T> exp_below_zero(Vec<T> x) {
  return unshifted(shifted_exp(x));
}

template <class T>
inline Vec<T> exp2(Vec<T> x) {
  x = clamp_exp(x, T(1.4427));
  const Vec<T> shift = magic<T> + T(2 * FloatFormat<T>::bias), t = x + shift, n = t - shift;
  return scale(exp_reduced((x - n) * T(0.6931471805599453)), n, t);
}

// 2^n (exp(r) - 1) + (2^n - 1), at half the size since 2^n may be one too large for a float.
template <class T>
inline Vec<T> expm1(Vec<T> x) {
  const Vec<T> clamped = min(Vec<T>(ExpConstants<T>::infinite_above - 1), max(Vec<T>(T(-40)), x));
  const auto [r, n, t] = reduce_exp(clamped, FloatFormat<T>::bias - 1);
  const Vec<T> q = fma(poly(r, ExpConstants<T>::expm1), r * r, r), s = power_of_two(t);
  return copysign(where(n == T(0), q, fma(s, q, s - T(0.5)) * T(2)), x);
}

// From e = exp(-|x|), which neither overflows nor cancels: y = 1 / (1+e), below zero e y, where
// e = 2^n (1+q) is multiplied in unrounded, and what 1+e lost when it was rounded is made good.
template <class T>
inline Vec<T> sigmoid(Vec<T> x) {
  const Vec<T> down = bits_as<T>(bits(x) | bits(Vec<T>(T(-0.0))));  // -|x|
  const auto [r, n, t] =
      reduce_exp(max(Vec<T>(ExpConstants<T>::zero_below), down), 2 * FloatFormat<T>::bias);
  const Vec<T> q = expm1_reduced(r), p = q + T(1), e = scale(p, n, t);
  const Vec<T> sum = e + T(1), lost = e - (sum - T(1)), y = T(1) / sum;
  return where(x < T(0), scale(fma(y, fma(-(y * lost), p, q), y), n, t), y);
}

// tanh(a) = 1 - 2 / (exp(2a) + 1), a >= 0, which cancels below 0.625. Beyond 20 it is 1 in either
// type.
template <class T>
inline Vec<T> tanh_large(Vec<T> a) {
  const auto [r, n, t] = reduce_exp(min(Vec<T>(T(40)), a + a), FloatFormat<T>::bias);  // nan passes
  return T(1) - T(2) / fma(expm1_reduced(r) + T(1), power_of_two(t), T(1));
}
template <class T>
inline Vec<T> tanh(Vec<T> x) {
  const Vec<T> a = abs(x), u = a * a;
  const Vec<T> small = fma(poly(u, ExpConstants<T>::tanh), u * a, a);
  return flip_sign(where(a > T(0.625), tanh_large(a), small), x);
}
// tanh with the absolute error that a sum with 1 needs.
template <class T>
inline Vec<T> tanh_beside_one(Vec<T> x) {
  return flip_sign(tanh_large(abs(x)), x);
}

template <class T>
inline Vec<T> sinh(Vec<T> x) {
  const Vec<T> a = abs(x), u = a * a;
  const Vec<T> half = half_exp(a);
  const Vec<T> small = fma(poly(u, ExpConstants<T>::sinh), u * a, a);
  return flip_sign(where(a > T(1), half - T(0.25) / half, small), x);
}

template <class T>
inline Vec<T> cosh(Vec<T> x) {
  const Vec<T> half = half_exp(abs(x));
  return half + T(0.25) / half;
}

}  // namespace izvod::kernels::IZVOD_ISA
