#include <cmath>

#include "kernels/reduce.h"
#include "kernels/reduce_walk.h"
#include "kernels/rows.h"

// Variance: each leaf in two passes (mean, then squares of what is left), leaves merged by the
// formula of Chan, Golub and LeVeque, "Algorithms for computing the sample variance" (1983).
namespace izvod::kernels::IZVOD_ISA {
namespace {

struct Moments {
  double mean, squares;  // squares: sum of (x - mean)^2
};

// From sums of x - centre and (x - centre)^2; a centre near the mean leaves nothing to cancel.
inline Moments moments(double centre, double sum, double squares, double share) {
  const double shift = sum * share;
  return {centre + shift, squares - shift * sum};
}

// Sums of d and d^2. Several of them run side by side: one would wait for its own last addition.
template <class T>
struct Sums {
  using V = Vec<T>;
  V sum = T(0), squares = T(0);
  void add(V d) {
    sum += d;
    squares = fma(d, d, squares);
  }
  void add(const Sums& o) {
    sum += o.sum;
    squares += o.squares;
  }
};

template <class T>
void leaf(const Reducer&, void* state, const void* x, int64_t n, int64_t) {
  if (n == 0) return void(*static_cast<Moments*>(state) = {0, 0});
  constexpr int64_t width = Vec<T>::width, chains = 4;
  const T* p = static_cast<const T*>(x);
  const T centre = sum_over<T>(n, [p](int64_t i, int64_t m) { return load(p + i, m); }) / T(n);
  Sums<T> sums[chains];
  int64_t i = 0;
  // This pass reads what is near; meanwhile memory delivers what mostly comes next.
  for (; i + chains * width <= n; i += chains * width) {
    for (int64_t k = 0; k < chains * vec_bytes; k += 64)
      __builtin_prefetch(reinterpret_cast<const char*>(p + i + n) + k);
#pragma GCC unroll 4
    for (int64_t k = 0; k < chains; ++k) sums[k].add(load(p + i + k * width) - centre);
  }
  for (; i < n; i += width) sums[0].add(first_lanes(load(p + i, n - i) - centre, n - i));
  sums[0].add(sums[1]);
  sums[2].add(sums[3]);
  sums[0].add(sums[2]);
  *static_cast<Moments*>(state) = moments(double(centre), double(add_lanes(sums[0].sum)),
                                          double(add_lanes(sums[0].squares)), 1.0 / double(n));
}

template <class T>
void rows(const Reducer&, void* states, const void* x, int64_t stride, int64_t rows, int64_t n,
          int64_t) {
  using V = Vec<T>;
  Moments* to = static_cast<Moments*>(states);
  const double share = 1.0 / double(rows);
  for (int64_t i = 0; i < n; i += V::width) {
    const T* p = static_cast<const T*>(x) + i;
    const int64_t m = std::min<int64_t>(V::width, n - i);
    V total(T(0)), sum(T(0)), squares(T(0));
    for (int64_t k = 0; k < rows; ++k) total += V::load(p + k * stride, m);
    const V centre = total / V(T(rows));
    for (int64_t k = 0; k < rows; ++k) {
      const V d = V::load(p + k * stride, m) - centre;
      sum += d;
      squares = fma(d, d, squares);
    }
    for (int64_t j = 0; j < m; ++j)
      to[i + j] =
          moments(double(centre[int(j)]), double(sum[int(j)]), double(squares[int(j)]), share);
  }
}

void merge(void* a, int64_t a_count, const void* b, int64_t b_count, int64_t n) {
  Moments* to = static_cast<Moments*>(a);
  const Moments* from = static_cast<const Moments*>(b);
  const double total = double(a_count + b_count), share = double(b_count) / total;
  for (int64_t i = 0; i < n; ++i) {
    const double d = from[i].mean - to[i].mean;
    to[i].squares += from[i].squares + d * d * (double(a_count) * share);
    to[i].mean += d * share;
  }
}

// parameter: the correction.
template <bool root>
void finish(const Reducer& r, const void* states, int64_t n, int64_t count, void* const* results) {
  const Moments* from = static_cast<const Moments*>(states);
  const double divisor = std::max(0.0, double(count) - r.parameter);
  for (int64_t i = 0; i < n; ++i) {
    const double var = from[i].squares / divisor;
    static_cast<double*>(results[0])[i] = root ? std::sqrt(var) : var;
    static_cast<double*>(results[1])[i] = count ? from[i].mean : std::nan("");
  }
}
void finish_mean(const Reducer&, const void* states, int64_t n, int64_t count,
                 void* const* results) {
  for (int64_t i = 0; i < n; ++i)
    static_cast<double*>(results[0])[i] =
        count ? static_cast<const Moments*>(states)[i].mean : std::nan("");
}

void var_mean(const View* var, const View* mean, const View& in, double correction, bool root) {
  Reducer r{DType::Float32, 16, {DType::Float64, DType::Float64}, leaf<float>, rows<float>, merge,
            finish<false>};
  if (in.dtype == DType::Float64)
    r.load = DType::Float64, r.leaf = leaf<double>, r.rows = rows<double>;
  r.parameter = correction;
  if (root) r.finish = finish<true>;
  if (!var) r.finish = finish_mean;
  reduce(r, in, var ? var : mean, var ? mean : nullptr);
}

const Offer offer(kernels::var_mean, var_mean);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
