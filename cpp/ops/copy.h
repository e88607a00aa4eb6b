#pragma once
#include "ops/promotion.h"

namespace izvod {

// A fresh row-major (or, with keep_strides, alike-strided) tensor with the values of x; records
// nothing.
Tensor copy_of(const Tensor& x, DType dtype, bool keep_strides = true);
// Writes the values of `from`, broadcast, over those of x; records nothing and checks nothing.
void write_values(const Tensor& x, const Tensor& from);

Tensor clone(const Tensor& x);
Tensor contiguous(const Tensor& x);
Tensor to(const Tensor& x, DType dtype, bool copy = false);
const Tensor& copy_(const Tensor& x, const Tensor& from);
const Tensor& fill_(const Tensor& x, const Scalar& value);
const Tensor& fill_(const Tensor& x, const Tensor& value);  // of no dimensions
// RuntimeError where the number is out of the range of t. Fractions may be cut off, unsigned types
// wrap around.
void check_fits(const Scalar& value, DType t);
const Tensor& zero_(const Tensor& x);
// A tensor of the same values outside the graph, sharing memory. `.data` also leaves the version
// counter.
Tensor detach(const Tensor& x);
const Tensor& detach_(const Tensor& x);
Tensor data_of(const Tensor& x);

Tensor full(const Dims& sizes, const Scalar& value, DType dtype);
Tensor zeros(const Dims& sizes, DType dtype);
Tensor ones(const Dims& sizes, DType dtype);
inline Tensor zeros_like(const Tensor& x) { return zeros(x.sizes(), x.dtype()); }
inline Tensor ones_like(const Tensor& x) { return ones(x.sizes(), x.dtype()); }
Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step, DType dtype);
Tensor linspace(double start, double end, int64_t steps, DType dtype);
Tensor eye(int64_t n, int64_t m, DType dtype);

}  // namespace izvod
