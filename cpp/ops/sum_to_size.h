#pragma once
#include "tensor/tensor.h"

namespace izvod {

// Undoes broadcasting: sums g over the dimensions that `sizes` lacks or has as 1. Differentiable.
Tensor sum_to_size(const Tensor& g, const Dims& sizes);

}  // namespace izvod
