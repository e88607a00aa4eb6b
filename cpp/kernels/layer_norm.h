#pragma once
#include "base/dtype.h"
#include "kernels/isa.h"

namespace izvod::kernels {

// Memory is contiguous (rows, n) of a floating dtype; weight and bias (n) have the dtype of x and
// may be null. mean and rstd (rows) are float, or double for double: the backward pass needs them.

// y = (x - mean) * rstd * weight + bias, rstd = 1 / sqrt(variance + eps), mean and variance of each
// row.
using LayerNorm = void(DType dtype, void* y, void* mean, void* rstd, const void* x,
                       const void* weight, const void* bias, int64_t rows, int64_t n, double eps);
inline constinit Kernel<LayerNorm> layer_norm;

// y = x * rstd * weight, rstd = 1 / sqrt(mean(x * x) + eps).
using RmsNorm = void(DType dtype, void* y, void* rstd, const void* x, const void* weight,
                     int64_t rows, int64_t n, double eps);
inline constinit Kernel<RmsNorm> rms_norm;

// Those of dx (rows, n), dweight (n) and dbias (n) that are not null. Without mean: of rms_norm.
using LayerNormBackward = void(DType dtype, void* dx, void* dweight, void* dbias, const void* g,
                               const void* x, const void* mean, const void* rstd,
                               const void* weight, int64_t rows, int64_t n);
inline constinit Kernel<LayerNormBackward> layer_norm_backward;

}  // namespace izvod::kernels
