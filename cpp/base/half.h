#pragma once
#include <bit>
#include <cstdint>

namespace izvod {

inline float float_from_half(uint16_t h) {
  uint32_t sign = uint32_t(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  float tiny = float(mantissa) * 0x1p-24f;  // zero and subnormals: exact in float
  return std::bit_cast<float>(std::bit_cast<uint32_t>(tiny) | sign);
}

// Rounds to nearest even; too large becomes infinity.
inline uint16_t half_from_float(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x), sign = bits >> 16 & 0x8000,
           magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return uint16_t(sign | 0x7e00);   // nan
  if (magnitude >= 0x477ff000) return uint16_t(sign | 0x7c00);  // rounds to infinity
  if (magnitude < 0x38800000) {                                 // subnormal half
    float shifted = std::bit_cast<float>(magnitude) + 0.5f;     // the FPU rounds for us
    return uint16_t(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000));
  }
  uint32_t odd = magnitude >> 13 & 1;
  return uint16_t(sign | ((magnitude + 0xc8000fff + odd) >> 13));
}

inline float float_from_bfloat16(uint16_t h) { return std::bit_cast<float>(uint32_t(h) << 16); }

inline uint16_t bfloat16_from_float(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0;
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Storage formats: arithmetic is done in float and rounded once at the end.
struct Half {
  uint16_t bits;
  Half() = default;
  Half(float x) : bits(half_from_float(x)) {}
  operator float() const { return float_from_half(bits); }
};
struct BFloat16 {
  uint16_t bits;
  BFloat16() = default;
  BFloat16(float x) : bits(bfloat16_from_float(x)) {}
  operator float() const { return float_from_bfloat16(bits); }
};

}  // namespace izvod
