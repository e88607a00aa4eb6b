// The fused kernels against naive loops in double, and the same bits for every number of threads.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/parallel.h"
#include "kernels/attention.h"
#include "kernels/cross_entropy.h"
#include "kernels/embedding.h"
#include "kernels/gather.h"
#include "kernels/layer_norm.h"
#include "kernels/optimizers.h"
#include "kernels/softmax.h"

namespace izvod {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
template <class T>
using Array = std::vector<T>;

template <class T> struct Precision {
  static constexpr double unit = 0x1p-23;
};
template <> struct Precision<double> {
  static constexpr double unit = 0x1p-52;
};
template <> struct Precision<Half> {
  static constexpr double unit = 0x1p-10;
};
template <> struct Precision<BFloat16> {
  static constexpr double unit = 0x1p-7;
};
template <class T> struct Wide {
  using type = float;
};
template <> struct Wide<double> {
  using type = double;
};

template <class T>
double number(T x) {
  if constexpr (sizeof(T) == 2)
    return double(float(x));
  else
    return double(x);
}
template <class T>
T stored(double x) {
  if constexpr (sizeof(T) == 2)
    return T(float(x));
  else
    return T(x);
}

template <class T>
Array<T> random_array(int64_t n, std::mt19937& random, double scale = 1) {
  std::normal_distribution<double> normal(0, scale);
  Array<T> x(static_cast<size_t>(n), T(0));
  for (T& v : x) v = stored<T>(normal(random));
  return x;
}
template <class T>
Array<double> wide(const Array<T>& x) {
  Array<double> y;
  for (T v : x) y.push_back(number(v));
  return y;
}

// |got - want| <= factor * unit * (1 + |want|), nan where nan is wanted.
template <class T, class U>
void expect_near(const Array<T>& got, const Array<double>& want, double factor, const char* what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < got.size(); ++i) {
    const double g = number(got[i]), w = want[i];
    if (std::isnan(w) || std::isinf(w)) {
      ASSERT_TRUE(std::isnan(w) ? std::isnan(g) : g == w)
          << what << " at " << i << ": " << g << ", not " << w;
      continue;
    }
    ASSERT_LE(std::abs(g - w), factor * Precision<U>::unit * (1 + std::abs(w)))
        << what << " at " << i << ": " << g << ", not " << w;
  }
}

// The bits that run() returns do not depend on the number of threads.
template <class Run>
void expect_same_bits(Run run) {
  set_num_threads(1);
  const auto one = run();
  for (int threads : {2, 3}) {
    set_num_threads(threads);
    const auto many = run();
    ASSERT_EQ(one.size(), many.size());
    EXPECT_EQ(0, std::memcmp(one.data(), many.data(), one.size() * sizeof(one[0])))
        << threads << " threads";
  }
  set_num_threads(0);
}

template <class T>
class NnKernels : public testing::Test {};
using Floating = testing::Types<float, double, Half, BFloat16>;
TYPED_TEST_SUITE(NnKernels, Floating);

// ---- softmax

struct Slices {
  int64_t outer, n, inner;
  int64_t size() const { return outer * n * inner; }
  template <class F>
  void each(F f) const {  // f(offset of the slice's first element)
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) f(o * n * inner + i);
  }
};
const Slices slice_shapes[] = {{3, 5, 1},
                               {1, 1, 1},
                               {7, 64, 1},
                               {4, 1000, 1},
                               {2, 7, 9},
                               {3, 10, 200},
                               {1, 3, 128},
                               {0, 5, 1},
                               // short slices, transposed: odd sizes, groups that are not full
                               {67, 10, 1},
                               {131, 3, 1},
                               {9, 64, 1},
                               {70, 4, 5},
                               {1, 7, 9},
                               // columns: bands, pieces of rows, several rows read as one
                               {2, 300, 37},
                               {1, 270, 1100},
                               {2, 31, 1029},
                               {1, 101, 999},
                               {1, 40, 4500},
                               {1, 9000, 5}};

Array<double> naive_softmax(const Array<double>& x, const Slices& s, bool log) {
  Array<double> y(x.size());
  s.each([&](int64_t at) {
    double top = -inf;
    long double total = 0;
    for (int64_t r = 0; r < s.n; ++r) top = std::max(top, x[at + r * s.inner]);
    for (int64_t r = 0; r < s.n; ++r) total += std::exp(x[at + r * s.inner] - top);
    for (int64_t r = 0; r < s.n; ++r) {
      const double d = x[at + r * s.inner] - top;
      y[at + r * s.inner] = double(log ? d - std::log(total) : std::exp(d) / total);
    }
  });
  return y;
}

Array<double> naive_softmax_backward(const Array<double>& g, const Array<double>& y,
                                     const Slices& s, bool log) {
  Array<double> dx(y.size());
  s.each([&](int64_t at) {
    long double total = 0;
    for (int64_t r = 0; r < s.n; ++r)
      total += g[at + r * s.inner] * (log ? 1 : y[at + r * s.inner]);
    for (int64_t r = 0; r < s.n; ++r) {
      const int64_t i = at + r * s.inner;
      dx[i] = double(log ? g[i] - std::exp(y[i]) * total : y[i] * (g[i] - total));
    }
  });
  return dx;
}

TYPED_TEST(NnKernels, Softmax) {
  using T = TypeParam;
  std::mt19937 random(1);
  for (const Slices& s : slice_shapes)
    for (bool log : {false, true}) {
      const Array<T> x = random_array<T>(s.size(), random, 4),
                     g = random_array<T>(s.size(), random);
      Array<T> y(x.size(), T(0)), dx(x.size(), T(0));
      (log ? kernels::log_softmax : kernels::softmax)(dtype_of<T>, (void*)y.data(),
                                                      (const void*)x.data(), s.outer, s.n, s.inner);
      // Each addition to a sum near one is off by up to half a unit: long ones by more than the
      // exponentials are.
      expect_near<T, T>(y, naive_softmax(wide(x), s, log), s.n > 20 ? 6 : 4, "softmax");
      (log ? kernels::log_softmax_backward : kernels::softmax_backward)(
          dtype_of<T>, (void*)dx.data(), (const void*)g.data(), (const void*)y.data(), s.outer, s.n,
          s.inner);
      expect_near<T, T>(dx, naive_softmax_backward(wide(g), wide(y), s, log), 64,
                        "softmax_backward");
    }
}

// Whatever way slices take, short or long, rows or columns: what is not finite concerns its own
// slice, whose first elements may be -inf.
TEST(Softmax, SpecialValuesStayInTheirSlice) {
  const float i = float(inf), q = std::nanf("");
  for (const Slices& s : {Slices{9, 5, 1}, {9, 100, 1}, {9, 5, 7}, {2, 100, 9}, {1, 600, 9}}) {
    int64_t number = 0;
    Array<float> x(s.size(), 1.0f), y(x.size());
    s.each([&](int64_t at) {
      const float special[] = {-i, i, q, -i};
      const bool all = number % 4 == 0;
      for (int64_t r = 0; r < s.n; ++r)
        if (all || r < s.n / 2) x[at + r * s.inner] = special[number % 4];
      number += 1;
    });
    kernels::softmax(DType::Float32, (void*)y.data(), (const void*)x.data(), s.outer, s.n, s.inner);
    number = 0;
    s.each([&](int64_t at) {
      const bool finite = number++ % 4 == 3;
      for (int64_t r = 0; r < s.n; ++r) {
        const float found = y[at + r * s.inner];
        if (!finite)
          EXPECT_TRUE(std::isnan(found));
        else if (r < s.n / 2)
          EXPECT_EQ(found, 0);
        else
          EXPECT_NEAR(found, 1.0 / double(s.n - s.n / 2), 1e-7);
      }
    });
  }
}

TEST(Softmax, RowsWithoutFiniteMaximumAreNan) {
  const float i = float(inf), q = std::nanf("");
  const Array<float> x{-i, -i, -i, i, 0, 0, q, 0, 0, -i, 3, -i};
  Array<float> y(x.size());
  kernels::softmax(DType::Float32, (void*)y.data(), (const void*)x.data(), int64_t(4), int64_t(3),
                   int64_t(1));
  for (int k = 0; k < 9; ++k) EXPECT_TRUE(std::isnan(y[k])) << k;
  EXPECT_EQ(y[9], 0);
  EXPECT_EQ(y[10], 1);
}

// ---- layer norm

struct NaiveNorm {
  Array<double> y, dx, dweight, dbias;
  NaiveNorm(const Array<double>& x, const Array<double>& w, const Array<double>& b,
            const Array<double>& g, int64_t n, double eps, bool centered)
      : y(x.size()), dx(x.size()), dweight(size_t(n)), dbias(size_t(n)) {
    for (size_t r = 0; r < x.size(); r += size_t(n)) {
      double mean = 0, square = 0, u = 0, uh = 0;
      for (int64_t i = 0; centered && i < n; ++i) mean += x[r + i] / double(n);
      for (int64_t i = 0; i < n; ++i) square += (x[r + i] - mean) * (x[r + i] - mean) / double(n);
      const double rstd = 1 / std::sqrt(square + eps);
      const auto h = [&](int64_t i) { return (x[r + i] - mean) * rstd; };
      for (int64_t i = 0; i < n; ++i) {
        y[r + i] = h(i) * w[i] + b[i];
        dweight[i] += g[r + i] * h(i);
        dbias[i] += g[r + i];
        u += centered ? g[r + i] * w[i] / double(n) : 0;
        uh += g[r + i] * w[i] * h(i) / double(n);
      }
      for (int64_t i = 0; i < n; ++i) dx[r + i] = rstd * (g[r + i] * w[i] - u - h(i) * uh);
    }
  }
};

TYPED_TEST(NnKernels, LayerNorm) {
  using T = TypeParam;
  using W = typename Wide<T>::type;
  std::mt19937 random(2);
  for (auto [rows, n] : {std::pair<int64_t, int64_t>{1, 9}, {5, 17}, {200, 128}, {3, 3000}, {0, 5}})
    for (bool centered : {true, false}) {
      const Array<T> x = random_array<T>(rows * n, random, 2), w = random_array<T>(n, random),
                     g = random_array<T>(rows * n, random);
      const Array<T> b = centered ? random_array<T>(n, random) : Array<T>(size_t(n), T(0));
      Array<T> y(x.size(), T(0)), dx(x.size(), T(0)), dw(size_t(n), T(0)), db(size_t(n), T(0));
      Array<W> mean(static_cast<size_t>(rows)), rstd(static_cast<size_t>(rows));
      if (centered)
        kernels::layer_norm(dtype_of<T>, (void*)y.data(), (void*)mean.data(), (void*)rstd.data(),
                            (const void*)x.data(), (const void*)w.data(), (const void*)b.data(),
                            rows, n, 1e-5);
      else
        kernels::rms_norm(dtype_of<T>, (void*)y.data(), (void*)rstd.data(), (const void*)x.data(),
                          (const void*)w.data(), rows, n, 1e-5);
      kernels::layer_norm_backward(dtype_of<T>, (void*)dx.data(), (void*)dw.data(),
                                   (void*)db.data(), (const void*)g.data(), (const void*)x.data(),
                                   centered ? (const void*)mean.data() : (const void*)nullptr,
                                   (const void*)rstd.data(), (const void*)w.data(), rows, n);
      const NaiveNorm naive(wide(x), wide(w), wide(b), wide(g), n, 1e-5, centered);
      expect_near<T, T>(y, naive.y, 16, "y");
      expect_near<T, T>(dx, naive.dx, 32, "dx");
      expect_near<T, T>(dw, naive.dweight, 128, "dweight");
      expect_near<T, T>(db, naive.dbias, 128, "dbias");
    }
}

// ---- losses

TYPED_TEST(NnKernels, CrossEntropy) {
  using T = TypeParam;
  using W = typename Wide<T>::type;
  std::mt19937 random(3);
  for (auto [rows, n] : {std::pair<int64_t, int64_t>{1, 1}, {5, 3}, {300, 65}, {3, 2000}})
    for (bool weighted : {false, true})
      for (double smoothing : {0.0, 0.1}) {
        const Array<T> x = random_array<T>(rows * n, random, 3), g = random_array<T>(rows, random);
        Array<T> weight = random_array<T>(n, random);
        for (T& w : weight) w = stored<T>(std::abs(number(w)));
        Array<int64_t> targets(static_cast<size_t>(rows));
        for (int64_t& t : targets) t = int64_t(random() % uint64_t(n));
        if (rows > 2) targets[1] = -100;
        const kernels::CrossEntropy problem{
            dtype_of<T>, rows,     n, x.data(), targets.data(), weighted ? weight.data() : nullptr,
            -100,        smoothing};
        Array<T> loss(size_t(rows), T(0)), dx(x.size(), T(0));
        Array<W> state(static_cast<size_t>(2 * rows));
        kernels::LossSums sums{};
        ASSERT_EQ(-1,
                  kernels::cross_entropy(&problem, (void*)loss.data(), (void*)state.data(), &sums));
        kernels::cross_entropy_backward(&problem, (void*)dx.data(), (const void*)g.data(),
                                        int64_t(1), 0.5, (const void*)state.data());

        const Array<double> log_p = naive_softmax(wide(x), {rows, n, 1}, true);
        Array<double> losses(static_cast<size_t>(rows)), grads(x.size());
        double total = 0, weights = 0;
        const auto w = [&](int64_t c) { return weighted ? number(weight[c]) : 1.0; };
        for (int64_t r = 0; r < rows; ++r) {
          if (targets[r] == -100) continue;
          for (int64_t c = 0; c < n; ++c) {
            const double share =
                smoothing / double(n) * w(c) + (c == targets[r] ? (1 - smoothing) * w(c) : 0);
            losses[r] -= share * log_p[r * n + c];
            for (int64_t k = 0; k < n; ++k)
              grads[r * n + k] +=
                  0.5 * number(g[r]) * share * (std::exp(log_p[r * n + k]) - (k == c));
          }
          total += losses[r];
          weights += w(targets[r]);
        }
        expect_near<T, T>(loss, losses, 8, "loss");
        expect_near<T, T>(dx, grads, 16, "dlogits");
        EXPECT_NEAR(sums.loss, total, 1e-4 * (1 + total));
        EXPECT_NEAR(sums.weight, weights, 1e-4 * (1 + weights));

        targets.back() = n;
        EXPECT_EQ(rows - 1,
                  kernels::cross_entropy(&problem, (void*)loss.data(), (void*)state.data(), &sums));
      }
}

TYPED_TEST(NnKernels, NllLoss) {
  using T = TypeParam;
  std::mt19937 random(4);
  const int64_t outer = 3, n = 5, inner = 4;
  const Array<T> x = random_array<T>(outer * n * inner, random),
                 g = random_array<T>(outer * inner, random);
  const Array<T> weight = random_array<T>(n, random);
  Array<int64_t> targets(static_cast<size_t>(outer * inner));
  for (int64_t& t : targets) t = int64_t(random() % n);
  targets[2] = 7;
  kernels::NllLoss problem{dtype_of<T>, outer, n, inner, targets.data(), weight.data(), 7};
  Array<T> loss(targets.size(), T(0)), dx(x.size(), T(1));
  kernels::LossSums sums{};
  ASSERT_EQ(-1, kernels::nll_loss(&problem, (void*)loss.data(), (const void*)x.data(), &sums));
  kernels::nll_loss_backward(&problem, (void*)dx.data(), (const void*)g.data(), int64_t(1), 2.0);
  Array<double> losses(targets.size()), grads(x.size());
  for (int64_t i = 0; i < outer * inner; ++i) {
    if (targets[i] == 7) continue;
    const int64_t at = (i / inner * n + targets[i]) * inner + i % inner;
    losses[i] = -number(weight[targets[i]]) * number(x[at]);
    grads[at] = -2 * number(weight[targets[i]]) * number(g[i]);
  }
  expect_near<T, T>(loss, losses, 2, "loss");
  expect_near<T, T>(dx, grads, 2, "dx");
  problem.ignore_index = -100;
  EXPECT_EQ(2, kernels::nll_loss(&problem, (void*)loss.data(), (const void*)x.data(), &sums));
}

// ---- embedding

TYPED_TEST(NnKernels, Embedding) {
  using T = TypeParam;
  std::mt19937 random(5);
  for (auto [rows, n, count] :
       {std::array<int64_t, 3>{65, 33, 700}, {50, 7, 3}, {1, 3, 0}, {5, 1, 100}})
    for (auto [padding, by_frequency] :
         {std::pair<int64_t, bool>{-1, false}, {0, false}, {0, true}}) {
      const Array<T> weight = random_array<T>(rows * n, random),
                     g = random_array<T>(count * n, random);
      Array<int64_t> index(static_cast<size_t>(count));
      for (int64_t& i : index) i = int64_t(random() % uint64_t(rows));
      Array<T> y(g.size(), T(0)), dweight(weight.size(), T(9)), from_zeros(weight.size(), T(0));
      const kernels::View out{y.data(), dtype_of<T>, {count, n}, {n, 1}},
          from{(void*)weight.data(), dtype_of<T>, {count, n}, {0, 1}},
          places{index.data(), DType::Int64, {count, n}, {1, 0}};
      ASSERT_TRUE(kernels::take(out, from, places, n, rows));
      kernels::embedding_backward(dtype_of<T>, (void*)dweight.data(), (const void*)g.data(),
                                  (const int64_t*)index.data(), count, rows, n, padding,
                                  by_frequency, false);
      kernels::embedding_backward(dtype_of<T>, (void*)from_zeros.data(), (const void*)g.data(),
                                  (const int64_t*)index.data(), count, rows, n, padding,
                                  by_frequency, true);
      EXPECT_EQ(0, std::memcmp(from_zeros.data(), dweight.data(), dweight.size() * sizeof(T)));
      Array<double> rows_read(g.size()), sums(weight.size());
      Array<int64_t> counts(static_cast<size_t>(rows));
      for (int64_t i : index) ++counts[i];
      for (int64_t i = 0; i < count * n; ++i) {
        rows_read[i] = number(weight[index[i / n] * n + i % n]);
        if (index[i / n] != padding)
          sums[index[i / n] * n + i % n] +=
              number(g[i]) / (by_frequency ? double(counts[index[i / n]]) : 1);
      }
      expect_near<T, T>(y, rows_read, 0, "rows");
      expect_near<T, T>(dweight, sums, 32, "dweight");
      if (count > 3)
        for (int64_t wrong : {int64_t(-1), rows}) {
          index[3] = wrong;
          EXPECT_FALSE(kernels::take(out, from, places, n, rows));
        }
    }
}

// ---- optimizers

TYPED_TEST(NnKernels, SgdStep) {
  using T = TypeParam;
  std::mt19937 random(6);
  for (bool first : {true, false})
    for (bool nesterov : {true, false}) {
      Array<T> p = random_array<T>(20011, random), b = random_array<T>(20011, random);
      const Array<T> g = random_array<T>(20011, random);
      const kernels::SgdOptions o{0.1, 0.9, nesterov ? 0 : 0.2, 0.01, nesterov, true};
      Array<double> ps, bs;
      for (size_t i = 0; i < p.size(); ++i) {
        const double d = -number(g[i]) + 0.01 * number(p[i]);
        bs.push_back(first ? d : 0.9 * number(b[i]) + (1 - o.dampening) * d);
        ps.push_back(number(p[i]) - 0.1 * (nesterov ? d + 0.9 * bs[i] : bs[i]));
      }
      const kernels::ParamSlot slot{
          dtype_of<T>, int64_t(p.size()), p.data(), g.data(), {b.data()}, 1, first};
      kernels::sgd_step(&slot, int64_t(1), &o);
      expect_near<T, T>(p, ps, 4, "param");
      expect_near<T, T>(b, bs, 4, "buffer");
    }
}

TYPED_TEST(NnKernels, AdamStep) {
  using T = TypeParam;
  std::mt19937 random(7);
  for (bool amsgrad : {true, false})
    for (bool decoupled : {true, false}) {
      const kernels::AdamOptions o{0.01, 0.9, 0.99, 1e-8, 0.1, amsgrad, false, decoupled};
      Array<Array<T>> p, g, m, v, largest;
      Array<kernels::ParamSlot> slots;
      for (int64_t n : {1, 7, 20011, 0, 300}) {
        for (auto* list : {&p, &g, &m, &v, &largest}) list->push_back(random_array<T>(n, random));
        for (T& x : v.back()) x = stored<T>(std::abs(number(x)));
      }
      Array<Array<double>> want(p.size());
      for (size_t k = 0; k < p.size(); ++k) {
        slots.push_back({dtype_of<T>,
                         int64_t(p[k].size()),
                         p[k].data(),
                         g[k].data(),
                         {m[k].data(), v[k].data(), largest[k].data()},
                         double(k + 1)});
        for (size_t i = 0; i < p[k].size(); ++i) {
          const double x = number(p[k][i]) * (decoupled ? 1 - 0.001 : 1);
          const double d = number(g[k][i]) + (decoupled ? 0 : 0.1 * x);
          const double mean = 0.9 * number(m[k][i]) + 0.1 * d,
                       square = 0.99 * number(v[k][i]) + 0.01 * d * d;
          const double divisor = amsgrad ? std::max(square, number(largest[k][i])) : square;
          const double t = double(k + 1), root = std::sqrt(divisor / (1 - std::pow(0.99, t)));
          want[k].push_back(x - 0.01 / (1 - std::pow(0.9, t)) * mean / (root + 1e-8));
        }
      }
      kernels::adam_step((const kernels::ParamSlot*)slots.data(), int64_t(slots.size()), &o);
      for (size_t k = 0; k < p.size(); ++k) expect_near<T, T>(p[k], want[k], 32, "param");
    }
}

TYPED_TEST(NnKernels, NormsAndScaling) {
  using T = TypeParam;
  std::mt19937 random(8);
  Array<Array<T>> xs;
  Array<kernels::Slot> slots;
  for (int64_t n : {1, 40000, 0, 17}) xs.push_back(random_array<T>(n, random));
  for (Array<T>& x : xs) slots.push_back({dtype_of<T>, int64_t(x.size()), x.data()});
  Array<double> squares(xs.size());
  kernels::foreach_sum_squares((const kernels::Slot*)slots.data(), int64_t(slots.size()),
                               squares.data());
  for (size_t k = 0; k < xs.size(); ++k) {
    double sum = 0;
    for (T x : xs[k]) sum += number(x) * number(x);
    EXPECT_NEAR(squares[k], sum, 1e-12 * sum);
  }
  const Array<double> before = wide(xs[1]);
  kernels::foreach_scale((const kernels::Slot*)slots.data(), int64_t(slots.size()), 0.25);
  for (size_t i = 0; i < before.size(); ++i)
    ASSERT_EQ(number(xs[1][i]), number(stored<T>(before[i] * 0.25)));
}

// ---- attention

enum class MaskKind { None, Bool, Additive };

// Operands as (batch, rows, heads, width) in memory, so that heads are strided.
template <class T>
struct AttentionCase {
  using W = typename Wide<T>::type;
  int64_t batch, heads, queries, keys, width, value_width;
  bool causal, dropout;
  MaskKind mask_kind;
  Array<T> q, k, v, g, out, dq, dk, dv, mask;
  Array<uint8_t> seen, keep;  // seen stands for a bool mask
  Array<W> lse;
  static constexpr double scale = 0.3, keep_scale = 1.25;

  AttentionCase(std::array<int64_t, 6> s, bool causal, bool dropout, MaskKind mask_kind,
                std::mt19937& random)
      : batch(s[0]),
        heads(s[1]),
        queries(s[2]),
        keys(s[3]),
        width(s[4]),
        value_width(s[5]),
        causal(causal),
        dropout(dropout),
        mask_kind(mask_kind),
        q(random_array<T>(batch * heads * queries * width, random)),
        k(random_array<T>(batch * heads * keys * width, random)),
        v(random_array<T>(batch * heads * keys * value_width, random)),
        g(random_array<T>(batch * heads * queries * value_width, random)),
        out(g),
        dq(q),
        dk(k),
        dv(v),
        mask(random_array<T>(queries * keys, random)),
        seen(size_t(queries * keys)),
        keep(size_t(batch * heads * queries * keys)),
        lse(size_t(batch * heads * queries)) {
    for (auto& x : seen) x = random() % 3 != 0;
    for (int64_t i = 0; i < keys; ++i) seen[i] = 0;  // the first query sees nothing
    for (auto& x : keep) x = random() % 5 != 0;
  }
  kernels::HeadRows rows(const Array<T>& x, int64_t n, int64_t w) const {
    return {const_cast<T*>(x.data()), n * heads * w, w, heads * w};
  }
  void run() {
    kernels::Attention p{dtype_of<T>,
                         batch,
                         heads,
                         queries,
                         keys,
                         width,
                         value_width,
                         scale,
                         causal,
                         rows(q, queries, width),
                         rows(k, keys, width),
                         rows(v, keys, value_width),
                         rows(out, queries, value_width)};
    if (mask_kind != MaskKind::None) {
      p.mask = mask_kind == MaskKind::Bool ? (const void*)seen.data() : (const void*)mask.data();
      p.mask_dtype = mask_kind == MaskKind::Bool ? DType::Bool : dtype_of<T>;
      p.mask_strides[2] = keys;
      p.mask_strides[3] = 1;
    }
    if (dropout) p.keep = keep.data(), p.keep_scale = keep_scale;
    kernels::attention(&p, (void*)lse.data());
    const auto gr = rows(g, queries, value_width), dqr = rows(dq, queries, width),
               dkr = rows(dk, keys, width), dvr = rows(dv, keys, value_width);
    kernels::attention_backward(&p, (const void*)lse.data(), &gr, &dqr, &dkr, &dvr);
  }

  int64_t at(int64_t b, int64_t h, int64_t i, int64_t rows, int64_t w) const {
    return ((b * rows + i) * heads + h) * w;
  }
  double score(int64_t b, int64_t h, int64_t i, int64_t j) const {
    double s = 0;
    for (int64_t e = 0; e < width; ++e)
      s += number(q[at(b, h, i, queries, width) + e]) * number(k[at(b, h, j, keys, width) + e]);
    s *= scale;
    if (mask_kind == MaskKind::Additive) s += number(mask[i * keys + j]);
    const bool hidden = (causal && j > i) || (mask_kind == MaskKind::Bool && !seen[i * keys + j]);
    return hidden ? -inf : s;
  }
  void check() const {
    Array<double> want(out.size()), wdq(q.size()), wdk(k.size()), wdv(v.size());
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < queries; ++i) {
          Array<double> p(static_cast<size_t>(keys)), dp(p);
          double top = -inf, total = 0, along = 0;
          for (int64_t j = 0; j < keys; ++j) top = std::max(top, p[j] = score(b, h, i, j));
          for (double& x : p) total += x = std::exp(x - (top == -inf ? 0 : top));
          const int64_t o = at(b, h, i, queries, value_width), qi = at(b, h, i, queries, width);
          for (int64_t j = 0; j < keys; ++j) {
            p[j] = total == 0 ? 0 : p[j] / total;
            const double kept =
                dropout ? keep[((b * heads + h) * queries + i) * keys + j] * keep_scale : 1;
            const int64_t vj = at(b, h, j, keys, value_width);
            for (int64_t e = 0; e < value_width; ++e) {
              want[o + e] += p[j] * kept * number(v[vj + e]);
              wdv[vj + e] += p[j] * kept * number(g[o + e]);
              dp[j] += kept * number(g[o + e]) * number(v[vj + e]);
            }
            along += p[j] * dp[j];
          }
          for (int64_t j = 0; j < keys; ++j)
            for (int64_t e = 0; e < width; ++e) {
              const int64_t kj = at(b, h, j, keys, width);
              wdq[qi + e] += scale * p[j] * (dp[j] - along) * number(k[kj + e]);
              wdk[kj + e] += scale * p[j] * (dp[j] - along) * number(q[qi + e]);
            }
        }
    expect_near<T, T>(out, want, 24, "out");
    expect_near<T, T>(dq, wdq, 64, "dq");
    expect_near<T, T>(dk, wdk, 64, "dk");
    expect_near<T, T>(dv, wdv, 64, "dv");
  }
};

TYPED_TEST(NnKernels, Attention) {
  std::mt19937 random(9);
  for (std::array<int64_t, 6> s : {std::array<int64_t, 6>{1, 1, 1, 1, 1, 1},
                                   {2, 3, 64, 64, 32, 32},
                                   {1, 2, 65, 63, 20, 24},
                                   {1, 1, 7, 130, 33, 8},
                                   {1, 2, 40, 520, 8, 3},
                                   {1, 3, 1, 300, 64, 64},
                                   {2, 2, 3, 70, 33, 130},
                                   {1, 8, 17, 5, 16, 16}})
    for (bool causal : {false, true})
      for (bool dropout : {false, true})
        for (MaskKind mask : {MaskKind::None, MaskKind::Bool, MaskKind::Additive}) {
          AttentionCase<TypeParam> c(s, causal, dropout, mask, random);
          c.run();
          c.check();
          if (this->HasFatalFailure()) return;
        }
}

// ---- threads

TEST(NnThreads, BitsDoNotDependOnThem) {
  std::mt19937 random(10);
  const int64_t rows = 3000, n = 200;
  const Array<float> x = random_array<float>(rows * n, random),
                     g = random_array<float>(rows * n, random), w = random_array<float>(n, random);
  Array<int64_t> targets(static_cast<size_t>(rows));
  for (int64_t& t : targets) t = int64_t(random() % n);
  // Rows, short rows, bands of columns, tall columns in pieces, of which narrow ones are folded.
  for (const Slices& s :
       {Slices{rows, n, 1}, {rows * 20, 10, 1}, {3, n, rows / 3}, {1, rows, n}, {1, rows * 20, 10}})
    for (bool log : {false, true})
      expect_same_bits([&] {
        Array<float> y(x.size()), dx(x.size());
        (log ? kernels::log_softmax : kernels::softmax)(
            DType::Float32, (void*)y.data(), (const void*)x.data(), s.outer, s.n, s.inner);
        (log ? kernels::log_softmax_backward : kernels::softmax_backward)(
            DType::Float32, (void*)dx.data(), (const void*)g.data(), (const void*)y.data(), s.outer,
            s.n, s.inner);
        y.insert(y.end(), dx.begin(), dx.end());
        return y;
      });
  expect_same_bits([&] {
    Array<float> y(x.size()), mean(rows), rstd(rows), grads(2 * n);
    kernels::layer_norm(DType::Float32, (void*)y.data(), (void*)mean.data(), (void*)rstd.data(),
                        (const void*)x.data(), (const void*)w.data(), (const void*)nullptr, rows, n,
                        1e-5);
    kernels::layer_norm_backward(DType::Float32, (void*)y.data(), (void*)grads.data(),
                                 (void*)(grads.data() + n), (const void*)g.data(),
                                 (const void*)x.data(), (const void*)mean.data(),
                                 (const void*)rstd.data(), (const void*)w.data(), rows, n);
    y.insert(y.end(), grads.begin(), grads.end());
    return y;
  });
  expect_same_bits([&] {
    const kernels::CrossEntropy p{DType::Float32, rows, n, x.data(), targets.data()};
    Array<float> state(2 * rows), dx(x.size());
    kernels::LossSums sums{};
    kernels::cross_entropy(&p, (void*)nullptr, (void*)state.data(), &sums);
    kernels::cross_entropy_backward(&p, (void*)dx.data(), (const void*)g.data(), int64_t(0), 1.0,
                                    (const void*)state.data());
    dx.push_back(float(sums.loss));
    return dx;
  });
  expect_same_bits([&] {
    Array<float> dweight(static_cast<size_t>(n * n));
    kernels::embedding_backward(DType::Float32, (void*)dweight.data(), (const void*)g.data(),
                                (const int64_t*)targets.data(), rows, n, n, int64_t(-1), false,
                                false);
    return dweight;
  });
  expect_same_bits([&] {
    Array<double> square(1);
    const kernels::Slot slot{DType::Float32, int64_t(x.size()), (void*)x.data()};
    kernels::foreach_sum_squares(&slot, int64_t(1), square.data());
    return square;
  });
  for (std::array<int64_t, 6> s :
       {std::array<int64_t, 6>{2, 6, 150, 150, 16, 16}, {1, 2, 70, 600, 16, 8}})
    expect_same_bits([&] {
      std::mt19937 again(11);
      AttentionCase<float> c(s, false, false, MaskKind::None, again);
      c.run();
      for (const auto& part : {c.dq, c.dk, c.dv})
        c.out.insert(c.out.end(), part.begin(), part.end());
      return c.out;
    });
}

}  // namespace
}  // namespace izvod
