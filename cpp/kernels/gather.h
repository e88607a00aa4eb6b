#pragma once
#include "kernels/isa.h"
#include "kernels/view.h"

// Reading and writing at computed places. All views of one call have equal sizes; index is int64.
// The side that is addressed has stride 0 in the dimensions that the index
// moves along:
//
//     gather along dim:     in.strides[dim] = 0, scale = the stride it had
//     advanced indexing:    index = offsets from add_offsets, scale = 1
namespace izvod::kernels {

// out[i...] = in[i... + index[i...] * scale], by itemsize. False, and some of out unwritten, if an
// index is not in [0, size).
inline constinit Kernel<bool(const View& out, const View& in, const View& index, int64_t scale,
                             int64_t size)>
    take;

enum class Put { Assign, Add, Multiply, Max, Min };

// out[i... + index[i...] * scale] (op)= in[i...], as if in row-major order: the last of equal
// places wins, sums have one order. Same dtype on both sides. The indices have been checked.
inline constinit Kernel<void(const View& out, const View& index, int64_t scale, const View& in,
                             Put how)>
    put;

// Whether all indices lie in [low, high); if not, *bad is the first in row-major order that does
// not.
inline constinit Kernel<bool(const View& index, int64_t low, int64_t high, int64_t* bad)> in_bounds;

// offsets[i...] += (index[i...] < 0 ? index[i...] + size : index[i...]) * stride; both int64.
inline constinit Kernel<void(const View& offsets, const View& index, int64_t size, int64_t stride)>
    add_offsets;

// The places of the nonzero elements, row-major: out[k][d], as many rows as count_nonzero says.
inline constinit Kernel<void(const View& out, const View& in)> nonzero;

// The elements of `in` where mask (bool) holds, row-major, into out[0..count).
inline constinit Kernel<void(const View& out, const View& in, const View& mask)> masked_select;

// Its inverse: in[0..count) over the places of `out` where mask holds.
inline constinit Kernel<void(const View& out, const View& in, const View& mask)> masked_place;

}  // namespace izvod::kernels
