#pragma once
#include "base/dtype.h"
#include "kernels/isa.h"

namespace izvod::kernels {

// y[i] = weight[index[i]] for rows of `row_bytes` bytes; weight has `rows` of them, contiguous as y
// is. Returns the position of the first index outside [0, rows) (then nothing has been written),
// else -1.
inline constinit Kernel<int64_t(void* y, const void* weight, const int64_t* index, int64_t count,
                                int64_t rows, int64_t row_bytes)>
    embedding;

// dweight[r] = sum of g[i] with index[i] == r: all of dweight (rows, n) is written, or, if it is
// `zero` already, the rows that have terms. Indices equal to padding_idx (-1: none) add nothing;
// with by_frequency each sum is divided by the number of its terms. Every index has passed the
// forward kernel's check.
inline constinit Kernel<void(DType dtype, void* dweight, const void* g, const int64_t* index,
                             int64_t count, int64_t rows, int64_t n, int64_t padding_idx,
                             bool by_frequency, bool zero)>
    embedding_backward;

}  // namespace izvod::kernels
