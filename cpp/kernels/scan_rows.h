#pragma once
// What kernels that run along the rows of a dimension share: reading and writing rows of any dtype
// and stride, and the walk over them.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/parallel.h"
#include "kernels/copy.h"
#include "kernels/runs.h"
#include "kernels/stream.h"

namespace izvod::kernels::IZVOD_ISA {

inline constexpr int64_t chunk = 512;  // elements of a row that are looked at together

// Elements of a view that stand `stride` apart.
struct Row {
  char* data;
  DType dtype;
  int64_t stride;

  Row(const View& v, int64_t at, int64_t stride)
      : data(v.ptr<char>() + at * itemsize(v.dtype)), dtype(v.dtype), stride(stride) {}
  template <class S>
  bool holds() const {
    return stride == 1 && dtype == dtype_of<S>;
  }
  template <class S>
  S* place(int64_t k) const {
    return reinterpret_cast<S*>(data + k * stride * itemsize(dtype));
  }

  // n <= chunk elements from k on, as neighbours of type S: where they are, or in `buffer`.
  template <class S>
  const S* load(int64_t k, int64_t n, S* buffer) const {
    if (holds<S>()) return place<S>(k);
    kernels::convert(Place<void>{buffer, dtype_of<S>},
                     Place<const void>{place<char>(k), dtype, stride}, n, int64_t(1));
    return buffer;
  }
  // What stands so many elements after x, which load() has given; nothing if that is a copy.
  template <class S>
  Next after(const S* x, int64_t elements, int64_t n) const {
    return holds<S>() ? Next{x + elements, n * int64_t(sizeof(S))} : Next{};
  }
  // Where to compute them, for `store` to write what is not in place yet.
  template <class S>
  S* target(int64_t k, S* buffer, bool streams) const {
    return holds<S>() && !streams ? place<S>(k) : buffer;
  }
  template <class S>
  void store(int64_t k, int64_t n, const S* from, bool streams = false, Next next = {}) const {
    if (from == place<S>(k)) return;
    if (streams && holds<S>()) return stream(place<S>(k), from, n * int64_t(sizeof(S)), next);
    kernels::convert(Place<void>{place<char>(k), dtype, stride},
                     Place<const void>{from, dtype_of<S>}, n, int64_t(1));
  }
};

// The rows along one dimension of views of equal sizes, the first of which is written.
template <int count>
struct RowWalk {
  Loop<count> rows;
  int64_t length;
  std::array<int64_t, count> step;  // from row to row
  bool columns;  // rows stand side by side: one element of each at a time makes a stretch of memory

  RowWalk(const View* const (&views)[count], int64_t dim)
      : rows(starts(views, dim)), length(views[0]->sizes[dim]) {
    bool beside = false;
    for (int k = 0; k < count; ++k) beside |= (step[k] = rows.strides[k].back()) == 1;
    columns = rows.sizes.back() >= 8 && beside &&
              (length == 1 || std::abs(views[count - 1]->strides[dim]) != 1);
  }

  // Whether results, in stretches of so many elements or of columns, are written past the caches.
  bool streams(int64_t stretch, int64_t bytes) const {
    return rows.numel() * length * bytes >= stream_from &&
           (columns ? rows.sizes.back() : stretch) * bytes >= 512;
  }

  // f(where the operands stand, n) for runs of rows. Columns go in stretches that memory delivers
  // well, rows by
  // fours or eights.
  template <class F>
  void run(bool streams, F f) const {
    const int64_t least = columns ? 256 : 8, all = rows.numel() * length,
                  wanted = most_in_block(all) / 2 / std::max<int64_t>(length, 1);
    parallel_for(length ? rows.numel() : 0, std::max(least, wanted / 8 * 8),
                 [&](int64_t begin, int64_t end) {
                   for_runs(rows, begin, end, f);
                   if (streams) stream_end();
                 });
  }
  // f(where the operands stand, m) for the pieces of a run: a chunk of columns, `most` rows, four,
  // or one.
  template <int most, class F>
  void split(std::array<int64_t, count> at, int64_t n, F f) const {
    for (int64_t m; n > 0; n -= m) {
      m = columns ? std::min(chunk, n) : n >= most ? most : n >= 4 ? 4 : 1;
      f(at, m);
      for (int k = 0; k < count; ++k) at[k] += m * step[k];
    }
  }

 private:
  static Loop<count> starts(const View* const (&views)[count], int64_t dim) {
    View without[count];
    const View* pointers[count];
    for (int k = 0; k < count; ++k) pointers[k] = &(without[k] = without_dim(*views[k], dim));
    return Loop<count>(pointers);
  }
};

}  // namespace izvod::kernels::IZVOD_ISA
