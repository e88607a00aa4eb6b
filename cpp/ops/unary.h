#pragma once
#include "kernels/unary.h"
#include "tensor/tensor.h"

namespace izvod {

// function, its struct in kernels/unary.h
#define IZVOD_UNARY(X) X(exp, Exp) X(relu, Relu)

#define DECLARE(function, Op)          \
  Tensor function(const Tensor& x);    \
  const Tensor& function##_(const Tensor& x);
IZVOD_UNARY(DECLARE)
#undef DECLARE

}  // namespace izvod
