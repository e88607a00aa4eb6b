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

// Division by zero is refused before the kernel runs; the lanes behind a tail hold zeros all the
// same.
inline int64_t fmod(int64_t x, int64_t y) { return y == 0 || y == -1 ? 0 : x % y; }
inline int64_t remainder(int64_t x, int64_t y) {
  const int64_t r = fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
inline int64_t floor_divide(int64_t x, int64_t y) {
  if (y == 0) return 0;
  if (y == -1) return int64_t(0 - uint64_t(x));
  return x / y - (x % y != 0 && (x < 0) != (y < 0));
}

// Integers below 2^51 as double, and back: in magic + x they stand in the low bits.
inline Vec<double> as_double(Ints x) {
  return bits_as<double>(x + bits(Vec<double>(magic<double>))) - magic<double>;
}
inline Ints as_ints(Vec<double> x) {
  return bits(x + magic<double>) - bits(Vec<double>(magic<double>));
}
inline Mask<int64_t> beyond_double(Ints a, Ints b) {
  constexpr int64_t limit = int64_t(1) << 51;
  return {bits_as<int64_t>(bits_as<uint64_t>((a + limit) | (b + limit)) >> 52).v != 0};
}

// The quotient towards zero and the rest, of integers below 2^51 in double: vectors divide no
// integers. a / b is never rounded up to a whole number: it is at
// least 1 / b below one.
struct Division {
  Vec<double> quotient, rest;
};
inline Division divide(Ints a, Ints b) {
  const Vec<double> x = as_double(a), y = as_double(b), q = where(y == 0.0, 0.0, trunc(x / y));
  return {q, x - q * y};
}
// Where the rest and the divisor have opposite signs: what is rounded down is one less.
inline Mask<double> below_zero(const Division& d, Vec<double> y) {
  return (d.rest != 0.0) & ((d.rest < 0.0) ^ (y < 0.0));
}

inline Ints fmod(Ints a, Ints b) {
  return patch(as_ints(divide(a, b).rest), beyond_double(a, b),
               [&](int i) { return fmod(a[i], b[i]); });
}
inline Ints remainder(Ints a, Ints b) {
  const Division d = divide(a, b);
  const Vec<double> y = as_double(b);
  return patch(as_ints(where(below_zero(d, y), d.rest + y, d.rest)), beyond_double(a, b),
               [&](int i) { return remainder(a[i], b[i]); });
}
inline Ints floor_divide(Ints a, Ints b) {
  const Division d = divide(a, b);
  const Mask<double> below = below_zero(d, as_double(b));
  return patch(as_ints(where(below, d.quotient - 1.0, d.quotient)), beyond_double(a, b),
               [&](int i) { return floor_divide(a[i], b[i]); });
}

// Wraps around; negative exponents give what is left of the fraction: 1, -1 or 0.
inline Ints pow(Ints base, Ints n) {
  const Ints fraction = where(base == -1, 1 - ((n & 1) << 1), where(base == 1, 1, 0));
  const Mask<int64_t> negative = n < 0;
  Ints y = 1;
  for (Ints rest = where(negative, 0, n); any(rest != 0); rest = rest >> 1, base *= base)
    y = where((rest & 1) != 0, y * base, y);
  return where(negative, fraction, y);
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
