#pragma once
#include "ops/pointwise.h"

namespace izvod {

// What kernels that run along a dimension see of x: a number without dimensions is a row of one.
inline kernels::View row_view(const Tensor& x) {
  if (x.dim()) return view(x);
  return {x.impl()->data, x.dtype(), {1}, {1}};
}

}  // namespace izvod
