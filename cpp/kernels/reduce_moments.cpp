#include <cmath>

#include "kernels/reduce.h"
#include "kernels/reduce_walk.h"
#include "kernels/vec.h"

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

template <class T>
void leaf(const Reducer&, void* state, const void* x, int64_t n, int64_t) {
  using V = Vec<T>;
  if (n == 0) return void(*static_cast<Moments*>(state) = {0, 0});
  const T* p = static_cast<const T*>(x);
  V total(T(0)), more(T(0));
  int64_t i = 0;
  for (; i + 2 * V::width <= n; i += 2 * V::width) {
    total += V::load(p + i);
    more += V::load(p + i + V::width);
  }
  for (; i < n; i += V::width) total += V::load(p + i, n - i);
  const T centre = sum_lanes(total + more) / T(n);
  V sum(T(0)), squares(T(0));
  for (i = 0; i + V::width <= n; i += V::width) {
    const V d = V::load(p + i) - V(centre);
    sum += d;
    squares = fma(d, d, squares);
  }
  double tail_sum = 0, tail_squares = 0;
  for (; i < n; ++i) {
    const double d = p[i] - centre;
    tail_sum += d;
    tail_squares += d * d;
  }
  *static_cast<Moments*>(state) =
      moments(double(centre), double(sum_lanes(sum)) + tail_sum,
              double(sum_lanes(squares)) + tail_squares, 1.0 / double(n));
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
