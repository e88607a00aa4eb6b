#pragma once
// The functions of vec_math.h over arrays, found by name: for tests of accuracy. False: no such
// name.
#include <cstdint>

#include "kernels/isa.h"

namespace izvod::kernels {

inline constinit Kernel<bool(const char* name, float* y, const float* x, int64_t n)> math_f32;
inline constinit Kernel<bool(const char* name, double* y, const double* x, int64_t n)> math_f64;

inline constinit Kernel<bool(const char* name, float* z, const float* x, const float* y, int64_t n)>
    math2_f32;
inline constinit Kernel<bool(const char* name, double* z, const double* x, const double* y,
                             int64_t n)>
    math2_f64;

}  // namespace izvod::kernels
