#pragma once
#include "base/dtype.h"
#include "kernels/isa.h"

namespace izvod::kernels {

// Over the middle dimension of contiguous memory (outer, n, inner), floating dtypes. y may be x. A
// slice that holds nan or +inf, or nothing but -inf, becomes nan as a whole.
using Softmax = void(DType dtype, void* y, const void* x, int64_t outer, int64_t n, int64_t inner);
inline constinit Kernel<Softmax> softmax;
inline constinit Kernel<Softmax> log_softmax;

// From the gradient g and the result y of the forward pass: y * (g - sum(g * y)) and g - exp(y) *
// sum(g).
using SoftmaxBackward = void(DType dtype, void* dx, const void* g, const void* y, int64_t outer,
                             int64_t n, int64_t inner);
inline constinit Kernel<SoftmaxBackward> softmax_backward;
inline constinit Kernel<SoftmaxBackward> log_softmax_backward;

}  // namespace izvod::kernels
