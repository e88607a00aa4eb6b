#pragma once
// exp, exp2, expm1, sigmoid, tanh, sinh, cosh.
#include "kernels/vec_math_core.h"

namespace izvod::kernels::IZVOD_ISA {

template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  static constexpr float ln2_hi = 0x1.62e4p-1f, ln2_lo = 0x1.7f7d1cp-20f;  // n * ln2_hi is exact
  // exp(x) / 2, too. So far below zero that both factors of `scale` are zero, and no further.
  static constexpr float zero_below = -175.4f, infinite_above = 90;
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
  static constexpr double zero_below = -1417.5, infinite_above = 711;
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
  constexpr int bias = FloatFormat<T>::bias + exp_shift<T>;
  constexpr T zero_below = T(-0.6931471805599453 * bias);  // see Note [Results too small]
  const Vec<T> clamped = max(Vec<T>(zero_below), x);
  const auto [r, n, t] = reduce_exp(clamped, bias);
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
// By intervals that the leading bits of a + 5/8 tell apart: tanh(centre + d) = P(d), |a| <= 9.02,
// err 2^-28.2. Beyond it is 1.
struct TanhTable {
  static constexpr float centres[][16] = {
      {0x1.a0bd9ep0f, 0x1.0f54f4p1f, 0x1.504428p1f, 0x1.90e64p1f, 0x1.f07d64p1f, 0x1.36d79p2f,
       0x1.7703bp2f, 0x1.b6f7e4p2f, 0x1.15425ep3f, 0x0p0f, 0x1.817c1cp-3f, 0x1.3d7264p-2f,
       0x1.013396p-1f, 0x1.81eb86p-1f, 0x1.011996p0f, 0x1.410236p0f}};
  static constexpr float poly[][16] = {
      {0x1.d9fd58p-1f, 0x1.f1732ap-1f, 0x1.faad3ap-1f, 0x1.fe0df4p-1f, 0x1.ff8ffep-1f,
       0x1.fff028p-1f, 0x1.fffddep-1f, 0x1.ffffb6p-1f, 0x1.fffffep-1f, 0x0p0f, 0x1.7cfefap-3f,
       0x1.33a76p-2f, 0x1.db1884p-2f, 0x1.4656c8p-1f, 0x1.86db6ap-1f, 0x1.b2e29p-1f},
      {0x1.24cba2p-3f, 0x1.cafd14p-5f, 0x1.52ec1ap-6f, 0x1.f119ccp-8f, 0x1.bfd968p-10f,
       0x1.fafae6p-13f, 0x1.1100e4p-15f, 0x1.280196p-18f, 0x1.ffabc6p-24f, 0x1p0f, 0x1.ee47dp-1f,
       0x1.d1c8a4p-1f, 0x1.91c98p-1f, 0x1.2fff6ep-1f, 0x1.ab3ebep-2f, 0x1.1d3b08p-2f},
      {-0x1.0f0ef8p-3f, -0x1.bdf1eap-5f, -0x1.4f6602p-6f, -0x1.ef364ap-8f, -0x1.bf76a2p-10f,
       -0x1.fae642p-13f, -0x1.10fccap-15f, -0x1.27ff48p-18f, -0x1.fdbf84p-24f, 0x0p0f,
       -0x1.6fcf82p-3f, -0x1.17e212p-2f, -0x1.74d3b8p-2f, -0x1.83865ep-2f, -0x1.4627dep-2f,
       -0x1.e48a7cp-3f},
      {0x1.32b6dep-4f, 0x1.1848fep-5f, 0x1.b5dd4ep-7f, 0x1.479cfep-8f, 0x1.297e8ep-10f,
       0x1.5182d2p-13f, 0x1.6b9a2cp-16f, 0x1.8a40c8p-19f, 0x1.5c96b2p-24f, -0x1.5554d2p-2f,
       -0x1.274c56p-2f, -0x1.c4da3ap-3f, -0x1.7b86cep-4f, 0x1.62b1d8p-5f, 0x1.aa43eap-4f,
       0x1.bacf0cp-4f},
      {-0x1.9cf59p-6f, -0x1.eeab3p-7f, -0x1.a36ff6p-8f, -0x1.4296c2p-9f, -0x1.28847ap-11f,
       -0x1.51e2d6p-14f, -0x1.6c2a12p-17f, -0x1.8ac296p-20f, -0x1.6e2d92p-25f, -0x1.d32e3cp-14f,
       0x1.d155f8p-4f, 0x1.429e08p-3f, 0x1.50a98ep-3f, 0x1.93cfa8p-4f, 0x1.b5a552p-6f,
       -0x1.a90db8p-7f},
      {0x1.426722p-10f, 0x1.250784p-8f, 0x1.33fa66p-9f, 0x1.f8889cp-11f, 0x1.eab63p-13f,
       0x1.190de2p-15f, 0x1.2f440ep-18f, 0x1.48ebeep-21f, 0x1.439f8p-28f, 0x1.158f2ap-3f,
       0x1.835ef8p-4f, 0x1.72ce8ap-5f, -0x1.c111c8p-6f, -0x1.05169ep-4f, -0x1.75a7ccp-5f,
       -0x1.348ef8p-6f},
      {0x1.144c3ap-8f, -0x1.176004p-11f, -0x1.4dfbeap-11f, -0x1.3da096p-12f, -0x1.420be4p-14f,
       -0x1.680eccp-17f, -0x1.85b7a4p-20f, -0x1.a8e506p-23f, -0x1.f12aap-27f, -0x1.28e424p-6f,
       -0x1.3cff8p-4f, -0x1.172c1cp-4f, -0x1.a59decp-5f, -0x1.41fe1p-9f, 0x1.3e0a5p-6f,
       0x1.fdc34p-7f}};
};
inline Vec<float> tanh_by_table(Vec<float> x) {
  const Vec<float> a = min(Vec<float>(9.02f), abs(x));  // nan passes
  const auto i = bits(a + 0.625f) >> 21;
  const Vec<float> d = a - lookup_poly(a, i, TanhTable::centres);
  return flip_sign(lookup_poly(d, i, TanhTable::poly), x);
}

template <class T>
inline Vec<T> tanh(Vec<T> x) {
  if constexpr (has_lookup && std::is_same_v<T, float>) return tanh_by_table(x);
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
