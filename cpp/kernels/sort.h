#pragma once
#include "kernels/isa.h"
#include "kernels/view.h"

// Order along one dimension. nan counts as the largest value; equal elements keep their order (the
// one with the smaller index first, in either direction). values has the dtype of in, indices is
// int64.
namespace izvod::kernels {

// values and indices have the sizes of in.
inline constinit Kernel<void(const View& values, const View& indices, const View& in, int64_t dim,
                             bool descending)>
    sort;

// The first k = values.sizes[dim] elements of the sorted row.
inline constinit Kernel<void(const View& values, const View& indices, const View& in, int64_t dim,
                             bool largest)>
    topk;

// The k-th smallest element (from 0); values and indices have size 1 along dim. With `nan_wins` it
// is the first nan of a row that has one.
inline constinit Kernel<void(const View& values, const View& indices, const View& in, int64_t dim,
                             int64_t k, bool nan_wins)>
    kthvalue;

}  // namespace izvod::kernels
