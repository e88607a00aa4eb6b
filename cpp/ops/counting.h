#pragma once
#include "tensor/tensor.h"

namespace izvod {

// How often 0, 1, 2, ... occur in x, up to its greatest; at least so many counts.
Tensor bincount(const Tensor& x, int64_t least_size);

// How many elements of a row of `sorted`, or of its only one, are less than a value, or with
// `right` not greater.
Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right);

}  // namespace izvod
