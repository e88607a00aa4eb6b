#pragma once
#include "kernels/isa.h"
#include "kernels/view.h"

namespace izvod::kernels {

// out[i...] = in[i...] for views of equal sizes. `in` may be broadcast (strides 0). Dtypes may
// differ: elements are converted as C++ casts do (floats truncate towards zero on the way to
// integers; anything but zero, nan included, is true). The memory of the two does not overlap.
inline constinit Kernel<void(const View& out, const View& in)> copy;

// n neighbouring elements from one dtype to another, on the calling thread.
inline constinit Kernel<void(void* to, DType to_type, const void* from, DType from_type, int64_t n)>
    convert;

// n elements of `bytes` bytes each between strided places (strides in elements), on the calling
// thread.
inline constinit Kernel<void(void* to, int64_t to_stride, const void* from, int64_t from_stride,
                             int64_t n, int64_t bytes)>
    copy_strided;

// `rows` rows, each one stretch of every part after the other.
struct Part {
  const char* data;
  int64_t bytes, stride;  // of a stretch, and from one to the next
};
inline constinit Kernel<void(char* to, const Part* parts, int64_t count, int64_t rows)> join_rows;

}  // namespace izvod::kernels
