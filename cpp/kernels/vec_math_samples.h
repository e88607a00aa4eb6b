#pragma once
// exp, log and log1p whose float results are torch's to the last bit: for random samples, whose
// values are promised. Doubles take the general functions.
//
// Note [Functions for samples]
// torch has exp and log from one library of vector functions, log1p from another one. What is here
// was found from arguments and results, and from publications. It was compared with torch 2.13 on
// x86-64 with AVX2 for every float: none differs (but log1p(-2^-149), -0 here, +0 there). The
// formulas count and the order of their roundings:
//   exp    2^(k/128), from a table of sums of two floats, times 1 + r + r^2/2;
//   log    a polynomial of degree 10 on [2/3, 4/3), all of whose steps are rounded;
//   log1p  2 atanh(m / (2+m)) as a sum of two floats (N. Shibata and F. Petrogalli, "SLEEF: A
//          Portable Vectorized Library of C Standard Mathematical Functions", 2020).
// Arguments beyond the range of a formula are computed in double, lane by lane.
#include "kernels/vec_math_log.h"

namespace izvod::kernels::IZVOD_ISA {

// 2^(j/128) as sums of two floats.
struct RootsOfTwo {
  static constexpr int count = 128;
  float high[count], low[count];
  constexpr RootsOfTwo() : high(), low() {
    for (int j = 0; j < count; ++j) {
      const long double x = j * (0.693147180559945309417232L / count);
      long double power = 1;
      for (int n = 25; n; --n) power = 1 + power * x / n;  // Taylor's series
      high[j] = float(power);
      low[j] = float(power - high[j]);
    }
  }
};
inline constexpr RootsOfTwo roots_of_two;

// The product is rounded before it is added to something.
inline Vec<float> times(Vec<float> a, Vec<float> b) { return rounded(a * b); }

inline Vec<float> sample_exp(Vec<float> x) {
  constexpr float high = 0x1.63p-8f, low = -0x1.bd0106p-20f;  // ln(2) / 128
  const Vec<float> t = times(x, 184.66496659f) + magic<float>, k = t - magic<float>;
  const Vec<int32_t> n = bits(t) - bits(Vec<float>(magic<float>)), j = n & (RootsOfTwo::count - 1);
  const Vec<float> r = (x - times(k, high)) - times(k, low), p = times(r, r) * 0.5f + r;
  Vec<float> a, b;
  for (int i = 0; i < x.width; ++i) {
    a.v[i] = roots_of_two.high[j[i]];
    b.v[i] = roots_of_two.low[j[i]];
  }
  const Vec<float> y = (a + (times(a, p) + b)) * bits_as<float>(((n >> 7) + 127) << 23);
  return patch(y, ~(abs(x) <= 87.336f), [&](int i) { return __builtin_exp(double(x[i])); });
}

inline Vec<float> sample_log(Vec<float> x) {
  constexpr float c[] = {-0x1.08059p-3f, 0x1.1e66bap-3f,  -0x1.f3113cp-4f,
                         0x1.1ed718p-3f, -0x1.559dccp-3f, 0x1.99d028p-3f,
                         -0x1.fffefp-3f, 0x1.555506p-2f,  -0.5f};
  const auto [f, k] = split_normal(x);
  Vec<float> p = c[0];
  for (int i = 1; i < 9; ++i) p = times(p, f) + c[i];
  const Vec<float> low = times(k, ExpConstants<float>::ln2_lo) + (times(p * f, f) + f);
  const Vec<float> y = low + times(k, ExpConstants<float>::ln2_hi);
  const Mask<float> normal = (x >= FloatFormat<float>::min_normal) & (x < infinity<float>);
  return patch(y, ~normal, [&](int i) { return __builtin_log(double(x[i])); });
}

// 1 + x = (1+m) 2^k, -1/4 <= m < 1/2.
inline Vec<float> sample_log1p(Vec<float> x) {
  constexpr float ln2_hi = 0x1.62e43p-1f, ln2_lo = -0x1.05c61p-29f;
  const Vec<int32_t> field = bits((x + 1.0f) * (1 / 0.75f)) >> 23, down = 254 - field.v;
  const Vec<int32_t> half = down >> 1;  // 2^-k as two factors: it may be below the normal numbers
  const Vec<float> k = convert<float>(field - 127), unit = bits_as<float>((half + 64) << 23) *
                                                           bits_as<float>((down - half + 63) << 23);
  const Vec<float> m = fused(x, unit, unit - 1.0f);

  // s = m / (2+m)
  const Vec<float> sum = m + 2.0f, rest = sum - 2.0f, lost = (2.0f - (sum - rest)) + (m - rest);
  const Vec<float> inverse = 1.0f / sum, s = times(m, inverse);
  const Vec<float> off = fused(-lost, inverse, fused(-sum, inverse, 1.0f));
  const Vec<float> s_low = fused(s, off, fused(inverse, m, -s));

  const Vec<float> z = times(s, s);
  const Vec<float> p = fused(fused(0.3027294874f, z, 0.3996108174f), z, 0.6666694880f);
  const Vec<float> e = times(k, ln2_hi), e_low = fused(ln2_lo, k, fused(ln2_hi, k, -e));
  const Vec<float> a = e + (s + s), a_low = ((e - a) + (s + s) + e_low) + (s_low + s_low);
  const Vec<float> tail = times(z * s, p), y = a + tail, y_low = ((a - y) + tail) + a_low;
  const Mask<float> inside = (x > -1.0f) & (x < infinity<float>);
  return patch(copysign(y + y_low, x), ~inside,
               [&](int i) { return __builtin_log1p(double(x[i])); });
}

inline Vec<double> sample_exp(Vec<double> x) { return exp(x); }
inline Vec<double> sample_log(Vec<double> x) { return log(x); }
inline Vec<double> sample_log1p(Vec<double> x) { return log1p(x); }

}  // namespace izvod::kernels::IZVOD_ISA
