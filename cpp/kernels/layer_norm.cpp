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
template <class S, class T = Compute<S>>
T rstd_of_row(const S* x, T mean, int64_t n, double eps) {
  const T squares = sum_over<T>(n, [&](int64_t i, int64_t k) {
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

void layer_norm(DType dtype, void* y, void* mean, void* rstd, const void* x, const void* weight, const void* bias,
                int64_t rows, int64_t n, double eps) {
  visit_floating(dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    using T = Compute<S>;
    parallel_for(rows, rows_grain(n * 2), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const S* row = (const S*)x + r * n;
        const T m = ((T*)mean)[r] = mean_of_row(row, n);
        const T s = ((T*)rstd)[r] = rstd_of_row(row, m, n, eps);
        scale_row((S*)y + r * n, row, m, s, (const S*)weight, (const S*)bias, n);
      }
    });
  });
}

void rms_norm(DType dtype, void* y, void* rstd, const void* x, const void* weight, int64_t rows, int64_t n,
              double eps) {
  visit_floating(dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    using T = Compute<S>;
    parallel_for(rows, rows_grain(n * 2), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const S* row = (const S*)x + r * n;
        const T s = ((T*)rstd)[r] = rstd_of_row(row, T(0), n, eps);
        scale_row((S*)y + r * n, row, T(0), s, (const S*)weight, (const S*)nullptr, n);
      }
    });
  });
}

// With h = (x - mean) * rstd and u = g * weight:
//   dx = rstd * (u - mean(u) - h * mean(u * h)),  dweight = sum over rows of g * h,  dbias = of g.
template <class S>
struct Backward {
  using T = Compute<S>;
  using V = Vec<T>;
  S* dx;
  const S *g, *x;
  const T *mean, *rstd;
  const S* weight;
  int64_t n;

  V normalized(int64_t r, int64_t i, int64_t k) const {
    return (load(x + r * n + i, k) - (mean ? mean[r] : T(0))) * rstd[r];
  }
  V weighted(int64_t r, int64_t i, int64_t k) const {
    const V v = load(g + r * n + i, k);
    return weight ? v * load(weight + i, k) : v;
  }
  void row(int64_t r) const {
    const T along = sum_over<T>(n, [&](int64_t i, int64_t k) { return weighted(r, i, k) * normalized(r, i, k); });
    const T shift = mean ? sum_over<T>(n, [&](int64_t i, int64_t k) { return weighted(r, i, k); }) : T(0);
    for_lanes<T>(n, [&](int64_t i, int64_t k) {
      const V d = weighted(r, i, k) - shift / T(n) - normalized(r, i, k) * (along / T(n));
      store(dx + r * n + i, d * rstd[r], k);
    });
  }
  void add_parameters(T* dweight, T* dbias, int64_t r) const {
    for_lanes<T>(n, [&](int64_t i, int64_t k) {
      const V v = load(g + r * n + i, k);
      (V::load(dweight + i, k) + v * normalized(r, i, k)).store(dweight + i, k);
      (V::load(dbias + i, k) + v).store(dbias + i, k);
    });
  }
};

// The sums of the blocks, first to last.
template <class S, class T = Compute<S>>
void add_up(S* total, const T* partial, int64_t blocks, int64_t stride, int64_t n) {
  for_lanes<T>(n, [&](int64_t i, int64_t k) {
    Vec<T> sum = Vec<T>::load(partial + i, k);
    for (int64_t b = 1; b < blocks; ++b) sum += Vec<T>::load(partial + b * stride + i, k);
    store(total + i, sum, k);
  });
}

void layer_norm_backward(DType dtype, void* dx, void* dweight, void* dbias, const void* g, const void* x,
                         const void* mean, const void* rstd, const void* weight, int64_t rows, int64_t n) {
  visit_floating(dtype, [&](auto t) {
    using S = typename decltype(t)::type;
    using T = Compute<S>;
    const Backward<S> pass{(S*)dx, (const S*)g, (const S*)x, (const T*)mean, (const T*)rstd, (const S*)weight, n};
    const bool parameters = dweight || dbias;
    // Few blocks: each keeps sums of its own for the parameters.
    const int64_t grain = std::max(rows_grain(n * 4), (rows + 31) / 32);
    const int64_t blocks = std::max<int64_t>(1, (rows + grain - 1) / grain);
    Scratch scratch;
    T* partial = scratch.take<T>(parameters ? blocks * 2 * n : 0);
    std::fill(partial, partial + (parameters ? blocks * 2 * n : 0), T(0));
    parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
      T* sums = partial + begin / grain * 2 * n;
      for (int64_t r = begin; r < end; ++r) {
        if (parameters) pass.add_parameters(sums, sums + n, r);
        if (dx) pass.row(r);
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
