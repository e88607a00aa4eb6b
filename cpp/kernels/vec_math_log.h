#pragma once
// log, log2, log10, log1p, softplus, pow.
#include "kernels/vec_math_exp.h"

namespace izvod::kernels::IZVOD_ISA {

template <class T>
struct LogConstants;
template <>
struct LogConstants<float> {
  static constexpr float log10_2_hi = 0x1.344p-2f, log10_2_lo = 0x1.3509f8p-18f;
  // log(1+f) = f - f^2/2 + f^3 P(f), |f| <= 1/3, err 2^-27.5
  static constexpr float log[] = {0x1.55550ap-2f, -0x1.ffff7ep-3f, 0x1.99cec8p-3f, -0x1.5584aep-3f,
                                  0x1.1eeba8p-3f, -0x1.f5c818p-4f, 0x1.1e08f8p-3f, -0x1.0225e8p-3f};
};
template <>
struct LogConstants<double> {
  static constexpr double log10_2_hi = 0x1.34413509f6p-2, log10_2_lo = 0x1.9fef311f12b36p-42;
  // log(1+f) = 2 atanh(s) = 2s + s z R(z), s = f / (2+f), z = s^2 <= 1/25, err 2^-55.0
  static constexpr double log[] = {0x1.55555555556bp-1,  0x1.999999990eedfp-2, 0x1.249249a74e8dfp-2,
                                   0x1.c71c03dc3c94ep-3, 0x1.7474fb77d0ce6p-3, 0x1.3849f94e885a6p-3,
                                   0x1.3b299e2075001p-3};
};

// log(1+f) - f.
inline Vec<float> log_tail(Vec<float> f) {
  return fma(poly(f, LogConstants<float>::log), f, -0.5f) * (f * f);
}
inline Vec<double> log_tail(Vec<double> f) {
  const Vec<double> s = f / (f + 2.0), z = s * s, h = f * f * 0.5;
  return s * fma(poly(z, LogConstants<double>::log), z, h) - h;  // 2s = f - s f, and s f = h - s h
}

// x = (1+f) 2^k with 2/3 <= 1+f < 4/3, for normal x > 0.
template <class T>
struct SplitExponent {
  Vec<T> f, k;
};
template <class T>
inline SplitExponent<T> split_normal(Vec<T> x) {
  using Int = typename Vec<T>::Int;
  constexpr Int exponent_bits = Int(-1) << FloatFormat<T>::mantissa;
  const auto distance = bits(x) - bits(Vec<T>(T(2) / T(3)));
  const Vec<T> m = bits_as<T>(bits(x) - (distance & exponent_bits));
  return {m - T(1), exponent_of(distance)};
}
// The same for any x > 0; y for 0 < x < inf, what the logarithm is elsewhere.
#if defined(__AVX512F__)
// x = significand 2^exponent, 1 <= |significand| < 2.
inline Vec<float> significand(Vec<float> x) {
  return _mm512_getmant_ps(x.v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
}
inline Vec<double> significand(Vec<double> x) {
  return _mm512_getmant_pd(x.v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
}
inline Vec<float> exponent(Vec<float> x) { return _mm512_getexp_ps(x.v); }
inline Vec<double> exponent(Vec<double> x) { return _mm512_getexp_pd(x.v); }
template <class T>
inline SplitExponent<T> split_exponent(Vec<T> x) {
  const Vec<T> m = significand(x), k = exponent(x);
  const Mask<T> up = m >= T(4) / T(3);
  return {where(up, m * T(0.5), m) - T(1), where(up, k + T(1), k)};
}
// By the kind of x, from the lowest four bits on: nan, nan, 0, 1, -inf, inf, negative, positive.
// What it becomes: 0 y, 1 x, 2 a nan of x's kind, 3 nan, 4 -inf, 5 inf.
inline constexpr int log_edges = 0x03530422;
inline Vec<float> log_at_edges(Vec<float> x, Vec<float> y) {
  return _mm512_fixupimm_ps(y.v, x.v, _mm512_set1_epi32(log_edges), 0);
}
inline Vec<double> log_at_edges(Vec<double> x, Vec<double> y) {
  return _mm512_fixupimm_pd(y.v, x.v, _mm512_set1_epi64(log_edges), 0);
}
#else
template <class T>
inline SplitExponent<T> split_exponent(Vec<T> x) {
  const Mask<T> tiny = x < FloatFormat<T>::min_normal;
  const auto [f, k] = split_normal(where(tiny, x * T(int64_t(1) << FloatFormat<T>::mantissa), x));
  return {f, k - where(tiny, T(FloatFormat<T>::mantissa), T(0))};
}
template <class T>
inline Vec<T> log_at_edges(Vec<T> x, Vec<T> y) {
  y = where(x < infinity<T>, y, x);  // inf and nan
  return where(x > T(0), y, where(x == T(0), -infinity<T>, nan<T>));
}
#endif

template <class T>
inline Vec<T> log(Vec<T> x) {
  const auto [f, k] = split_exponent(x);
  const Vec<T> low = fma(k, ExpConstants<T>::ln2_lo, log_tail(f));
  return log_at_edges(x, fma(k, ExpConstants<T>::ln2_hi, f + low));
}

// log2(e) = 1 + 0.44...: f enters unrounded, as in log, and k + f is exact where it cancels.
template <class T>
inline Vec<T> log2(Vec<T> x) {
  const auto [f, k] = split_exponent(x);
  const Vec<T> tail = log_tail(f), low = fma(f + tail, T(0.44269504088896341), tail);
  return log_at_edges(x, (k + f) + low);
}

// log10(e) = 1/2 - 0.06...
template <class T>
inline Vec<T> log10(Vec<T> x) {
  const auto [f, k] = split_exponent(x);
  const Vec<T> tail = log_tail(f);
  const Vec<T> low = fma(f + tail, T(-0.065705518096748173), tail * T(0.5));
  const Vec<T> y = fma(f, T(0.5), fma(k, LogConstants<T>::log10_2_lo, low));
  return log_at_edges(x, fma(k, LogConstants<T>::log10_2_hi, y));
}

// log(u) + (1 + x - u) / u, where u is the rounded 1 + x.
template <class T>
inline Vec<T> log1p_of(Vec<T> x, Vec<T> u) {
  const Vec<T> lost = where(x < T(0x1p30), x - (u - T(1)), T(0));
  const auto [f, k] = split_normal(u);
  const Vec<T> low = fma(k, ExpConstants<T>::ln2_lo, log_tail(f) + lost / u);
  return fma(k, ExpConstants<T>::ln2_hi, f + low);
}
template <class T>
inline Vec<T> log1p(Vec<T> x) {
  const Vec<T> u = x + T(1);
  return copysign(log_at_edges(u, log1p_of(x, u)), x);
}

// log(1 + exp(x)).
template <class T>
inline Vec<T> softplus(Vec<T> x) {
  const Vec<T> e = exp(-abs(x));
  return max(Vec<T>(T(0)), x) + log1p_of(e, e + T(1));  // nan passes
}

// ---- pow ----

// The halves of a vector of float, as double; and back. (With AVX by its instructions: the
// compiler converts in quarters and through memory.)
#if defined(__AVX512F__)
template <int half>
inline Vec<double> widen(Vec<float> x) {
  return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x.v, half));
}
inline Vec<float> narrow(Vec<double> low, Vec<double> high) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low.v)), _mm512_cvtpd_ps(high.v),
                            1);
}
#elif defined(__AVX__)
template <int half>
inline Vec<double> widen(Vec<float> x) {
  return __builtin_ia32_cvtps2pd256(__builtin_ia32_vextractf128_ps256(x.v, half));
}
inline Vec<float> narrow(Vec<double> low, Vec<double> high) {
  const auto l = __builtin_ia32_cvtpd2ps256(low.v), h = __builtin_ia32_cvtpd2ps256(high.v);
  return __builtin_ia32_vinsertf128_ps256(__builtin_ia32_ps256_ps(l), h, 1);
}
#else
typedef float HalfVector __attribute__((vector_size(vec_bytes / 2)));
template <int half>
inline Vec<double> widen(Vec<float> x) {
  HalfVector h;
  std::memcpy(&h, reinterpret_cast<const char*>(&x.v) + half * sizeof(h), sizeof(h));
  return __builtin_convertvector(h, Vec<double>::Native);
}
inline Vec<float> narrow(Vec<double> low, Vec<double> high) {
  const HalfVector halves[] = {__builtin_convertvector(low.v, HalfVector),
                               __builtin_convertvector(high.v, HalfVector)};
  Vec<float> x;
  std::memcpy(&x.v, halves, sizeof(halves));
  return x;
}
#endif

struct PowConstants {
  // log2((1+s) / (1-s)) = s P(s^2), |s| <= 1/5, err 2^-42.4
  static constexpr double log2[] = {0x1.71547652b7e99p1,  0x1.ec709dcb514a9p-1,
                                    0x1.2776bc570931ep-1, 0x1.a61e994525086p-2,
                                    0x1.46f345846938cp-2, 0x1.29c8e593e3837p-2};
  // 2^r, |r| <= 1/2, err 2^-34.5
  static constexpr double exp2[] = {
      0x1.ffffffffabbep-1,  0x1.62e42ff11653dp-1,  0x1.ebfbe0a4c0cep-3,   0x1.c6b08aaf04effp-5,
      0x1.3b29dc3f2442fp-7, 0x1.5d8a70a26dabfp-10, 0x1.446a20fe1e682p-13, 0x1.fe176f29d4be8p-17};
};
// x^y for floats x >= 0, in double: 2^(y log2(x)), where the logarithm needs ten bits more than
// x^y.
inline Vec<double> pow_in_double(Vec<double> x, Vec<double> y) {
  const auto [f, k] = split_normal(x);
  const Vec<double> s = f / (f + 2.0), l = fma(poly(s * s, PowConstants::log2), s, k);
  const Vec<double> log2 = where(x == 0.0, -infinity<double>, where(x < infinity<double>, l, x));
  const Vec<double> v = min(Vec<double>(200.0), max(Vec<double>(-200.0), y * log2));  // nan passes
  const Vec<double> shift = magic<double> + 1023, t = v + shift;
  return poly(v - (t - shift), PowConstants::exp2) * power_of_two(t);
}

// x^y from |x|^y.
template <class T>
inline Vec<T> signed_power(Vec<T> x, Vec<T> y, Vec<T> p) {
  const Vec<T> a = abs(x), half = y * T(0.5), whole = round(y);
  p = where((y == T(0)) | (a == T(1)), T(1), p);  // even where the other one is nan or infinite
  const Mask<T> odd = (round(half) != half) & (whole == y);
  p = where(odd, copysign(p, x), p);
  const Mask<T> undefined = (x < T(0)) & (a < infinity<T>)&(whole != y);
  return where(undefined, nan<T>, p);
}

inline Vec<float> pow(Vec<float> x, Vec<float> y) {
  const Vec<float> a = abs(x);
  return signed_power(
      x, y,
      narrow(pow_in_double(widen<0>(a), widen<0>(y)), pow_in_double(widen<1>(a), widen<1>(y))));
}

struct TwoDoubles {
  Vec<double> high, low;
};
// log(x) for x > 0, to twelve bits more than a double has: the relative error of x^y is that of
// y log(x), which goes up to 745. With s = f / (2+f), log(1+f) = 2s + s z (2/3 + z Q(z)), z = s^2.
inline TwoDoubles log_in_two(Vec<double> x) {
  // z <= 1/25, err 2^-65.7 of the logarithm
  static constexpr double q[] = {0x1.9999999999999p-2, 0x1.2492492492a54p-2, 0x1.c71c71c5ba702p-3,
                                 0x1.745d185194492p-3, 0x1.3b134cc7a4c76p-3, 0x1.11259460dc850p-3,
                                 0x1.dd414aa0947d7p-4, 0x1.f3d576104f519p-4};
  constexpr double third = 0x1.5555555555555p-1, third_low = 0x1.5555555555555p-55;  // 2/3
  const auto [f, k] = split_exponent(x);
  const Vec<double> t = f + 2.0, t_low = f - (t - 2.0), inverse = 1.0 / t;
  const Vec<double> s = f * inverse, s_low = fma(-s, t_low, fma(-s, t, f)) * inverse;
  const Vec<double> z = s * s, z_low = fma(s, s, -z) + s * 2.0 * s_low;
  const Vec<double> tail = z * poly(z, q), a = tail + third,
                    a_low = (Vec<double>(third) - a) + tail + third_low;
  const Vec<double> b = z * a, b_low = fma(z, a, -b) + fma(z, a_low, z_low * a);
  const Vec<double> c = s * b, c_low = fma(s, b, -c) + fma(s, b_low, s_low * b);
  const Vec<double> h = fma(s, 2.0, c), h_low = fma(s, 2.0, -h) + c + fma(s_low, 2.0, c_low);
  const Vec<double> n = k * ExpConstants<double>::ln2_hi, sum = n + h,
                    low = (n - sum) + h + fma(k, ExpConstants<double>::ln2_lo, h_low);
  const Vec<double> high = sum + low;
  return {high, (sum - high) + low};
}
// x^y for x >= 0.
inline Vec<double> positive_power(Vec<double> x, Vec<double> y) {
  const auto [log, log_low] = log_in_two(x);
  const Vec<double> at_edges =
      where(x == 0.0, -infinity<double>, where(x < infinity<double>, log, x));
  const Vec<double> v = y * at_edges, v_low = fma(y, log, -v) + y * log_low;
  const auto [r, n, t] = reduce_exp(clamp_exp(v, 1.0), 2 * FloatFormat<double>::bias);
  return scale(exp_reduced(r + where(abs(v) < 800.0, v_low, 0.0)), n, t);
}
inline Vec<double> pow(Vec<double> x, Vec<double> y) {
  if constexpr (has_fma) return signed_power(x, y, positive_power(abs(x), y));
  for (int i = 0; i < x.width; ++i) x.v[i] = __builtin_pow(x.v[i], y.v[i]);
  return x;
}

}  // namespace izvod::kernels::IZVOD_ISA
