#pragma once
// Equally spaced numbers.
#include "base/dtype.h"
#include "kernels/isa.h"

namespace izvod::kernels {

// out[i] = start + i * step for i < n: of integer dtypes, ...
inline constinit Kernel<void(void* out, DType dtype, int64_t n, int64_t start, int64_t step)>
    range_of_integers;
// ... and in double of any other.
inline constinit Kernel<void(void* out, DType dtype, int64_t n, double start, double step)> range;

// n numbers from start to end, both exact: the first half counted from the one, the second from the
// other. In double of doubles and integers, else in float.
inline constinit Kernel<void(void* out, DType dtype, int64_t n, double start, double end)> spaced;

}  // namespace izvod::kernels
