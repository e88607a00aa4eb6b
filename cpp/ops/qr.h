#pragma once
#include <utility>

#include "tensor/tensor.h"

namespace izvod {

// a = Q R for a matrix (m, n): Q (m, k) with orthonormal columns and R (k, n) upper triangular,
// k = min(m, n), by Householder's reflections (LAPACK's geqrf and orgqr). Values only, no history.
// NotImplementedError for another dtype than float32 and float64.
std::pair<Tensor, Tensor> qr(const Tensor& a);

}  // namespace izvod
