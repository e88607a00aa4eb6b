#pragma once
#include "ops/pointwise.h"

namespace izvod {

// What kernels that run along a dimension see of x: a number without dimensions is a row of one.
inline kernels::View row_view(const Tensor& x) {
  if (x.dim()) return view(x);
  return {x.impl()->data, x.dtype(), {1}, {1}};
}

// Element `first` comes first and the walk goes down from there.
inline kernels::View reversed(kernels::View v, int64_t dim, int64_t first) {
  v.data = v.ptr<char>() + first * v.strides[dim] * itemsize(v.dtype);
  v.strides[dim] = -v.strides[dim];
  return v;
}

}  // namespace izvod
