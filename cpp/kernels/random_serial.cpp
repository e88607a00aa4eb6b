// Samplers that draw until they are content: one value after the other, in double.
#include <limits>

#include "base/parallel.h"
#include "kernels/random.h"
#include "kernels/random_fill.h"
#include "kernels/rows.h"

namespace izvod::kernels::IZVOD_ISA {

// Below 10 by multiplying uniforms (Knuth), else by transformed rejection (PTRS): W. Hörmann, "The
// transformed rejection method for generating Poisson random variables", Insurance: Mathematics and
// Economics 12 (1993).
static double one_poisson(double rate, Generator* g) {
  if (rate == 0) return 0;
  if (rate < 10) {
    const double stop = std::exp(-rate);
    double count = 0;
    for (double product = g->uniform(); product > stop; product *= g->uniform()) ++count;
    return count;
  }
  const double log_rate = std::log(rate), b = 0.931 + 2.53 * std::sqrt(rate),
               a = -0.059 + 0.02483 * b;
  const double inverse = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = g->uniform() - 0.5, v = g->uniform(), us = 0.5 - std::fabs(u);
    const double k = double(int64_t(std::floor((2 * a / us + b) * u + rate + 0.43)));
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v) + std::log(inverse) - std::log(a / (us * us) + b) <=
        -rate + k * log_rate - std::lgamma(k + 1))
      return k;
  }
}

// G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000).
// Arithmetic on alpha alone is in its own type T.
template <class T>
static T one_gamma(T alpha, Generator* g) {
  constexpr T tiny = std::numeric_limits<T>::min();
  double scale = 1;
  if (alpha < 1) {
    if (alpha == 0) return tiny;
    scale = std::pow(1 - g->uniform(), double(1 / alpha));
    alpha += 1;
  }
  const double d = T(alpha - T(1.0f / 3.0f)), c = 1 / std::sqrt(9 * d);
  for (;;) {
    double x, y;
    do {
      x = one_normal(g);
      y = 1 + c * x;
    } while (y <= 0);
    const double v = y * y * y, u = 1 - g->uniform(), xx = x * x;
    if (u < 1 - double(0.0331f) * xx * xx || std::log(u) < 0.5 * xx + d * (1 - v + std::log(v)))
      return std::max(tiny, T(scale * d * v));
  }
}

// The rest of Stirling's series for log(k!), tabulated where the series is short of digits.
static double stirling_tail(double k) {
  constexpr double table[] = {0.0810614667953272,  0.0413406959554092, 0.0276779256849983,
                              0.02079067210376509, 0.0166446911898211, 0.0138761288230707,
                              0.0118967099458917,  0.0104112652619720, 0.00925546218271273,
                              0.00833056343336287};
  if (k <= 9) return table[int(k)];
  const double q = (k + 1) * (k + 1);
  return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / q) / q) / (k + 1);
}

// Few successes: sums of geometric waiting times (L. Devroye, "Non-uniform random variate
// generation", X.4).
static double binomial_by_waiting(double n, double p, Generator* g) {
  const double scale = std::log1p(-p);
  double sum = 0, k = 0;
  for (;; ++k) {
    sum += std::ceil(std::log(g->uniform()) / scale);
    if (sum > n) return k;
  }
}

// BTRS: W. Hörmann, "The generation of binomial random variates", J. Stat. Comput. Simul. 46
// (1993).
static double binomial_by_rejection(double n, double p, Generator* g) {
  const double deviation = std::sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * deviation;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p, c = n * p + 0.5, v_r = 0.92 - 4.2 / b,
               r = p / (1 - p);
  const double alpha = (2.83 + 5.1 / b) * deviation, m = std::floor((n + 1) * p);
  for (;;) {
    const double u = g->uniform() - 0.5, v = g->uniform(), us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + c);
    if (k < 0 || k > n) continue;
    if (us >= 0.07 && v <= v_r) return k;
    const double bound = (m + 0.5) * std::log((m + 1) / (r * (n - m + 1))) +
                         (n + 1) * std::log((n - m + 1) / (n - k + 1)) +
                         (k + 0.5) * std::log(r * (n - k + 1) / (k + 1)) + stirling_tail(m) +
                         stirling_tail(n - m) - stirling_tail(k) - stirling_tail(n - k);
    if (std::log(v * alpha / (a / (us * us) + b)) <= bound) return k;
  }
}

static double one_binomial(double n, double p, Generator* g) {
  if (std::isnan(n) || std::isnan(p)) return n + p;
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - one_binomial(n, 1 - p, g);
  return n * p >= 10 ? binomial_by_rejection(n, p, g) : binomial_by_waiting(n, p, g);
}

static void poisson(void* out, const void* rate, DType dtype, int64_t n, Generator* g) {
  const Generator::Hold hold(g);
  visit_floating(dtype, [&]<class T>(Type<T>) {
    for (int64_t i = 0; i < n; ++i)
      static_cast<T*>(out)[i] = element<T>(one_poisson(double(static_cast<const T*>(rate)[i]), g));
  });
}

// The sum in the order in which torch adds a row of doubles: 16 partial sums of every 16th value
// (four vectors of four lanes), with a cascade of sums of sums for long rows. The quotients of
// dirichlet depend on it.
static double row_sum(const double* x, int64_t n) {
  constexpr int lanes = 4, vectors = 4, wide = lanes * vectors, levels = 4;
  double sums[levels][wide] = {};
  const int64_t steps = n / wide;
  int log_steps = 0;
  while ((int64_t(1) << log_steps) < steps) ++log_steps;
  const int power = std::max(4, log_steps / levels);
  const int64_t in_cascade = steps >> power << power;
  for (int64_t i = 0; i < steps; ++i) {
    for (int k = 0; k < wide; ++k) sums[0][k] += x[i * wide + k];
    for (int level = 1; level < levels; ++level) {
      if (i >= in_cascade || (i + 1) % (int64_t(1) << (level * power))) break;
      for (int k = 0; k < wide; ++k) {
        sums[level][k] += sums[level - 1][k];
        sums[level - 1][k] = 0;
      }
    }
  }
  for (int level = 1; level < levels; ++level)
    for (int k = 0; k < wide; ++k) sums[0][k] += sums[level][k];
  int64_t i = steps * wide;
  for (; i + lanes <= n; i += lanes)
    for (int k = 0; k < lanes; ++k) sums[0][k] += x[i + k];
  for (int v = 1; v < vectors; ++v)
    for (int k = 0; k < lanes; ++k) sums[0][k] += sums[0][v * lanes + k];
  double total = 0;
  for (; i < n; ++i) total += x[i];
  for (int k = 0; k < lanes; ++k) total += sums[0][k];
  return total;
}

template <class F>
static void visit_real(DType t, F f) {
  t == DType::Float64 ? f(Type<double>{}) : f(Type<float>{});
}

static void standard_gamma(void* out, const void* alpha, DType dtype, int64_t n, Generator* g) {
  const Generator::Hold hold(g);
  visit_real(dtype, [&]<class T>(Type<T>) {
    for (int64_t i = 0; i < n; ++i)
      static_cast<T*>(out)[i] = one_gamma(static_cast<const T*>(alpha)[i], g);
  });
}

static void binomial(void* out, const void* count, const void* p, DType dtype, int64_t n,
                     Generator* g) {
  const Generator::Hold hold(g);
  visit_real(dtype, [&]<class T>(Type<T>) {
    for (int64_t i = 0; i < n; ++i)
      static_cast<T*>(out)[i] =
          T(one_binomial(static_cast<const T*>(count)[i], static_cast<const T*>(p)[i], g));
  });
}

static void dirichlet(void* out, const void* alpha, DType dtype, int64_t rows, int64_t cols,
                      Generator* g) {
  const Generator::Hold hold(g);
  visit_real(dtype, [&]<class T>(Type<T>) {
    const T* a = static_cast<const T*>(alpha);
    T* to = static_cast<T*>(out);
    const T least = std::numeric_limits<T>::min(), most = std::nextafter(T(1), T(0));
    double* row = new double[size_t(cols)];
    for (int64_t r = 0; r < rows; ++r, a += cols, to += cols) {
      for (int64_t i = 0; i < cols; ++i) row[i] = one_gamma<double>(a[i], g);
      const double sum = row_sum(row, cols);
      for (int64_t i = 0; i < cols; ++i) to[i] = std::min(most, std::max(least, T(row[i] / sum)));
    }
    delete[] row;
  });
}

static void rrelu(void* y, void* noise, const void* x, DType dtype, int64_t n, Generator* g,
                  double lower, double upper) {
  const Generator::Hold hold(g);
  visit_floating(dtype, [&]<class T>(Type<T>) {
    using Real = std::conditional_t<std::is_same_v<T, double>, double, float>;
    const double low = Real(lower), range = double(Real(upper)) - low;
    for (int64_t i = 0; i < n; ++i) {
      const T v = static_cast<const T*>(x)[i];
      const Real slope = v <= 0 ? Real(g->uniform() * range + low) : Real(1);
      static_cast<T*>(noise)[i] = T(slope);
      static_cast<T*>(y)[i] = T(v * slope);  // by the slope as it was before rounding to T
    }
  });
}

// Durstenfeld's shuffle; for sizes beyond what 32 bits can choose from without bias, its inside-out
// form.
static constexpr int64_t small_permutation = 0xffffffff / 20;

static void randperm(void* out, DType dtype, int64_t n, Generator* g) {
  const Generator::Hold hold(g);
  visit(dtype, [&]<class T>(Type<T>) {
    T* r = static_cast<T*>(out);
    if (n >= small_permutation) {
      for (int64_t i = 0; i < n; ++i) {
        const int64_t z = int64_t(g->draw64() % uint64_t(i + 1));
        r[i] = r[z];
        r[z] = T(i);
      }
      return;
    }
    for (int64_t i = 0; i < n; ++i) r[i] = T(i);
    uint32_t words[1024];
    for (int64_t begin = 0; begin < n - 1; begin += 1024) {
      const int64_t m = std::min<int64_t>(1024, n - 1 - begin);
      g->draw(words, m);
      for (int64_t i = begin; i < begin + m; ++i)
        std::swap(r[i], r[i + words[i - begin] % uint32_t(n - i)]);
    }
  });
}

// The first index whose running share of the weights reaches a uniform draw.
static void multinomial_replace(int64_t* out, const void* p, DType dtype, int64_t rows,
                                int64_t cols, int64_t samples, Generator* g) {
  const Generator::Hold hold(g);
  visit_floating(dtype, [&]<class T>(Type<T>) {
    using Real = std::conditional_t<std::is_same_v<T, double>, double, float>;
    const T* weights = static_cast<const T*>(p);
    Real* share = new Real[size_t(cols)];
    for (int64_t r = 0; r < rows; ++r, weights += cols, out += samples) {
      Real sum = 0;
      for (int64_t i = 0; i < cols; ++i) share[i] = sum += Real(weights[i]);
      for (int64_t i = 0; i < cols; ++i) share[i] /= sum;
      share[cols - 1] = 1;
      for (int64_t k = 0; k < samples; ++k) {
        const double u = g->uniform();
        int64_t first = 0, last = cols;  // the answer is in [first, last)
        while (first < last) {
          const int64_t middle = first + (last - first) / 2;
          if (double(share[middle]) < u)
            first = middle + 1;
          else
            last = middle;
        }
        out[k] = first;
      }
    }
    delete[] share;
  });
}

static bool all_between(const View& x, double low, double high) {
  const Loop<1> loop({&x});
  const int64_t step = loop.strides[0].back();
  bool all = true;
  visit_floating(x.dtype, [&]<class T>(Type<T>) {
    parallel_for(loop.numel(), run_grain, [&](int64_t begin, int64_t end) {
      bool here = true;
      for_runs(loop, begin, end, [&](const std::array<int64_t, 1>& at, int64_t n) {
        const T* p = x.ptr<T>() + at[0];
        if (step == 1)
          for (int64_t i = 0; i < n; ++i) here &= p[i] >= low && p[i] <= high;
        else
          for (int64_t i = 0; i < n; ++i) here &= p[i * step] >= low && p[i * step] <= high;
      });
      if (!here) __atomic_store_n(&all, false, __ATOMIC_RELAXED);
    });
  });
  return all;
}

// Whether all weights of a row are finite and none is negative, and one is positive.
template <class T>
static bool makes_distribution(const T* weight, int64_t n) {
  using W = Compute<T>;
  int32_t faults = 0, positive = 0;  // not bool, whose loop would go number by number
  for (int64_t i = 0; i < n; ++i) {
    const W w = W(weight[i]);
    faults |= !(w >= 0) | (w == -minus_infinity<W>);
    positive |= w > 0;
  }
  return !faults && positive;
}

static WeightFault weight_fault(const void* p, DType dtype, int64_t rows, int64_t cols) {
  WeightFault fault = WeightFault::None;
  visit_floating(dtype, [&]<class T>(Type<T>) {
    const T* weight = static_cast<const T*>(p);
    for (int64_t r = 0; r < rows && fault == WeightFault::None; ++r, weight += cols) {
      if (makes_distribution(weight, cols)) continue;
      fault = WeightFault::ZeroSum;
      for (int64_t i = 0; i < cols && fault == WeightFault::ZeroSum; ++i)
        if (!(weight[i] >= 0))
          fault = WeightFault::Negative;
        else if (std::isinf(double(weight[i])))
          fault = WeightFault::NotFinite;
    }
  });
  return fault;
}

static const Offer offers[] = {
    {kernels::all_between, all_between},
    {kernels::weight_fault, weight_fault},
    {kernels::poisson, poisson},
    {kernels::standard_gamma, standard_gamma},
    {kernels::binomial, binomial},
    {kernels::dirichlet, dirichlet},
    {kernels::rrelu, rrelu},
    {kernels::randperm, randperm},
    {kernels::multinomial_replace, multinomial_replace},
};

}  // namespace izvod::kernels::IZVOD_ISA
