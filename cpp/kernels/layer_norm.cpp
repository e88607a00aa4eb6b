#include "kernels/layer_norm.h"

#include <cmath>

#include "base/parallel.h"
#include "kernels/rows.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// Two passes over a row that stays in cache: the sum of squares around the mean loses no digits.
template <class S, class T = Compute<S>>
T mean_of_row(const S* x, int64_t n) {
  return sum_over<T>(n, [&](int64_t i, int64_t k) { return load(x + i, k); }) / T(n);
}
// While the row is in cache, lines of the results and of the next row are fetched.
template <class S, class T = Compute<S>>
T rstd_of_row(const S* x, const S* results, T mean, int64_t n, double eps) {
  const T squares = sum_over<T>(n, [&](int64_t i, int64_t k) {
    prefetch_next(x + i, n);
    __builtin_prefetch(results + i, 1);
    const Vec<T> d = load(x + i, k) - mean;
    return d * d;
  });
  return T(1) / std::sqrt(squares / T(n) + T(eps));
}

template <class S, class T = Compute<S>>
void scale_row(S* y, const S* x, T mean, T rstd, const S* weight, const S* bias, int64_t n) {
  for_lanes<T>(n, [&](int64_t i, int64_t k) {
    Vec<T> v = (load(x + i, k) - mean) * rstd;
    if (weight) v *= load(weight + i, k);
    if (bias) v += load(bias + i, k);
    store(y + i, v, k);
  });
}

void layer_norm(DType dtype, void* y, void* mean, void* rstd, const void* x, const void* weight,
                const void* bias, int64_t rows, int64_t n, double eps) {
  visit_floating(dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    using T = Compute<S>;
    parallel_for(rows, rows_grain(rows, n * 2), wake_for(rows * n * 2),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t r = begin; r < end; ++r) {
                     const S* row = (const S*)x + r * n;
                     const T m = ((T*)mean)[r] = mean_of_row(row, n);
                     const T s = ((T*)rstd)[r] = rstd_of_row(row, (const S*)y + r * n, m, n, eps);
                     scale_row((S*)y + r * n, row, m, s, (const S*)weight, (const S*)bias, n);
                   }
                 });
  });
}

void rms_norm(DType dtype, void* y, void* rstd, const void* x, const void* weight, int64_t rows,
              int64_t n, double eps) {
  visit_floating(dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    using T = Compute<S>;
    parallel_for(
        rows, rows_grain(rows, n * 2), wake_for(rows * n * 2), [&](int64_t begin, int64_t end) {
          for (int64_t r = begin; r < end; ++r) {
            const S* row = (const S*)x + r * n;
            const T s = ((T*)rstd)[r] = rstd_of_row(row, (const S*)y + r * n, T(0), n, eps);
            scale_row((S*)y + r * n, row, T(0), s, (const S*)weight, (const S*)nullptr, n);
          }
        });
  });
}

// With h = (x - mean) * rstd and u = g * weight:
//   dx = rstd * (u - mean(u) - h * mean(u * h)),  dweight = sum over rows of g * h,  dbias = of g.
template <class S>
struct RowBackward {
  using T = Compute<S>;
  using V = Vec<T>;
  const S *g, *x, *weight;
  T mean, rstd;
  int64_t n;
  T along = 0, shift = 0;  // the sums of u * h and of u

  V normalized(int64_t i, int64_t k) const { return (load(x + i, k) - mean) * rstd; }
  V weighted(int64_t i, int64_t k) const {
    return weight ? load(g + i, k) * load(weight + i, k) : load(g + i, k);
  }

  // In pieces, for the digits of long rows; adds to the parameters' gradients where there are any.
  template <bool parameters>
  void find_sums(T* dweight, T* dbias) {
    constexpr int64_t piece = 1024;
    for (int64_t begin = 0; begin < n; begin += piece) {
      V along_sum = T(0), shift_sum = T(0);
      for_lanes<T>(std::min(piece, n - begin), [&](int64_t i, int64_t k) {
        i += begin;
        const V h = normalized(i, k), u = weighted(i, k);  // zero beyond the end, as g is
        along_sum += first_lanes(u * h, k);
        shift_sum += u;
        if (parameters) {
          const V v = load(g + i, k);
          store(dweight + i, load(dweight + i, k) + v * h, k);
          store(dbias + i, load(dbias + i, k) + v, k);
        }
      });
      along += add_lanes(along_sum);
      shift += add_lanes(shift_sum);
    }
  }
  void write(S* dx, bool centered) const {
    const T step = along / T(n), offset = centered ? shift / T(n) : T(0);
    for_lanes<T>(n, [&](int64_t i, int64_t k) {
      store(dx + i, (weighted(i, k) - offset - normalized(i, k) * step) * rstd, k);
    });
  }
};

// Sums over this many rows join those of all rows: a float that has seen thousands of additions has
// lost digits.
constexpr int64_t rows_a_sum = 64;
template <class T>
void move_sums(T* total, T* sums, int64_t n) {
  for_lanes<T>(n, [&](int64_t i, int64_t k) {
    store(total + i, load(total + i, k) + load(sums + i, k), k);
    store(sums + i, Vec<T>(T(0)), k);
  });
}

// The sums of the blocks, first to last.
template <class S, class T = Compute<S>>
void add_up(S* total, const T* partial, int64_t blocks, int64_t stride, int64_t n) {
  for_lanes<T>(n, [&](int64_t i, int64_t k) {
    Vec<T> sum = load(partial + i, k);
    for (int64_t b = 1; b < blocks; ++b) sum += load(partial + b * stride + i, k);
    store(total + i, sum, k);
  });
}

void layer_norm_backward(DType dtype, void* dx, void* dweight, void* dbias, const void* g,
                         const void* x, const void* mean, const void* rstd, const void* weight,
                         int64_t rows, int64_t n) {
  visit_floating(dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    using T = Compute<S>;
    const bool parameters = dweight || dbias;
    // Few blocks: each keeps sums of its own for the parameters.
    const int64_t grain = std::max(rows_grain(rows, n * 4), (rows + 31) / 32);
    const int64_t blocks = std::max<int64_t>(1, ceil_div(rows, grain));
    const int64_t kept = parameters ? blocks * 2 * n : 0;
    Scratch scratch;
    T* partial = scratch.take<T>(kept);
    std::fill(partial, partial + kept, T(0));
    parallel_for(rows, grain, wake_for(rows * n * 4), [&](int64_t begin, int64_t end) {
      T* const total = partial + begin / grain * 2 * n;
      Scratch scratch;
      T* const sums = scratch.take<T>(parameters ? 2 * n : 0);
      std::fill(sums, sums + (parameters ? 2 * n : 0), T(0));
      for (int64_t r = begin; r < end; ++r) {
        RowBackward<S> row{(const S*)g + r * n, (const S*)x + r * n,
                           (const S*)weight,    mean ? ((const T*)mean)[r] : T(0),
                           ((const T*)rstd)[r], n};
        if (parameters)
          row.template find_sums<true>(sums, sums + n);
        else
          row.template find_sums<false>(nullptr, nullptr);
        if (dx) row.write((S*)dx + r * n, mean != nullptr);
        if (parameters && ((r + 1 - begin) % rows_a_sum == 0 || r + 1 == end))
          move_sums(total, sums, 2 * n);
      }
    });
    if (dweight) add_up((S*)dweight, partial, blocks, 2 * n, n);
    if (dbias) add_up((S*)dbias, partial + n, blocks, 2 * n, n);
  });
}

const Offer forward_offer(kernels::layer_norm, layer_norm);
const Offer rms_offer(kernels::rms_norm, rms_norm);
const Offer backward_offer(kernels::layer_norm_backward, layer_norm_backward);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
