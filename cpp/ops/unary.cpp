#include "ops/unary.h"

#include "ops/arithmetic.h"

namespace izvod {

#define DEFINE(function, Op)                                         \
  Tensor function(const Tensor& x) { return unary<kernels::Op>(x); } \
  const Tensor& function##_(const Tensor& x) { return unary_<kernels::Op>(x); }
IZVOD_UNARY(DEFINE)
#undef DEFINE

Tensor neg(const Tensor& x) { return mul(x, -1); }

}  // namespace izvod
