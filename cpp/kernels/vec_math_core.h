#pragma once
// What the elementary functions are made of: bits, rounding, roots, polynomials, exact products.
//
// Note [Polynomials]
// The coefficients in vec_math_*.h were computed with 200-bit arithmetic by the Remez exchange
// algorithm: minimax of the relative error of the whole function on the interval named beside them.
// They were then rounded one after another, lowest power first, refitting those that remain (least
// squares at Chebyshev nodes). `err` is the relative error that is left, before rounding in use.
#include <cmath>

#include "kernels/fused.h"
#include "kernels/vec.h"

namespace izvod::kernels::IZVOD_ISA {

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
inline constexpr bool has_fma = true;
#else
inline constexpr bool has_fma = false;
#endif

template <class T>
struct FloatFormat;
template <>
struct FloatFormat<float> {
  static constexpr int mantissa = 23, bias = 127;
  static constexpr float min_normal = 0x1p-126f;
};
template <>
struct FloatFormat<double> {
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double min_normal = 0x1p-1022;
};
template <class T>
inline constexpr T infinity = T(__builtin_inf());
template <class T>
inline constexpr T nan = T(__builtin_nan(""));
// x + magic rounds x to an integer, halves to even, which then stands in the low bits of the sum.
template <class T>
inline constexpr T magic = T(3) * T(int64_t(1) << (FloatFormat<T>::mantissa - 1));

// c[0] + c[1] x + c[2] x^2 + ... A long one as a polynomial in x^2 whose coefficients are
// c[i] + c[i+1] x: a loop over vectors waits for the longest chain, and this halves Horner's.
template <class T, int n>
inline Vec<T> poly(Vec<T> x, const T (&c)[n]) {
  constexpr bool pairs = n > 4;
  const Vec<T> z = x * x;
  Vec<T> y = pairs && n % 2 == 0 ? fma(x, c[n - 1], c[n - 2]) : Vec<T>(c[n - 1]);
#pragma GCC unroll 32
  for (int i = pairs ? n - 4 + n % 2 : n - 2; i >= 0; i -= pairs ? 2 : 1)
    y = pairs ? fma(y, z, fma(x, c[i + 1], c[i])) : fma(y, x, c[i]);
  return y;
}

// ---- bits ----

template <class T>
inline auto bits(Vec<T> x) {
  return bits_as<typename Vec<T>::Int>(x);
}
template <class T>
inline auto sign_bits(Vec<T> x) {
  return bits(x) & bits(Vec<T>(T(-0.0)));
}
template <class T>
inline Vec<T> abs(Vec<T> x) {
  return bits_as<T>(bits(x) & ~bits(Vec<T>(T(-0.0))).v);
}
// x, negated in lanes where the sign bit of s is set.
template <class T>
inline Vec<T> flip_sign(Vec<T> x, std::type_identity_t<Vec<T>> s) {
  return bits_as<T>(bits(x) ^ sign_bits(s));
}
// |x| with the sign of s.
template <class T>
inline Vec<T> copysign(Vec<T> x, std::type_identity_t<Vec<T>> s) {
  return bits_as<T>(bits(abs(x)) | sign_bits(s));
}
// -1, 0, 1; nan stays.
template <class T>
inline Vec<T> sign(Vec<T> x) {
  return where((x == T(0)) | isnan(x), x, copysign(Vec<T>(T(1)), x));
}
// The smaller and the larger one; nan where either is nan.
template <class T>
inline Vec<T> nan_min(Vec<T> a, std::type_identity_t<Vec<T>> b) {
  return where(isnan(a), a, min(a, b));
}
template <class T>
inline Vec<T> nan_max(Vec<T> a, std::type_identity_t<Vec<T>> b) {
  return where(isnan(a), a, max(a, b));
}

// The signed exponent field of an integer: bits >> mantissa, as floating point numbers. For double
// by way of magic: AVX2 converts no 64-bit integers and shifts in no signs.
inline Vec<float> exponent_of(Vec<int32_t> bits) { return convert<float>(bits >> 23); }
inline Vec<double> exponent_of(Vec<int64_t> bits) {
  const Vec<double> shift = 0x1p52;
  const auto positive = bits_as<uint64_t>(bits + (int64_t(1024) << 52)) >> 52;
  return bits_as<double>(bits_as<int64_t>(positive) | bits_as<int64_t>(shift)) - (shift + 1024.0);
}

// Note [Results too small]
// A product that rounds to less than the smallest normal number, be it to zero, takes Intel's
// processors 150 cycles, for a vector as for one lane. Masked scores (-inf, -1e9, ...) would meet
// that in every exponential, so arguments whose exponential is zero are given a factor of zero.

// Below it p 2^n is zero for |p| <= sqrt(2).
template <class T>
inline constexpr T least_power = -(FloatFormat<T>::bias + FloatFormat<T>::mantissa);

// p 2^n for whole n, rounded once, and r kept within +-limit (nan becomes limit): one instruction
// each, which this copy may lack.
#if defined(__AVX512DQ__)
inline constexpr bool has_scale = true;
inline Vec<float> scale_by_power_of_two(Vec<float> p, Vec<float> n) {
  const auto some = _mm512_cmp_ps_mask(n.v, Vec<float>(least_power<float>).v, _CMP_NLT_UQ);
  return _mm512_maskz_scalef_ps(some, p.v, n.v);
}
inline Vec<double> scale_by_power_of_two(Vec<double> p, Vec<double> n) {
  const auto some = _mm512_cmp_pd_mask(n.v, Vec<double>(least_power<double>).v, _CMP_NLT_UQ);
  return _mm512_maskz_scalef_pd(some, p.v, n.v);
}
inline Vec<float> keep_within(Vec<float> r, float limit) {
  return _mm512_range_ps(r.v, Vec<float>(limit).v, 2);  // the smaller |..|, the sign of r
}
inline Vec<double> keep_within(Vec<double> r, double limit) {
  return _mm512_range_pd(r.v, Vec<double>(limit).v, 2);
}
#else
inline constexpr bool has_scale = false;
template <class T>
Vec<T> scale_by_power_of_two(Vec<T> p, Vec<T> n);
template <class T>
Vec<T> keep_within(Vec<T> r, T limit);
#endif

// y, but f(i) in lanes i where m is set: for the few arguments that the vector text does not reach.
// Their neighbours keep their bits.
template <class T, class F>
inline Vec<T> patch(Vec<T> y, Mask<T> m, F f) {
  if (any(m)) [[unlikely]]
    for (int i = 0; i < Vec<T>::width; ++i)
      if (m[i]) y.v[i] = T(f(i));
  return y;
}

// ---- roots and rounding ----

inline Vec<float> sqrt(Vec<float> x) {
#if defined(__AVX512F__)
  // The instruction takes as long as twenty others. Where nothing underflows, an approximation, one
  // step of Goldschmidt's, and one by what x - g^2 is exactly give the same bits for every float.
  const __m512 least = Vec<float>(0x1p-96f).v, most = Vec<float>(infinity<float>).v;
  const __mmask16 large = _mm512_cmp_ps_mask(x.v, least, _CMP_GE_OQ);
  if (_mm512_mask_cmp_ps_mask(large, x.v, most, _CMP_LT_OQ) == 0xffff) [[likely]] {
    const Vec<float> y = _mm512_rsqrt14_ps(x.v), h = y * 0.5f, g = x * y;
    const Vec<float> e = fma(-g, h, 0.5f), near = fma(e, g, g);
    return fma(fma(-near, near, x), fma(e, h, h), near);
  }
  return _mm512_sqrt_ps(x.v);
#endif
  return map(x, [](float a) { return __builtin_sqrtf(a); });
}
inline Vec<double> sqrt(Vec<double> x) {
  return map(x, [](double a) { return __builtin_sqrt(a); });
}
template <class T>
inline Vec<T> reciprocal(Vec<T> x) {
  return T(1) / x;
}
template <class T>
inline Vec<T> rsqrt(Vec<T> x) {
  return T(1) / sqrt(x);
}

inline Vec<float> floor(Vec<float> x) {
  return map(x, [](float a) { return __builtin_floorf(a); });
}
inline Vec<double> floor(Vec<double> x) {
  return map(x, [](double a) { return __builtin_floor(a); });
}
inline Vec<float> ceil(Vec<float> x) {
  return map(x, [](float a) { return __builtin_ceilf(a); });
}
inline Vec<double> ceil(Vec<double> x) {
  return map(x, [](double a) { return __builtin_ceil(a); });
}
inline Vec<float> trunc(Vec<float> x) {
  return map(x, [](float a) { return __builtin_truncf(a); });
}
inline Vec<double> trunc(Vec<double> x) {
  return map(x, [](double a) { return __builtin_trunc(a); });
}
// Halves to even.
inline Vec<float> round(Vec<float> x) {
  return map(x, [](float a) { return __builtin_rintf(a); });
}
inline Vec<double> round(Vec<double> x) {
  return map(x, [](double a) { return __builtin_rint(a); });
}

// ---- tables ----

// Sixteen polynomials side by side, c[k] holding the coefficients of x^k: lane by lane the one that
// the low bits of i say. Where the machine has an instruction for it a coefficient costs no more
// than a step of the polynomial, and the intervals are so short that few are needed.
#if defined(__AVX512F__)
inline constexpr bool has_lookup = true;
template <int n>
inline Vec<float> lookup_poly(Vec<float> x, Vec<int32_t> i, const float (&c)[n][16]) {
  const auto coefficient = [&](int k) {
    return Vec<float>(_mm512_permutexvar_ps(__m512i(i.v), Vec<float>::load(c[k]).v));
  };
  Vec<float> y = coefficient(n - 1);
#pragma GCC unroll 16
  for (int k = n - 2; k >= 0; --k) y = fma(y, x, coefficient(k));
  return y;
}
#else
inline constexpr bool has_lookup = false;
template <class T, class Int, int n>
Vec<T> lookup_poly(Vec<T> x, Vec<Int> i, const float (&c)[n][16]);
#endif

// ---- exact arithmetic ----

// a * b + c rounded once, whatever the compiler contracts elsewhere. Slow without has_fma.
inline Vec<float> fused(Vec<float> a, Vec<float> b, Vec<float> c) {
  for (int i = 0; i < a.width; ++i) a.v[i] = fused(a.v[i], b.v[i], c.v[i]);
  return a;
}
inline Vec<double> fused(Vec<double> a, Vec<double> b, Vec<double> c) {
  for (int i = 0; i < a.width; ++i) a.v[i] = fused(a.v[i], b.v[i], c.v[i]);
  return a;
}
// The same value; the compiler cannot contract a product into what follows.
template <class T>
inline Vec<T> rounded(Vec<T> x) {
#if defined(__x86_64__)
  asm("" : "+x"(x.v));
#elif defined(__aarch64__)
  asm("" : "+w"(x.v));
#endif
  return x;
}
// a * b = high + low exactly. Without fma by Dekker's halves.
template <class T>
struct HighLow {
  Vec<T> high, low;
};
template <class T>
inline HighLow<T> exact_product(Vec<T> a, Vec<T> b) {
  const Vec<T> p = rounded(a * b);
  if constexpr (has_fma) {
    return {p, fused(a, b, -p)};
  } else {
    using Int = typename Vec<T>::Int;
    const Int upper = Int(-1) << ((FloatFormat<T>::mantissa + 2) / 2);
    const Vec<T> ah = bits_as<T>(bits(a) & upper), al = a - ah;
    const Vec<T> bh = bits_as<T>(bits(b) & upper), bl = b - bh;
    return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
  }
}
// a + b = high + low exactly.
template <class T>
inline HighLow<T> exact_sum(Vec<T> a, Vec<T> b) {
  const Vec<T> s = a + b, t = s - a;
  return {s, (a - (s - t)) + (b - t)};
}

// The remainder of x / y with the sign of x, exact as in C. Where the rounded quotient q is one too
// large, r is negative; where q has more digits than T, the C library goes on.
template <class T>
inline Vec<T> fmod(Vec<T> x, Vec<T> y) {
  const Vec<T> a = abs(x), b = abs(y), q = trunc(a / b);
  const auto product = exact_product(q, b);
  Vec<T> r = (a - product.high) - product.low;
  r = where(r < T(0), r + b, r);
  r = flip_sign(where(q == T(0), a, r), x);  // b may be infinite
  return patch(r, ~(q < T(int64_t(1) << FloatFormat<T>::mantissa)),
               [&](int i) { return __builtin_fmod(x[i], y[i]); });
}
// The remainder with the sign of y, as Python's %.
template <class T>
inline Vec<T> remainder(Vec<T> x, Vec<T> y) {
  const Vec<T> r = fmod(x, y);
  return where((r != T(0)) & ((r < T(0)) ^ (y < T(0))), r + y, r);
}

}  // namespace izvod::kernels::IZVOD_ISA
