#pragma once
// a * b + c with one rounding, on every machine.
#include <bit>
#include <cstdint>

#include "kernels/isa.h"

namespace izvod::kernels::IZVOD_ISA {

// Without an instruction for it the product is exact in double, and rounding the sum to odd keeps
// the rounding to float from going wrong in the middle between two floats (S. Boldo, G. Melquiond,
// "Emulation of FMA and correctly rounded sums", 2008).
static inline float fused(float a, float b, float c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fmaf(a, b, c);
#else
  const double product = double(a) * b, sum = product + c, part = sum - product;
  const double error = (product - (sum - part)) + (c - part);
  const uint64_t bits = std::bit_cast<uint64_t>(sum);
  const uint64_t inexact = (error > 0) | (error < 0) ? 1 : 0, odd = inexact & ~bits;
  const uint64_t inwards = odd & (std::bit_cast<uint64_t>(error) ^ bits) >> 63;
  return float(std::bit_cast<double>(bits + odd - (inwards << 1)));
#endif
}
static inline double fused(double a, double b, double c) { return __builtin_fma(a, b, c); }

}  // namespace izvod::kernels::IZVOD_ISA
