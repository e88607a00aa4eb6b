#pragma once
#include "graph/record.h"
#include "ops/scalar.h"

// Reading and writing at places that tensors name. Indices are int64 (int32 too where torch takes
// it). Of several writes to one place the last one in row-major order stays; sums are taken in that
// order.
namespace izvod {

// ---- one index for each element of the result, along one dimension
Tensor gather(const Tensor& x, int64_t dim, const Tensor& index);
Tensor take_along_dim(const Tensor& x, const Tensor& index, std::optional<int64_t> dim);
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src);
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Scalar& value);
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src);
const Tensor& scatter_(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src);
const Tensor& scatter_(const Tensor& x, int64_t dim, const Tensor& index, const Scalar& value);
const Tensor& scatter_add_(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src);
// how: "sum", "prod", "mean", "amax", "amin". Without include_self, places written to start afresh.
Tensor scatter_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                      const std::string& how, bool include_self = true);
// zeros of the given sizes with g at `index` along dim: the gradient of values that were selected
// there.
Tensor value_selecting_backward(const Tensor& g, int64_t dim, const Tensor& index,
                                const Dims& sizes);

// ---- one index for each slice, along one dimension
Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index);
Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                 const Scalar& alpha = 1);
Tensor index_copy(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src);
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Arg& value);
const Tensor& index_add_(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src,
                         const Scalar& alpha = 1);
const Tensor& index_copy_(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& src);
const Tensor& index_fill_(const Tensor& x, int64_t dim, const Tensor& index, const Arg& value);

// ---- masks
Tensor masked_select(const Tensor& x, const Tensor& mask);
// The same under the name of another op's node.
Tensor masked_values(const char* node, const Tensor& x, const Tensor& mask);
Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& src);
const Tensor& masked_scatter_(const Tensor& x, const Tensor& mask, const Tensor& src);
// One row of indices for each element that is not zero.
Tensor nonzero(const Tensor& x);
std::vector<Tensor> nonzeros(const Tensor& x);  // the same, a tensor for each dimension

// ---- x[i, j, ...] with tensors as indices: integers (negative ones count from the end) or masks,
// which stand for the indices of their nonzeros. An undefined tensor leaves its dimension whole.
Tensor index(const Tensor& x, const std::vector<Tensor>& indices);
Tensor index_put(const Tensor& x, const std::vector<Tensor>& indices, const Tensor& values,
                 bool accumulate = false);
const Tensor& index_put_(const Tensor& x, const std::vector<Tensor>& indices, const Tensor& values,
                         bool accumulate = false);

}  // namespace izvod
