#pragma once
#include "graph/record.h"

namespace izvod {

// (x - mean) / sqrt(variance + eps) * weight + bias over the last dimensions, which have the sizes
// normalized_shape, as weight and bias (either may be undefined) have. Ba et al., arXiv:1607.06450.
Tensor layer_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);
// x / sqrt(mean(x * x) + eps) * weight; eps: by default the dtype's smallest step at 1. Zhang and
// Sennrich, arXiv:1910.07467.
Tensor rms_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight = {},
                std::optional<double> eps = {});

}  // namespace izvod
