#pragma once
#include "ops/as_strided.h"

namespace izvod {

// Ops whose result shares the memory of x. In-place changes of either are seen, and undone, through
// both.

Tensor view(const Tensor& x, const Dims& sizes);  // one size may be -1
Tensor reshape(const Tensor& x, const Dims& sizes);
Tensor flatten(const Tensor& x, int64_t start, int64_t end);
Tensor unflatten(const Tensor& x, int64_t dim, const Dims& sizes);
Tensor transpose(const Tensor& x, int64_t a, int64_t b);
Tensor t(const Tensor& x);
Tensor permute(const Tensor& x, const Dims& dims);
Tensor movedim(const Tensor& x, const Dims& source, const Dims& destination);
Tensor reversed_dims(const Tensor& x);              // x.T
Tensor matrix_transpose(const Tensor& x);           // x.mT
Tensor expand(const Tensor& x, const Dims& sizes);  // -1 keeps a size
Tensor squeeze(const Tensor& x);
Tensor squeeze(const Tensor& x, const Dims& dims);
Tensor unsqueeze(const Tensor& x, int64_t dim);
Tensor select(const Tensor& x, int64_t dim, int64_t index);
// As Python slices: negative ends count from the back, all are clipped. step >= 1.
Tensor slice(const Tensor& x, int64_t dim, int64_t start, int64_t end, int64_t step);
Tensor narrow(const Tensor& x, int64_t dim, int64_t start, int64_t length);
Tensor diagonal(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2);
Tensor unfold(const Tensor& x, int64_t dim, int64_t size, int64_t step);
std::vector<Tensor> split(const Tensor& x, const Dims& lengths, int64_t dim);
std::vector<Tensor> split(const Tensor& x, int64_t length, int64_t dim);
std::vector<Tensor> chunk(const Tensor& x, int64_t chunks, int64_t dim);
std::vector<Tensor> unbind(const Tensor& x, int64_t dim);

}  // namespace izvod
