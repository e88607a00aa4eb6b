#pragma once
// Walking a Loop in stretches of its innermost dimension, and the sizes of the pieces that work is
// cut into.
#include <algorithm>
#include <array>
#include <utility>

#include "base/parallel.h"
#include "kernels/isa.h"
#include "kernels/view.h"

namespace izvod::kernels::IZVOD_ISA {

// Elements per block of parallel_for for work of about one memory access an element: below it,
// waking a thread costs more than the work.
inline constexpr int64_t run_grain = 32768;

// Blocks of n such elements, which end where lines of memory end.
static inline int64_t run_block(int64_t n) {
  if (n <= run_grain) return run_grain;
  return ceil_div(ceil_div(n, even_blocks(n, most_in_block(n))), 64) * 64;
}

// Calls f(offsets, n, rows) for `rows` neighbouring rows of n neighbours along the innermost
// dimension, which together cover the elements [begin, end) of the loop, counted in row-major
// order: more than one row only where rows are whole. offsets[k]: where operand k stands, in
// elements.
template <int count, class F>
static void for_rows(const Loop<count>& loop, int64_t begin, int64_t end, F&& f) {
  const int64_t last = loop.sizes.size() - 1, inner = loop.sizes[last];
  if (begin >= end) return;
  std::array<int64_t, count> at{};
  Dims index(last);
  int64_t rest = begin / inner, first = begin % inner;
  for (int64_t d = last - 1; d >= 0; --d) {
    index[d] = rest % loop.sizes[d];
    rest /= loop.sizes[d];
    for (int k = 0; k < count; ++k) at[k] += index[d] * loop.strides[k][d];
  }
  for (;;) {
    const int64_t n = std::min(inner - first, end - begin);
    const bool whole = n == inner && last;
    const int64_t rows =
        whole ? std::min(loop.sizes[last - 1] - index[last - 1], (end - begin) / inner) : 1;
    std::array<int64_t, count> here = at;
    if (first)
      for (int k = 0; k < count; ++k) here[k] += first * loop.strides[k][last];
    f(here, n, rows);
    begin += n * rows;
    if (begin >= end) return;
    first = 0;
    for (int64_t d = last - 1, ahead = rows; d >= 0; --d, ahead = 1) {
      index[d] += ahead;
      const bool carry = index[d] == loop.sizes[d];
      const int64_t steps = carry ? ahead - loop.sizes[d] : ahead;
      for (int k = 0; k < count; ++k) at[k] += steps * loop.strides[k][d];
      if (!carry) break;
      index[d] = 0;
    }
  }
}

// The same with one row at a time: f(offsets, n).
template <int count, class F>
static void for_runs(const Loop<count>& loop, int64_t begin, int64_t end, F&& f) {
  for_rows(loop, begin, end, [&](auto at, int64_t n, int64_t rows) {
    for (int64_t row = 0;;) {
      f(std::as_const(at), n);
      if (++row == rows) return;
      for (int k = 0; k < count; ++k) at[k] += loop.down(k);
    }
  });
}

// The same in any order of a row's elements and of rows: f(offsets, n, strides), down the columns
// where rows are short and many, a piece of the rows that the first-level cache holds at a time.
inline constexpr int64_t long_run = 128;
template <int count, class F>
static void for_long_runs(const Loop<count>& loop, int64_t begin, int64_t end, F&& f) {
  std::array<int64_t, count> along, down;
  for (int k = 0; k < count; ++k) along[k] = loop.along(k), down[k] = loop.down(k);
  const auto after = [](auto at, int64_t i, const auto& step) {
    for (int k = 0; k < count; ++k) at[k] += i * step[k];
    return at;
  };
  for_rows(loop, begin, end, [&](const auto& at, int64_t n, int64_t rows) {
    if (n >= 16 || n >= rows) {
      for (int64_t row = 0; row < rows; ++row) f(after(at, row, down), n, along);
      return;
    }
    for (int64_t row = 0; row < rows; row += long_run)
      for (int64_t i = 0; i < n; ++i)
        f(after(after(at, row, down), i, along), std::min(long_run, rows - row), down);
  });
}

// `rows` rows of n in pieces of up to `chunk` elements, of one row or of whole ones: f(row, i, n,
// rows), for the rows from `row` on and the elements from i on.
template <class F>
static void for_chunks(int64_t n, int64_t rows, int64_t chunk, F&& f) {
  const int64_t width = std::min(n, chunk), together = std::max<int64_t>(1, chunk / n);
  for (int64_t row = 0; row < rows; row += together)
    for (int64_t i = 0; i < n; i += width)
      f(row, i, std::min(width, n - i), std::min(together, rows - row));
}

// The view without one dimension: what is left is a start for every row along it.
static inline View without_dim(const View& v, int64_t dim) {
  View r = v;
  r.sizes.erase(dim);
  r.strides.erase(dim);
  return r;
}

// f with the unsigned type of that many bytes: moving elements needs their size only.
template <class F>
static void visit_itemsize(int64_t bytes, F&& f) {
  switch (bytes) {
    case 1:
      return f(Type<uint8_t>{});
    case 2:
      return f(Type<uint16_t>{});
    case 4:
      return f(Type<uint32_t>{});
    default:
      return f(Type<uint64_t>{});
  }
}

}  // namespace izvod::kernels::IZVOD_ISA
