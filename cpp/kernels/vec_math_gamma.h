#pragma once
// lgamma, digamma, polygamma. Of float in double, whose digits make up for what cancels; of double
// lane by lane.
#include "kernels/vec_math_log.h"
#include "kernels/vec_math_trig.h"

namespace izvod::kernels::IZVOD_ISA {

// digamma(x) - log(x), x >= 10: -1/(2x) - sum of B(2k) / (2k x^2k) (Bernardo 1976, AS 103).
template <class V>
inline V digamma_beyond_log(V x) {
  constexpr double c[] = {1.0 / 12, 1.0 / 120, 1.0 / 252, 1.0 / 240, 1.0 / 132, 691.0 / 32760};
  const V z = V(1) / (x * x);
  V y = z * (1.0 / 12);
  for (int i = 5; i >= 0; --i) y = z * (V(c[i]) - y);
  return V(-0.5) / x - y;
}

// digamma on [1, 2], where it is 0 at x0: (x - x0) P(x - 3/2), so that digits stay beside x0.
template <class V>
inline V digamma_near_root(V x) {
  constexpr double root = 0x1.762d86356be3fp+0, root_low = 0x1.b86a722197829p-54;
  constexpr double p[] = {// err 2^-53 of 1
                          0x1.e6f0cbb873616p-1,   -0x1.b1cb63005ee5dp-2,  0x1.eca189b8e6f1ep-3,
                          -0x1.2feeeb98b0270p-3,  0x1.8512e5904479bp-4,   -0x1.fb44201e7cc15p-5,
                          0x1.4de9aa0fb5a4fp-5,   -0x1.b9f8b4ba2e5f5p-6,  0x1.256473e20cb08p-6,
                          -0x1.8634c5eab0574p-7,  0x1.03c04453f4083p-7,   -0x1.5a16d9f65315cp-8,
                          0x1.cd35ac17ad344p-9,   -0x1.326340580e90ap-9,  0x1.9870a33254ba1p-10,
                          -0x1.1a824f512c76fp-10, 0x1.78a77705bb558p-11,  -0x1.73ff1b7f004e4p-12,
                          0x1.effae48161573p-13,  -0x1.8cc58112556c6p-12, 0x1.088345f73d8a7p-12};
  V y = 0;
  for (int i = 20; i >= 0; --i) y = y * (x - V(1.5)) + V(p[i]);
  return ((x - V(root)) - V(root_low)) * y;
}

// The derivative of lgamma: reflection below 0; steps of 1 into [1, 2], or up from there.
inline double digamma_scalar(double x) {
  constexpr double pi = 3.14159265358979323846;
  if (x == 0) return __builtin_copysign(infinity<double>, -x);
  double y = 0;
  if (x < 0) {
    if (x == __builtin_floor(x)) return nan<double>;
    const double part = x - __builtin_rint(x);  // exact
    y = -pi / __builtin_tan(pi * part);
    x = 1 - x;
  }
  if (x < 1) {
    y -= 1 / x;
    x += 1;
  }
  if (x >= 10) return x == infinity<double> ? x : y + (__builtin_log(x) + digamma_beyond_log(x));
  double steps = 0;
  for (; x > 2; steps += 1 / x) x -= 1;
  return y + (digamma_near_root(x) + steps);
}

// q^-s for a whole number s. pow is exact to the last digit, a few products are, too, and cheaper.
inline double inverse_power(double q, double s) {
  if (s > 4) return __builtin_pow(q, -s);
  double p = q;
  for (; s > 1; s -= 1) p *= q;
  return 1 / p;
}

// The sum of (q + k)^-s over k >= 0, q > 0, s > 1: its first terms, then Euler and Maclaurin's
// formula with the coefficients B(2k) / (2k)!.
inline double hurwitz_zeta(double s, double q) {
  constexpr double c[] = {0x1.5555555555555p-4,   -0x1.6c16c16c16c17p-10, 0x1.1566abc011567p-15,
                          -0x1.bbd779334ef0bp-21, 0x1.66a8f2bf70ebep-26,  -0x1.22805d644267fp-31,
                          0x1.d6db2c4e09162p-37,  -0x1.7da4e1f79955cp-42, 0x1.355871d652e9ep-47,
                          -0x1.f57d968caacf1p-53, 0x1.967e1f09c376fp-58,  -0x1.497d9033a2b5cp-63};
  double sum = 0;
  for (; q < 9 + s; q += 1) sum += inverse_power(q, s);
  const double last = inverse_power(q, s);
  double rest = inverse_power(q, s - 1) / (s - 1) + last / 2, factor = last * (s / q);
  for (int k = 0; k < 12; ++k) {
    rest += c[k] * factor;
    factor *= ((s + (2 * k + 1)) / q) * ((s + (2 * k + 2)) / q);
  }
  return sum + rest;
}

// The n-th derivative of digamma, (-1)^(n+1) n! zeta(n + 1, x). Below 0 the terms on either side of
// 0 are summed on their own: both are zetas of positive numbers.
inline double polygamma_scalar(int n, double x) {
  if (n == 0) return digamma_scalar(x);
  if (x != x || x == -infinity<double>) return nan<double>;
  if (x == infinity<double>) return 0;
  const double s = n + 1, sign = n % 2 ? 1 : -1, scale = sign * __builtin_tgamma(s);
  if (x > 0) return scale * hurwitz_zeta(s, x);
  if (x == __builtin_floor(x)) return sign * infinity<double>;
  const double below = hurwitz_zeta(s, __builtin_ceil(x) - x) - hurwitz_zeta(s, 1 - x);
  return scale * (hurwitz_zeta(s, x - __builtin_floor(x)) + sign * below);
}

inline double lgamma_scalar(double x) {
  int sign;
  return ::lgamma_r(x, &sign);
}

// ---- of float, in double ----

// x (x + 1) ... (x + 7), and how it grows there: two of the factors at a time.
struct EightFactors {
  Vec<double> product, derivative;
};
inline EightFactors eight_factors(Vec<double> x) {
  const Vec<double> u = x * (x + 7.0), a = u * (u + 6.0), b = (u + 10.0) * (u + 12.0);
  return {a * b, fma(x, 2.0, 7.0) * fma(fma(u, 2.0, 6.0), b, a * fma(u, 2.0, 22.0))};
}

// lgamma(x) = (x - 1) (x - 2) P(x - 13/8), 3/4 <= x <= 5/2, err 2^-31.2
inline constexpr double lgamma_near_roots[] = {
    0x1.dcfd3398338bfp-2,   -0x1.0d79493f9da26p-3,  0x1.aebb18a1262dfp-5,  -0x1.8c66e213b826dp-6,
    0x1.88ee59acc024dp-7,   -0x1.974f9570d4053p-8,  0x1.b39efa05caff1p-9,  -0x1.dab50f9d01a73p-10,
    0x1.fbaaac44c0984p-11,  -0x1.1b4cbc309b5d7p-11, 0x1.a05337a24dbc9p-12, -0x1.de1192d719433p-13,
    -0x1.81b6bd890099dp-17, 0x1.1f143d6208ac8p-17,  0x1.c92c652c9b839p-14, -0x1.0bf690941c835p-14};

// Stirling's series from 8 on, eight steps below it, the reflection of negative numbers, but beside
// the zeros of these, where its terms cancel.
inline Vec<double> lgamma_of_float(Vec<double> x) {
  constexpr double pi = 3.14159265358979323846, half_log_two_pi = 0.91893853320467274178;
  constexpr double stirling[] = {1.0 / 12,    -1.0 / 360, 1.0 / 1260,
                                 -1.0 / 1680, 1.0 / 1188, -691.0 / 360360};
  const Vec<double> a = abs(x);
  const Mask<double> steps = a < 8.0;
  const Vec<double> z = where(steps, a + 8.0, a), product = eight_factors(a).product;
  Vec<double> y = fma(z - 0.5, log(z) - 1.0, half_log_two_pi - 0.5);
  y += poly(1.0 / (z * z), stirling) / z - where(steps, log(product), 0.0);
  const Vec<double> near = (x - 1.0) * (x - 2.0) * poly(x - 1.625, lgamma_near_roots);
  y = where((x >= 0.75) & (x <= 2.5), near + 0.0, y);  // not -0
  const Mask<double> negative = x < 0.0;
  if (!any(negative)) return y;
  const Vec<double> sine = abs(sin((a - round(a)) * pi));
  y = where(negative & (a < infinity<double>), log(pi / (a * sine)) - y, y);
  return patch(y, negative & (abs(y) < 0x1p-14), [&](int i) { return lgamma_scalar(x[i]); });
}

// The same of the derivative.
inline Vec<double> digamma_of_float(Vec<double> x) {
  constexpr double pi = 3.14159265358979323846;
  const Mask<double> negative = x < 0.0;
  const Vec<double> a = where(negative, 1.0 - x, x);
  const Mask<double> steps = a < 8.0;
  const Vec<double> z = where(steps, a + 8.0, a);
  const auto [product, derivative] = eight_factors(a);
  Vec<double> y = log(z) + where(z < infinity<double>, digamma_beyond_log(z), 0.0);
  y = where(steps, y - derivative / product, y);
  y = where((a >= 1.0) & (a <= 2.0), digamma_near_root(a), y);
  y = where(x == 0.0, copysign(Vec<double>(infinity<double>), -x), y);
  if (!any(negative)) return y;
  const Vec<double> part = x - round(x);
  const Vec<double> reflected = y - pi / tan(part * pi);
  return where(negative, where(part == 0.0, nan<double>, reflected), y);
}

inline Vec<float> lgamma(Vec<float> x) {
  return narrow(lgamma_of_float(widen<0>(x)), lgamma_of_float(widen<1>(x)));
}
inline Vec<float> digamma(Vec<float> x) {
  return narrow(digamma_of_float(widen<0>(x)), digamma_of_float(widen<1>(x)));
}
inline Vec<double> lgamma(Vec<double> x) { return map(x, lgamma_scalar); }
inline Vec<double> digamma(Vec<double> x) { return map(x, digamma_scalar); }
template <class T>
inline Vec<T> polygamma(int n, Vec<T> x) {
  return map(x, [n](T s) { return T(polygamma_scalar(n, s)); });
}

}  // namespace izvod::kernels::IZVOD_ISA
