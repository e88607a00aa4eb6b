#pragma once
#include "graph/record.h"

namespace izvod {

// exp(x) / sum(exp(x)) over one dimension, and its logarithm. Integers become the default floating
// dtype.
Tensor softmax(const Tensor& x, int64_t dim, std::optional<DType> dtype = {});
Tensor log_softmax(const Tensor& x, int64_t dim, std::optional<DType> dtype = {});
// Their gradients from the results: y * (g - sum(g * y)) and g - exp(y) * sum(g).
Tensor softmax_backward(const Tensor& g, const Tensor& y, int64_t dim);
Tensor log_softmax_backward(const Tensor& g, const Tensor& y, int64_t dim);

}  // namespace izvod
