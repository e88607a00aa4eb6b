#pragma once
#include "base/dtype.h"
#include "kernels/isa.h"

namespace izvod::kernels {

// counts[v]: how often v occurs among n integers, all of which lie in [0, size).
inline constinit Kernel<void(int64_t* counts, int64_t size, DType dtype, const void* x, int64_t n)>
    bincount;

// Rows of `length` sorted elements and of `m` values, all int64, float or double. places:
// how many elements of its row are less than a value or, with `right`, not greater; where one is
// not a number, as if it were greater.
struct SortedRows {
  const void* data;
  int64_t rows, length;
};
inline constinit Kernel<void(int64_t* places, DType dtype, const SortedRows& sorted,
                             const void* values, int64_t m, bool right)>
    searchsorted;

}  // namespace izvod::kernels
