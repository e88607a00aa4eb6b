#pragma once
#include "base/dtype.h"
#include "kernels/isa.h"

namespace izvod::kernels {

// dweight[r] = sum of g[i] with index[i] == r: all of dweight (rows, n) is written, or, if it is
// `zero` already, the rows that have terms. Indices equal to padding_idx (-1: none) add nothing;
// with by_frequency each sum is divided by the number of its terms. Every index lies in
// [0, rows). (The forward pass is kernels::take.)
inline constinit Kernel<void(DType dtype, void* dweight, const void* g, const int64_t* index,
                             int64_t count, int64_t rows, int64_t n, int64_t padding_idx,
                             bool by_frequency, bool zero)>
    embedding_backward;

}  // namespace izvod::kernels
