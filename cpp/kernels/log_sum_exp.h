#pragma once
// The sums of exp(x - largest) that softmax, log_softmax and cross entropy begin with: of columns,
// side by side in lanes, and of rows.
#include "kernels/columns.h"
#include "kernels/vec_math.h"

namespace izvod::kernels::IZVOD_ISA {

// ---- columns: an op of kernels/columns.h but for what is made of the sums

// Of a column its largest element, and the sum of exp(x - largest) 2^exp_shift.
struct SumsOfExp {
  static constexpr int inputs = 1;
  static constexpr int64_t short_row = 63;  // longer ones are not worth being transposed
  template <class T>
  using Kept = std::array<Vec<T>, 2>;

  template <class T>
  static Kept<T> start() {
    return {minus_infinity<T>, T(0)};
  }
  template <class T>
  static void add(Kept<T>& kept, const Vec<T>* x, const Vec<T>*, int rows) {
    Vec<T> top = kept[0], sum = T(0);
    for (int r = 0; r < rows; ++r) top = max(x[r], top);
    const Vec<T> shift = finite(top);
    for (int r = 0; r < rows; ++r) sum += shifted_exp(x[r] - shift);
    kept = {top, sum_below(kept, shift) + sum};
  }
  template <class T>
  static void merge(Kept<T>& kept, const Kept<T>& other) {
    const Vec<T> top = max(kept[0], other[0]), shift = finite(top);
    kept = {top, sum_below(kept, shift) + sum_below(other, shift)};
  }

 private:
  // What is subtracted where the first rows of a column are -inf: -inf - -inf is nan.
  template <class T>
  static Vec<T> finite(Vec<T> top) {
    return max(top, std::numeric_limits<T>::lowest());
  }
  // The sum, with a larger element than before.
  template <class T>
  static Vec<T> sum_below(const Kept<T>& kept, Vec<T> top) {
    return kept[1] * exp_below_zero(kept[0] - top);
  }
};

// The same of all rows at once: each(offset, exp(x - largest) 2^exp_shift, lanes) for the vectors.
template <class Op, class S, class F, class T = Compute<S>>
static void sums_of_exp(const KeptColumns<Op, T>& kept, const S* x, int64_t n, int64_t stride,
                        int64_t width, F each) {
  using V = Vec<T>;
  T *top = kept.memory, *total = top + kept.stride;
  kept.start(width);
  for (int64_t r = 0; r < n; ++r)
    for_lanes<T>(width, [&](int64_t i, int64_t k) {
      max(load(x + r * stride + i, k), V::load(top + i)).store(top + i);
    });
  for (int64_t r = 0; r < n; ++r)
    for_lanes<T>(width, [&](int64_t i, int64_t k) {
      const V e = shifted_exp(load(x + r * stride + i, k) - V::load(top + i));
      (V::load(total + i) + e).store(total + i);
      each(r * stride + i, e, k);
    });
}

// ---- rows

// Rows are taken in groups: the processor works on several while one waits for its own maximum or
// sum.
inline constexpr int64_t most_rows = 64;
static inline int64_t rows_together(int64_t n) {
  return n <= SumsOfExp::short_row ? slices_together : std::clamp<int64_t>(2048 / n, 1, 8);
}

// f(first, count) for groups of `step` of the rows [begin, end).
template <class F>
static void for_groups(int64_t begin, int64_t end, int64_t step, F f) {
  for (int64_t r = begin; r < end; r += step) f(r, std::min(step, end - r));
}

// For up to rows_together(n) rows of n: the largest element, and the log of the sum of
// exp(x - largest). meanwhile(i) before each vector of long rows, from element i on: for memory to
// do something.
template <class S, class F, class T = Compute<S>>
static void log_sum_exp(T* top, T* log_total, const S* x, int64_t rows, int64_t n, F meanwhile) {
  if (n <= SumsOfExp::short_row) {
    for_short_slices<SumsOfExp, S>({x}, rows, n, 1, [&](auto& kept, auto& columns, int64_t width) {
      sums_of_exp(kept, columns[0], n, width, width, [](int64_t, Vec<T>, int64_t) {});
      std::copy(kept.memory, kept.memory + rows, top);
      std::copy(kept.memory + kept.stride, kept.memory + kept.stride + rows, log_total);
    });
  } else {
    for (int64_t r = 0; r < rows; ++r) top[r] = max_of_row(x + r * n, n);
    for (int64_t r = 0; r < rows; ++r)
      log_total[r] = sum_over<T, 2>(n, [&](int64_t i, int64_t k) {
        prefetch_next(x + r * n + i, rows * n);
        meanwhile(r * n + i);
        return shifted_exp(load(x + r * n + i, k) - top[r]);
      });
  }
  for_lanes<T>(rows, [&](int64_t i, int64_t k) {
    store(log_total + i, log(unshifted(load(log_total + i, k))), k);
  });
}

}  // namespace izvod::kernels::IZVOD_ISA
