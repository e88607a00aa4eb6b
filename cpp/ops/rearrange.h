#pragma once
#include "graph/record.h"

namespace izvod {

// Copies of x's elements in other places.
Tensor tril(const Tensor& x, int64_t diagonal = 0);  // zeros above the given diagonal
Tensor triu(const Tensor& x, int64_t diagonal = 0);  // zeros below it
const Tensor& tril_(const Tensor& x, int64_t diagonal);
const Tensor& triu_(const Tensor& x, int64_t diagonal);
Tensor flip(const Tensor& x, const Dims& dims);
Tensor roll(const Tensor& x, const Dims& shifts,
            const Dims& dims);                      // no dims: over the flattened tensor
Tensor repeat(const Tensor& x, const Dims& times);  // as many tiles along each dimension
Tensor tile(const Tensor& x, const Dims& times);    // the same, missing leading ones taken as 1
Tensor repeat_interleave(const Tensor& x, int64_t times, std::optional<int64_t> dim);
Tensor repeat_interleave(const Tensor& x, const Tensor& times, std::optional<int64_t> dim);
Tensor diag(const Tensor& x,
            int64_t offset = 0);  // a vector as a diagonal matrix, or a matrix's diagonal
Tensor diag_embed(const Tensor& x, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1);

}  // namespace izvod
