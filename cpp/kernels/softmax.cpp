#include "kernels/softmax.h"

#include "base/parallel.h"
#include "kernels/log_sum_exp.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// ---- the innermost dimension: a few rows at a time, in cache ------------------------------------

// e keeps the exponentials: y itself, unless it is of a half type.
template <class S, class T = Compute<S>>
void softmax_rows(S* y, const S* x, T* e, int64_t rows, int64_t n) {
  T top[most_rows], total[most_rows];
  for (int64_t r = 0; r < rows; ++r) top[r] = max_of_row(x + r * n, n);
  for (int64_t r = 0; r < rows; ++r)
    total[r] = sum_over<T, 1>(n, [&](int64_t i, int64_t k) {
      const Vec<T> v = exp(load(x + r * n + i, k) - top[r]);
      store(e + r * n + i, v, k);
      return v;
    });
  for (int64_t r = 0; r < rows; ++r)
    for_lanes<T>(n, [&](int64_t i, int64_t k) {
      store(y + r * n + i, load(e + r * n + i, k) / total[r], k);
    });
}

template <class S, class T = Compute<S>>
void log_softmax_rows(S* y, const S* x, int64_t rows, int64_t n) {
  T top[most_rows], log_total[most_rows];
  log_sum_exp(top, log_total, x, rows, n);
  for (int64_t r = 0; r < rows; ++r)
    for_lanes<T>(n, [&](int64_t i, int64_t k) {
      store(y + r * n + i, (load(x + r * n + i, k) - top[r]) - log_total[r], k);
    });
}

template <class S, class T = Compute<S>>
void softmax_backward_rows(S* dx, const S* g, const S* y, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, dx += n, g += n, y += n) {
    const T total =
        sum_over<T>(n, [&](int64_t i, int64_t k) { return load(g + i, k) * load(y + i, k); });
    for_lanes<T>(n, [&](int64_t i, int64_t k) {
      store(dx + i, load(y + i, k) * (load(g + i, k) - total), k);
    });
  }
}

template <class S, class T = Compute<S>>
void log_softmax_backward_rows(S* dx, const S* g, const S* y, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, dx += n, g += n, y += n) {
    const T total = sum_over<T>(n, [&](int64_t i, int64_t k) { return load(g + i, k); });
    for_lanes<T>(n, [&](int64_t i, int64_t k) {
      store(dx + i, load(g + i, k) - exp(load(y + i, k)) * total, k);
    });
  }
}

// ---- an outer dimension: a band of `width` neighbouring columns at a time
// -------------------------- Row r of a band stands at r * inner; what is kept per column stands in
// arrays of the band's width.

constexpr int64_t band = 128;

template <class S, class T = Compute<S>>
void max_of_columns(T* top, const S* x, int64_t n, int64_t inner, int64_t width) {
  std::fill(top, top + width, minus_infinity<T>);
  for (int64_t r = 0; r < n; ++r)
    for_lanes<T>(width, [&](int64_t i, int64_t k) {
      store(top + i, max(load(x + r * inner + i, k), load(top + i, k)), k);
    });
}

template <class S, class T = Compute<S>>
void softmax_columns(S* y, const S* x, int64_t n, int64_t inner, int64_t width) {
  T top[band], total[band] = {};
  max_of_columns(top, x, n, inner, width);
  const auto e = [&](int64_t r, int64_t i, int64_t k) {
    return exp(load(x + r * inner + i, k) - load(top + i, k));
  };
  for (int64_t r = 0; r < n; ++r)
    for_lanes<T>(
        width, [&](int64_t i, int64_t k) { store(total + i, load(total + i, k) + e(r, i, k), k); });
  for (int64_t r = 0; r < n; ++r)
    for_lanes<T>(width, [&](int64_t i, int64_t k) {
      store(y + r * inner + i, e(r, i, k) / load(total + i, k), k);
    });
}

template <class S, class T = Compute<S>>
void log_softmax_columns(S* y, const S* x, int64_t n, int64_t inner, int64_t width) {
  T top[band], total[band] = {};
  max_of_columns(top, x, n, inner, width);
  const auto shifted = [&](int64_t r, int64_t i, int64_t k) {
    return load(x + r * inner + i, k) - load(top + i, k);
  };
  for (int64_t r = 0; r < n; ++r)
    for_lanes<T>(width, [&](int64_t i, int64_t k) {
      store(total + i, load(total + i, k) + exp(shifted(r, i, k)), k);
    });
  for_lanes<T>(width, [&](int64_t i, int64_t k) { store(total + i, log(load(total + i, k)), k); });
  for (int64_t r = 0; r < n; ++r)
    for_lanes<T>(width, [&](int64_t i, int64_t k) {
      store(y + r * inner + i, shifted(r, i, k) - load(total + i, k), k);
    });
}

// total[i] += f(r, i) over the rows r.
template <class T, class F>
void sum_columns(T* total, int64_t n, int64_t width, F f) {
  for (int64_t r = 0; r < n; ++r)
    for_lanes<T>(
        width, [&](int64_t i, int64_t k) { store(total + i, load(total + i, k) + f(r, i, k), k); });
}

template <class S, class T = Compute<S>>
void softmax_backward_columns(S* dx, const S* g, const S* y, int64_t n, int64_t inner,
                              int64_t width) {
  T total[band] = {};
  sum_columns(total, n, width, [&](int64_t r, int64_t i, int64_t k) {
    return load(g + r * inner + i, k) * load(y + r * inner + i, k);
  });
  for (int64_t r = 0; r < n; ++r)
    for_lanes<T>(width, [&](int64_t i, int64_t k) {
      const int64_t at = r * inner + i;
      store(dx + at, load(y + at, k) * (load(g + at, k) - load(total + i, k)), k);
    });
}

template <class S, class T = Compute<S>>
void log_softmax_backward_columns(S* dx, const S* g, const S* y, int64_t n, int64_t inner,
                                  int64_t width) {
  T total[band] = {};
  sum_columns(total, n, width,
              [&](int64_t r, int64_t i, int64_t k) { return load(g + r * inner + i, k); });
  for (int64_t r = 0; r < n; ++r)
    for_lanes<T>(width, [&](int64_t i, int64_t k) {
      const int64_t at = r * inner + i;
      store(dx + at, load(g + at, k) - exp(load(y + at, k)) * load(total + i, k), k);
    });
}

// ---- the loops around them

// rows(offset, count) for groups of rows of n, or columns(offset, width) for bands of columns.
template <class Rows, class Columns>
void for_slices(int64_t outer, int64_t n, int64_t inner, int64_t cost, Rows rows, Columns columns) {
  if (outer * n * inner == 0) return;
  if (inner == 1)
    return parallel_for(outer, rows_grain(n * cost), [&](int64_t begin, int64_t end) {
      for_groups(begin, end, n, [&](int64_t r, int64_t count) { rows(r * n, count); });
    });
  const int64_t bands = ceil_div(inner, band);
  parallel_for(outer * bands, rows_grain(n * std::min(inner, band) * cost),
               [&](int64_t begin, int64_t end) {
                 for (int64_t unit = begin; unit < end; ++unit) {
                   const int64_t first = unit % bands * band;
                   columns(unit / bands * n * inner + first, std::min(band, inner - first));
                 }
               });
}

template <class S>
void softmax_slices(S* y, const S* x, int64_t outer, int64_t n, int64_t inner) {
  using T = Compute<S>;
  const auto rows = [&](int64_t at, int64_t count) {
    Scratch scratch;
    T* e;
    if constexpr (std::is_same_v<S, T>)
      e = y + at;
    else
      e = scratch.take<T>(count * n);
    softmax_rows(y + at, x + at, e, count, n);
  };
  const auto columns = [&](int64_t at, int64_t width) {
    softmax_columns(y + at, x + at, n, inner, width);
  };
  for_slices(outer, n, inner, 4, rows, columns);
}

void softmax(DType dtype, void* y, const void* x, int64_t outer, int64_t n, int64_t inner) {
  visit_floating(dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    softmax_slices((S*)y, (const S*)x, outer, n, inner);
  });
}

void log_softmax(DType dtype, void* y, const void* x, int64_t outer, int64_t n, int64_t inner) {
  visit_floating(dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    for_slices(
        outer, n, inner, 4,
        [&](int64_t at, int64_t rows) { log_softmax_rows((S*)y + at, (const S*)x + at, rows, n); },
        [&](int64_t at, int64_t width) {
          log_softmax_columns((S*)y + at, (const S*)x + at, n, inner, width);
        });
  });
}

void softmax_backward(DType dtype, void* dx, const void* g, const void* y, int64_t outer, int64_t n,
                      int64_t inner) {
  visit_floating(dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    for_slices(
        outer, n, inner, 2,
        [&](int64_t at, int64_t rows) {
          softmax_backward_rows((S*)dx + at, (const S*)g + at, (const S*)y + at, rows, n);
        },
        [&](int64_t at, int64_t width) {
          softmax_backward_columns((S*)dx + at, (const S*)g + at, (const S*)y + at, n, inner,
                                   width);
        });
  });
}

void log_softmax_backward(DType dtype, void* dx, const void* g, const void* y, int64_t outer,
                          int64_t n, int64_t inner) {
  visit_floating(dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    for_slices(
        outer, n, inner, 4,
        [&](int64_t at, int64_t rows) {
          log_softmax_backward_rows((S*)dx + at, (const S*)g + at, (const S*)y + at, rows, n);
        },
        [&](int64_t at, int64_t width) {
          log_softmax_backward_columns((S*)dx + at, (const S*)g + at, (const S*)y + at, n, inner,
                                       width);
        });
  });
}

const Offer softmaxes[] = {{kernels::softmax, softmax}, {kernels::log_softmax, log_softmax}};
const Offer backwards[] = {{kernels::softmax_backward, softmax_backward},
                           {kernels::log_softmax_backward, log_softmax_backward}};

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
