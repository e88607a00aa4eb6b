#pragma once
#include "kernels/isa.h"
#include "kernels/view.h"

namespace izvod::kernels {

// out[i...] = in[i...] for views of equal sizes. `in` may be broadcast (strides 0). Dtypes may
// differ: elements are converted as C++ casts do (floats truncate towards zero on the way to
// integers; anything but zero, nan included, is true). The memory of the two does not overlap.
inline constinit Kernel<void(const View& out, const View& in)> copy;

// Rows of elements: how far it is from one to the next, and from row to row, in elements.
template <class Data>
struct Place {
  Data* data;
  DType dtype;
  int64_t along = 1, down = 0;

  // Whether an element may belong to two of `rows` rows of n: what is written later stays, so that
  // the order matters.
  [[gnu::always_inline]] bool overlaps(int64_t n, int64_t rows) const {
    const int64_t step = along < 0 ? -along : along, next = down < 0 ? -down : down;
    return rows > 1 && next <= (n - 1) * step && step <= (rows - 1) * next;
  }
};

// `rows` rows of n elements from place to place and dtype to dtype, on the calling thread.
inline constinit Kernel<void(Place<void> to, Place<const void> from, int64_t n, int64_t rows)>
    convert;

// `rows` rows, each one stretch of every part after the other.
struct Part {
  const char* data;
  int64_t bytes, stride;  // of a stretch, and from one to the next
};
inline constinit Kernel<void(char* to, const Part* parts, int64_t count, int64_t rows)> join_rows;

}  // namespace izvod::kernels
