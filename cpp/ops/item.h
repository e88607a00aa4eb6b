#pragma once
#include "ops/scalar.h"

namespace izvod {

// The value of a tensor of one element. RuntimeError for other sizes.
Scalar item(const Tensor& x);
// The element at an address.
Scalar load_scalar(const char* data, DType t);
void store_scalar(char* data, DType t, const Scalar& value);

}  // namespace izvod
