#pragma once
// The functions of vec_math.h on integer lanes, for ops whose integer arguments stay integers.
#include <concepts>

#include "kernels/vec_math.h"

namespace izvod::kernels::IZVOD_ISA {

using Ints = Vec<int64_t>;

template <std::integral T>
Vec<T> abs(Vec<T> x) {
  return where(x < 0, -x, x);
}
inline Ints floor(Ints x) { return x; }
inline Ints ceil(Ints x) { return x; }
inline Ints round(Ints x) { return x; }
inline Ints trunc(Ints x) { return x; }

template <class F>
Ints map2_int(Ints a, Ints b, F f) {
  Ints r;
  for (int i = 0; i < Ints::width; ++i) r.v[i] = f(a.v[i], b.v[i]);
  return r;
}

// Division by zero is refused before the kernel runs; the lanes behind a tail hold zeros all the
// same.
inline Ints fmod(Ints a, Ints b) {
  return map2_int(a, b, [](int64_t x, int64_t y) { return y == 0 || y == -1 ? 0 : x % y; });
}
inline Ints remainder(Ints a, Ints b) {
  return map2_int(a, b, [](int64_t x, int64_t y) {
    const int64_t r = y == 0 || y == -1 ? 0 : x % y;
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
  });
}
inline Ints floor_divide(Ints a, Ints b) {
  return map2_int(a, b, [](int64_t x, int64_t y) {
    if (y == 0) return int64_t(0);
    if (y == -1) return int64_t(0 - uint64_t(x));
    return x / y - (x % y != 0 && (x < 0) != (y < 0));
  });
}
// Wraps around; negative exponents give what is left of the fraction: 1, -1 or 0.
inline Ints pow(Ints a, Ints b) {
  return map2_int(a, b, [](int64_t x, int64_t n) {
    if (n < 0) return int64_t(x == 1 ? 1 : x == -1 ? (n & 1 ? -1 : 1) : 0);
    uint64_t r = 1, base = uint64_t(x);
    for (; n; n >>= 1, base *= base)
      if (n & 1) r *= base;
    return int64_t(r);
  });
}

// floor(a / b) in floating point: what fmod leaves is exact, so the quotient of the rest is whole
// but for rounding.
template <class T>
Vec<T> floor_divide(Vec<T> a, Vec<T> b) {
  const Vec<T> rest = fmod(a, b), whole = (a - rest) / b;
  const Mask<T> opposite = {(rest < 0).v ^ (b < 0).v};
  const Vec<T> down = where((rest != 0) & opposite, whole - 1, whole);
  const Vec<T> near = floor(down);
  const Vec<T> q = where(down - near > T(0.5), near + 1, near);
  return where(b == 0, a / b, where(down == 0, (a / b) * 0, q));
}

}  // namespace izvod::kernels::IZVOD_ISA
