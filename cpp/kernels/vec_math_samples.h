#pragma once
// exp, log and log1p whose results are torch's to the last bit: for random samples, whose values
// are promised.
//
// Note [Functions for samples]
// torch has exp and log from one library of vector functions, log1p from another one. What is here
// was found from arguments and results, and from publications: for log1p N. Shibata and F.
// Petrogalli, "SLEEF: A Portable Vectorized Library of C Standard Mathematical Functions", 2020;
// for the logarithm of doubles the mathematical functions that Intel published with its compiler
// for graphics. It was compared with torch 2.13 on x86-64 with AVX2 for every float and for a
// billion doubles of all sizes: none differs (but two of 60 million logarithms of doubles below the
// normal ones). With AVX-512 torch's exp and log take other formulas: exp of 1.6 % of normal floats
// (0.3 % of all floats) and 4.5 % of normal doubles, log of 8 % of the floats between 0 and 1
// (0.6 % of all) and 0.3 % of such doubles differ, by one unit in the last place; log1p is the
// same. (Intel's library held to AVX2 on a processor with AVX-512 differs as well, otherwise: exp
// of 4 % of normal floats.) A seed gives the same samples here on every machine. The formulas count
// and the order of their roundings:
//   exp    2^(k/128), from a table of sums of two floats, times 1 + r + r^2/2; of doubles 2^(k/64)
//          and a polynomial of degree 5;
//   log    of floats a polynomial of degree 10 on [2/3, 4/3), all of whose steps are rounded; of
//          doubles -log(q), from a table, and a polynomial of degree 5 in q x - 1, where q is 1/x
//          in nine bits;
//   log1p  2 atanh(m / (2+m)) as a sum of two numbers.
// Floats beyond the range of a formula are computed in double, lane by lane; near the ends of its
// range exp of doubles has a formula of its own, in torch, too.
#include "kernels/sample_tables.h"
#include "kernels/vec_math_log.h"

namespace izvod::kernels::IZVOD_ISA {

// The product is rounded before it is added to something.
template <class T>
inline Vec<T> times(Vec<T> a, std::type_identity_t<Vec<T>> b) {
  return rounded(a * b);
}

template <class T, class Int>
inline Vec<T> lookup(const T* table, Vec<Int> j) {
  Vec<T> y;
  for (int i = 0; i < y.width; ++i) y.v[i] = table[j[i]];
  return y;
}

// ---- exp ----

inline Vec<float> sample_exp(Vec<float> x) {
  constexpr auto& roots = roots_of_two<float, 128>;
  constexpr float high = 0x1.63p-8f, low = -0x1.bd0106p-20f;  // ln(2) / 128
  const Vec<float> t = times(x, 184.66496659f) + magic<float>, k = t - magic<float>;
  const Vec<int32_t> n = bits(t) - bits(Vec<float>(magic<float>)), j = n & (roots.count - 1);
  const Vec<float> r = (x - times(k, high)) - times(k, low), p = times(r, r) * 0.5f + r;
  const Vec<float> a = lookup(roots.high, j), b = lookup(roots.low, j);
  const Vec<float> y = (a + (times(a, p) + b)) * bits_as<float>(((n >> 7) + 127) << 23);
  return patch(y, ~(abs(x) <= 87.336f), [&](int i) { return __builtin_exp(double(x[i])); });
}

// c[0] + c[1] x + ..., all of whose steps are rounded.
template <class T, int n>
inline Vec<T> rounded_poly(Vec<T> x, const T (&c)[n]) {
  Vec<T> y = c[n - 1];
  for (int i = n - 2; i >= 0; --i) y = times(y, x) + c[i];
  return y;
}

inline Vec<double> sample_exp(Vec<double> x) {
  constexpr auto& roots = roots_of_two<double, 64>;
  constexpr double c[] = {0x1.fffffffffdb3bp-2, 0x1.555555555653ep-3, 0x1.555573f218b93p-5,
                          0x1.111112d9f54c8p-7};
  constexpr double high = 0x1.62e42fefap-7, low = 0x1.cf79abc9e3b39p-46;  // ln(2) / 64
  const Vec<double> bounded = clamp_exp(x, 1.0);
  const Vec<double> t = times(bounded, 0x1.71547652b82fep6) + magic<double>, k = t - magic<double>;
  const Vec<int64_t> n = bits(t) - bits(Vec<double>(magic<double>)), j = n & (roots.count - 1);
  const Vec<double> r = (bounded - times(k, high)) - times(k, low);
  const Vec<double> a = lookup(roots.high, j), b = lookup(roots.low, j);
  const Vec<double> p = times(rounded_poly(r, c), times(r, r)) + r, y = a + (times(a, p) + b);
  const Vec<double> result = bits_as<double>(bits(y) + ((n - j) << 46));

  const Mask<double> beyond = ~(abs(x) < 708.39599609375);
  if (!any(beyond)) [[likely]]
    return result;
  constexpr double d[] = {0.5, 0x1.55555555548f7p-3, 0x1.5555555559aaep-5, 0x1.111123ac5398ep-7,
                          0x1.6c1693f1a991cp-10};
  const Vec<double> q = times(times(rounded_poly(r, d), r), r) + r, tail = times(q + b / a, a);
  const Vec<double> sum = a + tail, rest = tail - (sum - a);
  return patch(result, beyond, [&](int i) {
    const int e = int(n[i] >> 6);
    if (!(x[i] < -708.3964185322641) || e <= -1033) return __builtin_ldexp(sum[i], e);
    const double top = float(sum[i]);  // what is below the normal numbers is rounded once
    return __builtin_ldexp(top, e) + __builtin_ldexp((sum[i] - top) + rest[i], e);
  });
}

// ---- log ----

inline Vec<float> sample_log(Vec<float> x) {
  constexpr float c[] = {-0.5f,           0x1.555506p-2f,  -0x1.fffefp-3f,
                         0x1.99d028p-3f,  -0x1.559dccp-3f, 0x1.1ed718p-3f,
                         -0x1.f3113cp-4f, 0x1.1e66bap-3f,  -0x1.08059p-3f};
  const auto [f, k] = split_normal(x);
  const Vec<float> p = rounded_poly(f, c);
  const Vec<float> low = times(k, ExpConstants<float>::ln2_lo) + (times(p * f, f) + f);
  const Vec<float> y = low + times(k, ExpConstants<float>::ln2_hi);
  const Mask<float> normal = (x >= FloatFormat<float>::min_normal) & (x < infinity<float>);
  return patch(y, ~normal, [&](int i) { return __builtin_log(double(x[i])); });
}

// 1/x to twelve bits. The instruction that torch has it from: processors differ in the last bit.
inline Vec<double> rough_reciprocal(Vec<double> x) {
#if defined(__x86_64__)
  typedef float Floats __attribute__((vector_size(16)));
  return map(x, [](double a) { return double(__builtin_ia32_rcpss(Floats{float(a)})[0]); });
#else
  return 1.0 / x;
#endif
}

inline Vec<double> sample_log(Vec<double> x) {
  constexpr auto& logs = logarithms;
  constexpr double c[] = {-0x1.ffffffffff81fp-2, 0x1.55555555543c5p-2, -0x1.0000148058ee1p-2,
                          0x1.9999cacdb4d0ap-3};
  constexpr int64_t fraction = (int64_t(1) << 52) - 1, low_half = (int64_t(1) << 26) - 1;
  const Mask<double> tiny = x < FloatFormat<double>::min_normal;
  const Vec<int64_t> n = bits(where(tiny, x * 0x1p52, x));
  // m 2^10 is x without its exponent; 512 <= q <= 1024.
  const Vec<double> m = bits_as<double>((n & fraction) | bits(Vec<double>(0x1p-10)));
  const Vec<double> top = bits_as<double>(bits(m) & ~low_half), q = round(rough_reciprocal(m));
  const Vec<double> r = (top * q - 1.0) + (m - top) * q;  // the products are exact
  const Vec<double> k = exponent_of(n) - where(tiny, 52.0, 0.0);
  const Vec<int64_t> j = bits(q + magic<double>) - bits(Vec<double>(magic<double> + logs.first));
  const Vec<double> high = lookup(logs.high, j) + k * logs.ln2_hi;  // these products, too
  const Vec<double> low = lookup(logs.low, j) + k * logs.ln2_lo;

  const Vec<double> z = times(r, r);
  const Vec<double> p = times(times(r, c[3]) + c[2], z) + (times(r, c[1]) + c[0]);
  const Vec<double> sum = high + r;
  return log_at_edges(x, ((low + (r - (sum - high))) + times(p, z)) + sum);
}

// ---- log1p ----

template <class T>
struct Log1pConstants;
template <>
struct Log1pConstants<float> {
  static constexpr float ln2_hi = 0x1.62e43p-1f, ln2_lo = -0x1.05c61p-29f;
};
template <>
struct Log1pConstants<double> {
  static constexpr double ln2_hi = 0x1.62e42fefa39efp-1, ln2_lo = 0x1.abc9e3b39803fp-56;
};
// (2 atanh(s) - 2s) / s^3, z = s^2
inline Vec<float> atanh_tail(Vec<float> z) {
  return fused(fused(0.3027294874f, z, 0.3996108174f), z, 0.6666694880f);
}
inline Vec<double> atanh_tail(Vec<double> z) {
  const Vec<double> z2 = times(z, z);
  const Vec<double> low = fused(z2, fused(z, 0.2222214519839380009, 0.2857142932794299317),
                                fused(z, 0.3999999999635251990, 0.6666666666667333541));
  const Vec<double> high =
      fused(z2, 0.1532076988502701353, fused(z, 0.1525629051003428716, 0.1818605932937785996));
  return fused(times(z2, z2), high, low);
}

// 1 + x = (1+m) 2^k, -1/4 <= m < 1/2.
template <class T>
inline Vec<T> sample_log1p(Vec<T> x) {
  using C = Log1pConstants<T>;
  using Float = FloatFormat<T>;
  const auto field = bits((x + T(1)) * T(1 / T(0.75)));
  const Vec<T> k = exponent_of(field) - T(Float::bias);
  // 2^-k as two factors: it may be below the normal numbers
  const auto down = 2 * Float::bias - (field >> Float::mantissa), half = down >> 1;
  const Vec<T> unit = bits_as<T>((half + (Float::bias + 1) / 2) << Float::mantissa) *
                      bits_as<T>((down - half + Float::bias / 2) << Float::mantissa);
  const Vec<T> m = fused(x, unit, unit - T(1));

  // s = m / (2+m)
  const Vec<T> sum = m + T(2), rest = sum - T(2), lost = (T(2) - (sum - rest)) + (m - rest);
  const Vec<T> inverse = T(1) / sum, s = times(m, inverse);
  const Vec<T> off = fused(-lost, inverse, fused(-sum, inverse, T(1)));
  const Vec<T> s_low = fused(s, off, fused(inverse, m, -s));

  const Vec<T> z = times(s, s), p = atanh_tail(z);
  const Vec<T> e = times(k, C::ln2_hi), e_low = fused(C::ln2_lo, k, fused(C::ln2_hi, k, -e));
  const Vec<T> a = e + (s + s), a_low = ((e - a) + (s + s) + e_low) + (s_low + s_low);
  const Vec<T> tail = times(times(z, s), p), y = a + tail, y_low = ((a - y) + tail) + a_low;
  const Mask<T> inside = (x > T(-1)) & (x < infinity<T>);
  return patch(where(x == T(0), x, y + y_low), ~inside,
               [&](int i) { return __builtin_log1p(double(x[i])); });
}

}  // namespace izvod::kernels::IZVOD_ISA
