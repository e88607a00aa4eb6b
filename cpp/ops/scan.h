#pragma once
#include "graph/record.h"

// Running totals along one dimension. Integers and bool are summed in int64.
namespace izvod {

Tensor cumsum(const Tensor& x, int64_t dim, std::optional<DType> dtype = {});
Tensor cumprod(const Tensor& x, int64_t dim, std::optional<DType> dtype = {});
// Values and indices, of equals the last.
std::pair<Tensor, Tensor> cummax(const Tensor& x, int64_t dim);
std::pair<Tensor, Tensor> cummin(const Tensor& x, int64_t dim);

// y[k] = a[k] + b[k] y[k-1], or from the end: y[k] = a[k] + b[k+1] y[k+1]. b[0] does not matter.
// One gives the other's derivative, and both that of cumprod, zeros or not.
Tensor recurrence(const Tensor& a, const Tensor& b, int64_t dim, bool from_end);

}  // namespace izvod
