#pragma once
// Tables for vec_math_samples.h, computed by the compiler with 113 bits.
#include "kernels/isa.h"

namespace izvod::kernels::IZVOD_ISA {

#if __LDBL_MANT_DIG__ < 113
using Quad = __float128;
#else
using Quad = long double;
#endif

// log((1+s) / (1-s)), 0 <= s <= 1/3.
constexpr Quad log_of_ratio(Quad s) {
  Quad sum = 0, power = 2 * s;
  for (int n = 1; power > Quad(1e-40); n += 2, power *= s * s) sum += power / n;
  return sum;
}

// 2^(j/count) as sums of two numbers.
template <class T, int n>
struct RootsOfTwo {
  static constexpr int count = n;
  T high[count], low[count];
  constexpr RootsOfTwo() : high(), low() {
    const Quad step = log_of_ratio(Quad(1) / 3) / count;
    for (int j = 0; j < count; ++j) {
      Quad power = 1;
      for (int i = 30; i; --i) power = 1 + power * (j * step) / i;  // Taylor's series
      high[j] = T(power);
      low[j] = T(power - high[j]);
    }
  }
};

template <class T, int count>
inline constexpr RootsOfTwo<T, count> roots_of_two;

// log(1024/n) - 1023 log(2) for 512 <= n <= 1024, as sums of two: of a multiple of 2^-40, and what
// is missing.
struct Logarithms {
  static constexpr int first = 512, last = 1024;
  // log(2) in two parts, so short that their products with exponents are exact.
  static constexpr double ln2_hi = 0x1.62e42fefap-1, ln2_lo = 0x1.cf79abc9ep-40;
  double high[last - first + 1], low[last - first + 1];
  constexpr Logarithms() : high(), low() {
    Quad log = 0;
    for (int n = last; n > first; log += log_of_ratio(Quad(1) / (2 * n - 1)), --n) {
      const double near = (double(log) + 0x1.8p12) - 0x1.8p12;
      high[n - first] = near - 1023 * ln2_hi;
      low[n - first] = double(log - near - 1023 * Quad(ln2_lo));
    }
    high[0] = -1022 * ln2_hi;
    low[0] = -1022 * ln2_lo;
  }
};
inline constexpr Logarithms logarithms;

}  // namespace izvod::kernels::IZVOD_ISA
