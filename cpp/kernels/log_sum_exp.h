#pragma once
// The first two passes of softmax over rows, for groups of rows. Included by kernels only.
#include "kernels/rows.h"
#include "kernels/vec_math.h"

namespace izvod::kernels::IZVOD_ISA {

template <class S, class T = Compute<S>>
static T max_of_row(const S* x, int64_t n) {
  Vec<T> top = minus_infinity<T>;
  for_lanes<T>(n, [&](int64_t i, int64_t k) {
    top = max(first_lanes(load(x + i, k), k, minus_infinity<T>), top);
  });
  return max_lanes(top);
}

// Short rows are taken in groups: the processor works on several while one waits for its own
// maximum or sum.
inline constexpr int64_t most_rows = 8;
static inline int64_t rows_together(int64_t n) {
  return std::clamp<int64_t>(2048 / std::max<int64_t>(n, 1), 1, most_rows);
}

// f(first, count) for groups of the rows [begin, end).
template <class F>
static void for_groups(int64_t begin, int64_t end, int64_t n, F f) {
  const int64_t step = rows_together(n);
  for (int64_t r = begin; r < end; r += step) f(r, std::min(step, end - r));
}

// For up to most_rows rows of n: the largest element, and the log of the sum of exp(x - largest).
template <class S, class T = Compute<S>>
static void log_sum_exp(T* top, T* log_total, const S* x, int64_t rows, int64_t n) {
  T total[most_rows] = {};
  for (int64_t r = 0; r < rows; ++r) top[r] = max_of_row(x + r * n, n);
  for (int64_t r = 0; r < rows; ++r)
    total[r] = sum_over<T, 1>(
        n, [&](int64_t i, int64_t k) { return exp(load(x + r * n + i, k) - top[r]); });
  for_lanes<T>(most_rows,
               [&](int64_t i, int64_t k) { store(total + i, log(load(total + i, k)), k); });
  std::copy(total, total + rows, log_total);
}

}  // namespace izvod::kernels::IZVOD_ISA
