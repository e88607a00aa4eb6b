#pragma once
// Walking a Loop in stretches of its innermost dimension, and the sizes of the pieces that work is
// cut into.
#include <algorithm>
#include <array>

#include "kernels/isa.h"
#include "kernels/view.h"

namespace izvod::kernels::IZVOD_ISA {

// Elements per block of parallel_for for work of about one memory access an element: below it,
// waking a thread costs more than the work.
inline constexpr int64_t run_grain = 32768;

// Blocks of n such elements: more than one is cut finer, or an op of three blocks would keep one of
// two threads for two of them.
static inline int64_t run_block(int64_t n) { return n <= run_grain ? run_grain : run_grain / 2; }

// Calls f(offsets, n) for stretches of the innermost dimension that together cover the elements
// [begin, end) of the loop, counted in row-major order. offsets[k]: where operand k stands, in
// elements.
template <int count, class F>
static void for_runs(const Loop<count>& loop, int64_t begin, int64_t end, F&& f) {
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
    std::array<int64_t, count> here = at;
    if (first)
      for (int k = 0; k < count; ++k) here[k] += first * loop.strides[k][last];
    f(here, n);
    begin += n;
    if (begin >= end) return;
    first = 0;
    for (int64_t d = last - 1; d >= 0; --d) {
      const bool carry = ++index[d] == loop.sizes[d];
      const int64_t step = carry ? 1 - loop.sizes[d] : 1;
      for (int k = 0; k < count; ++k) at[k] += step * loop.strides[k][d];
      if (!carry) break;
      index[d] = 0;
    }
  }
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
