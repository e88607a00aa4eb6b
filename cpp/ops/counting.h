#pragma once
#include "tensor/tensor.h"

namespace izvod {

// How often each of 0 ... size - 1 occurs in x, of integers among these.
Tensor bincount(const Tensor& x, int64_t size);

// How many elements of a row of `sorted`, or of its only one, are less than a value, or with
// `right` not greater.
Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right);

}  // namespace izvod
