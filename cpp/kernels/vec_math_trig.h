#pragma once
// sin, cos, tan, asin, acos, atan, atan2.
#include "kernels/vec_math_core.h"

namespace izvod::kernels::IZVOD_ISA {

// Note [Reduction by pi]
// r = x - h pi with h = n/2, |r| <= pi/4, in steps: pi is a sum of parts. With fma, x - h part is
// exact for parts of full length where it cancels. Without, a part has so few bits that h times it
// is exact up to `limit`, and what the differences lose is added at the end. Arguments beyond
// `limit` go lane by lane to the C library.
template <class T>
struct TrigConstants;
template <>
struct TrigConstants<float> {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  static constexpr float limit = 1e5f;
  static constexpr float pi[] = {0x1.921fb6p1f, -0x1.777a5cp-24f, -0x1.ee59dap-49f};
#else
  static constexpr float limit = 3e3f;
  static constexpr float pi[] = {0x1.921p1f, 0x1.f6ap-12f, 0x1.11p-25f, 0x1.68c234p-38f};
#endif
  // |r| <= pi/4: sin(r) = r + r^3 P(r^2), err 2^-27.9
  static constexpr float sin[] = {-0x1.555546p-3f, 0x1.110778p-7f, -0x1.9954p-13f};
  // cos(r) = 1 - r^2/2 + r^4 P(r^2), err 2^-32.3
  static constexpr float cos[] = {0x1.55554ep-5f, -0x1.6c0e32p-10f, 0x1.9a6938p-16f};
  // tan(r) = r + r^3 P(r^2), err 2^-29.3
  static constexpr float tan[] = {0x1.55555cp-2f, 0x1.110e74p-3f,  0x1.baba1p-5f, 0x1.5dde2ep-6f,
                                  0x1.5d9f5ep-7f, 0x1.26256cp-12f, 0x1.192138p-8f};
  // asin(x) = x + x^3 P(x^2), |x| <= 1/2, err 2^-27.4
  static constexpr float asin[] = {0x1.5555acp-3f, 0x1.33094cp-4f, 0x1.73dbd8p-5f, 0x1.91d0ap-6f,
                                   0x1.550002p-5f};
  // atan(x) = x + x^3 P(x^2), |x| <= 1, err 2^-28.2
  static constexpr float atan[] = {-0x1.555548p-2f, 0x1.9993b4p-3f,  -0x1.24305ap-3f,
                                   0x1.c119e8p-4f,  -0x1.597532p-4f, 0x1.de8b5p-5f,
                                   -0x1.02bd3ep-5f, 0x1.6c18dep-7f,  -0x1.e0b14ap-10f};
};
template <>
struct TrigConstants<double> {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  static constexpr double limit = 1e9;
  static constexpr double pi[] = {0x1.921fb54442d18p1, 0x1.1a62633145c07p-53,
                                  -0x1.f1976b7ed8fbcp-109};
#else
  static constexpr double limit = 1e6;
  static constexpr double pi[] = {0x1.921fb544p1, 0x1.0b4611a6p-33, 0x1.3198a2ep-68,
                                  0x1.b839a252049c1p-103};
#endif
  // err 2^-57.7
  static constexpr double sin[] = {-0x1.555555555554dp-3,  0x1.111111110fd18p-7,
                                   -0x1.a01a019c859dep-13, 0x1.71de35cb07cp-19,
                                   -0x1.ae5e9e289372ep-26, 0x1.5da13fd2c88c5p-33};
  // err 2^-63.2
  static constexpr double cos[] = {0x1.5555555555553p-5,  -0x1.6c16c16c15e87p-10,
                                   0x1.a01a019dc6f04p-16, -0x1.27e4f8b8e9ba8p-22,
                                   0x1.1eea55e18d2e6p-29, -0x1.8fe03b93fc379p-37};
  // err 2^-59.8
  static constexpr double tan[] = {
      0x1.5555555555558p-2,  0x1.1111111110b5fp-3,  0x1.ba1ba1ba80dd2p-5,  0x1.664f4868b2cadp-6,
      0x1.226e393388793p-7,  0x1.d6d3195b0f422p-9,  0x1.7daf018da7e0ep-10, 0x1.34d3f4b953bfcp-11,
      0x1.fded347d577fep-13, 0x1.64958a500cff8p-14, 0x1.0f4dd3acef62fp-14, -0x1.7a4fe16d890bfp-16,
      0x1.83262d6c1b83dp-15, -0x1.8344ad08e86fp-16, 0x1.402b7ad9a864fp-17};
  // err 2^-59.6
  static constexpr double asin[] = {
      0x1.5555555555562p-3, 0x1.3333333330406p-4, 0x1.6db6db70b480ep-5, 0x1.f1c71b0845427p-6,
      0x1.6e8bd36ac95e5p-6, 0x1.1c4aad85c821ep-6, 0x1.ca0f106a6a01ap-7, 0x1.76044cf698f1bp-7,
      0x1.5e9bf67983ad4p-7, 0x1.05e1863352615p-8, 0x1.589bb735c2a67p-6, -0x1.490722f5ee151p-6,
      0x1.06c3df236fb92p-5};
  // err 2^-57.2
  static constexpr double atan[] = {
      -0x1.5555555555545p-2, 0x1.9999999997012p-3,  -0x1.24924923c4989p-3,  0x1.c71c718c0d80bp-4,
      -0x1.745d125b05741p-4, 0x1.3b136d07ece7dp-4,  -0x1.110e7cdeaab45p-4,  0x1.e1bd5d9cd4711p-5,
      -0x1.ae64f839cf19p-5,  0x1.82ede95bb9ea2p-5,  -0x1.59cf5569b26fap-5,  0x1.2c7b4a95cdb4ap-5,
      -0x1.eacf63f00b1fep-6, 0x1.69229dcd1ab93p-6,  -0x1.c90c01ebdaffbp-7,  0x1.d9922a424dfe9p-8,
      -0x1.7be524e6bdf8dp-9, 0x1.b60c0bfa0eff3p-11, -0x1.40c6e21e56e2ap-13, 0x1.be1bce63f0351p-17};
};

// The low bits of t hold n.
template <class T>
struct ReducedPi {
  Vec<T> r, h, t;
};
template <class T>
inline ReducedPi<T> reduce_pi(Vec<T> a) {
  const Vec<T> t = fma(a, T(0.63661977236758134), magic<T>), h = (t - magic<T>)*T(0.5);
  Vec<T> r = a, low = T(0);
  for (T part : TrigConstants<T>::pi) {
    const Vec<T> next = fma(h, -part, r);
    if constexpr (!has_fma) low += (r - next) - h * part;  // what the difference lost
    r = next;
  }
  if constexpr (!has_fma) r += low;
  return {r, h, t};
}

// sin(r + n pi/2).
template <class T>
inline Vec<T> sin_reduced(Vec<T> r, Vec<typename Vec<T>::Int> n) {
  const Vec<T> u = r * r;
  const Vec<T> s = fma(poly(u, TrigConstants<T>::sin), u * r, r);
  const Vec<T> c = fma(fma(poly(u, TrigConstants<T>::cos), u, T(-0.5)), u, T(1));
  const Mask<T> odd = {-(n & 1).v};
  return flip_sign(where(odd, c, s), bits_as<T>((n >> 1) << int(8 * sizeof(T) - 1)));
}

template <class T>
inline Vec<T> sin(Vec<T> x) {
  const Vec<T> a = abs(x);
  const auto [r, h, t] = reduce_pi(a);
  const Vec<T> y = flip_sign(sin_reduced(r, bits(t)), x);
  return patch(y, a > TrigConstants<T>::limit, [&](int i) { return __builtin_sin(x[i]); });
}

template <class T>
inline Vec<T> cos(Vec<T> x) {
  const Vec<T> a = abs(x);
  const auto [r, h, t] = reduce_pi(a);
  const Vec<T> y = sin_reduced(r, bits(t) + 1);
  return patch(y, a > TrigConstants<T>::limit, [&](int i) { return __builtin_cos(x[i]); });
}

// What x - h pi is beyond r; its first step is exact. (The tangent enlarges the error of r.)
template <class T>
inline Vec<T> reduction_error(Vec<T> x, Vec<T> h, Vec<T> r) {
  Vec<T> low = T(0);
  bool first = true;
  for (T part : TrigConstants<T>::pi) {
    if (first) {
      x = fma(h, -part, x), first = false;
      continue;
    }
    const auto p = exact_product(h, Vec<T>(part));
    const auto sum = exact_sum(x, -p.high);
    x = sum.high;
    low += sum.low - p.low;
  }
  return (x - r) + low;
}

// tan(r), or -1 / tan(r) where n is odd.
template <class T>
inline Vec<T> tan(Vec<T> x) {
  const Vec<T> a = abs(x);
  const auto [r, h, t] = reduce_pi(a);
  const Vec<T> u = r * r, p = poly(u, TrigConstants<T>::tan) * (u * r);
  const Vec<T> derivative = fma(r + p, r + p, T(1));
  const Vec<T> y = r + fma(reduction_error(a, h, r), derivative, p);
  const Mask<T> odd = {-(bits(t) & 1).v};
  return patch(flip_sign(where(odd, T(-1) / y, y), x), a > TrigConstants<T>::limit,
               [&](int i) { return __builtin_tan(x[i]); });
}

// pi/2 as a sum.
template <class T>
inline constexpr T half_pi = T(1.5707963267948966192);
template <class T>
inline constexpr T half_pi_lo = T(sizeof(T) == 4 ? -0x1.777a5cp-25 : 0x1.1a62633145c07p-54);

// asin(s) = s + tail, for s = a where a <= 1/2, for s = sqrt((1 - a) / 2) above: acos(a) = 2
// asin(s).
template <class T>
struct AsinPart {
  Vec<T> s, tail;
  Mask<T> upper;
};
template <class T>
inline AsinPart<T> asin_part(Vec<T> a) {
  const Mask<T> upper = a > T(0.5);
  const Vec<T> u = where(upper, (T(1) - a) * T(0.5), a * a), s = where(upper, sqrt(u), a);
  return {s, poly(u, TrigConstants<T>::asin) * (u * s), upper};
}

// Above 1/2: pi/2 - 2 (s + tail), where pi/4 - 2 s loses nothing.
template <class T>
inline Vec<T> asin(Vec<T> x) {
  const auto [s, tail, upper] = asin_part(abs(x));
  const T quarter = half_pi<T> * T(0.5);
  const Vec<T> far = quarter - ((tail + tail - half_pi_lo<T>)-(quarter - (s + s)));
  return flip_sign(where(upper, far, s + tail), x);
}

template <class T>
inline Vec<T> acos(Vec<T> x) {
  const auto [s, tail, upper] = asin_part(abs(x));
  const Vec<T> y = s + tail, twice = y + y;
  const Vec<T> left = T(2) * half_pi<T> - (twice - T(2) * half_pi_lo<T>);
  return where(upper, where(x < T(0), left, twice), half_pi<T> - (flip_sign(y, x) - half_pi_lo<T>));
}

template <class T>
inline Vec<T> atan_reduced(Vec<T> t) {
  const Vec<T> u = t * t;
  return fma(poly(u, TrigConstants<T>::atan), u * t, t);
}

template <class T>
inline Vec<T> atan(Vec<T> x) {
  const Vec<T> a = abs(x);
  const Mask<T> steep = a > T(1);
  const Vec<T> y = atan_reduced(where(steep, T(1) / a, a));
  return flip_sign(where(steep, half_pi<T> - (y - half_pi_lo<T>), y), x);
}

// The angle of (x, y), in the quadrant where it lies.
template <class T>
inline Vec<T> atan2(Vec<T> y, Vec<T> x) {
  const Vec<T> ax = abs(x), ay = abs(y);
  const Mask<T> steep = ay > ax, same = ay == ax;  // 0 / 0 and inf / inf among the latter
  Vec<T> t = where(steep, ax, ay) / where(steep, ay, ax);
  t = where(same, where(ax == T(0), T(0), T(1)), t);
  const Vec<T> angle = atan_reduced(t);
  const Vec<T> first = where(steep, half_pi<T> - (angle - half_pi_lo<T>), angle);
  const Mask<T> left = {bits(x).v < 0};
  const Vec<T> turned = T(2) * half_pi<T> - (first - T(2) * half_pi_lo<T>);
  return where(isnan(x) | isnan(y), x + y, flip_sign(where(left, turned, first), y));
}

}  // namespace izvod::kernels::IZVOD_ISA
