#include "kernels/reduce.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "base/parallel.h"

namespace izvod {
namespace {

using kernels::View;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

Dims dense_strides(const Dims& sizes, const Dims& order) {
  Dims strides(sizes.size());
  int64_t step = 1;
  for (int64_t d = sizes.size() - 1; d >= 0; --d) strides[order[d]] = step, step *= sizes[order[d]];
  return strides;
}
Dims row_major(int64_t n) {
  Dims order(n);
  for (int64_t d = 0; d < n; ++d) order[d] = d;
  return order;
}

// A tensor in memory order `order` (outermost first), filled by f(row-major index).
struct Tensor {
  std::vector<double> memory;
  View view;
  Tensor(const Dims& sizes, DType type, std::function<double(int64_t)> f = {}, Dims order = {})
      : view{nullptr, type, sizes,
             dense_strides(sizes, order.empty() ? row_major(sizes.size()) : order)} {
    memory.resize(size_t(view.numel()) + 1);
    view.data = memory.data();
    for (int64_t i = 0; f && i < view.numel(); ++i) set(i, f(i));
  }
  int64_t offset(int64_t i) const {
    int64_t at = 0;
    for (int64_t d = view.dim() - 1; d >= 0; --d)
      at += i % view.sizes[d] * view.strides[d], i /= view.sizes[d];
    return at;
  }
  double get(int64_t i) const {
    return visit(view.dtype, [&](auto t) {
      using T = typename decltype(t)::type;
      if constexpr (sizeof(T) == 2 && !std::is_integral_v<T>)
        return double(float(view.ptr<T>()[offset(i)]));
      else
        return double(view.ptr<T>()[offset(i)]);
    });
  }
  void set(int64_t i, double x) {
    visit(view.dtype, [&](auto t) {
      using T = typename decltype(t)::type;
      if constexpr (sizeof(T) == 2 && !std::is_integral_v<T>)
        view.ptr<T>()[offset(i)] = T(float(x));
      else if constexpr (std::is_same_v<T, bool>)
        view.ptr<T>()[offset(i)] = x != 0;
      else
        view.ptr<T>()[offset(i)] = T(x);
    });
  }
};

Dims reduced_sizes(const Dims& sizes, unsigned mask) {
  Dims out = sizes;
  for (int64_t d = 0; d < sizes.size(); ++d)
    if (mask >> d & 1) out[d] = 1;
  return out;
}

// The elements that meet in each element of `out`, in row-major order: what a naive reduction sees.
std::vector<std::vector<double>> fibres(const Tensor& in, const Dims& out_sizes) {
  int64_t total = 1;
  for (int64_t s : out_sizes) total *= s;
  std::vector<std::vector<double>> r(static_cast<size_t>(total));
  for (int64_t i = 0; i < in.view.numel(); ++i) {
    int64_t rest = i, at = 0, step = 1;
    for (int64_t d = in.view.dim() - 1; d >= 0; --d) {
      const int64_t index = rest % in.view.sizes[d];
      rest /= in.view.sizes[d];
      if (out_sizes[d] != 1) at += index * step;
      step *= out_sizes[d];
    }
    r[size_t(at)].push_back(in.get(i));
  }
  return r;
}

struct Case {
  Dims sizes, order;
};
const std::vector<Case> cases = {{{}, {}},
                                 {{1}, {0}},
                                 {{7}, {0}},
                                 {{3000}, {0}},
                                 {{5, 70}, {0, 1}},
                                 {{70, 5}, {0, 1}},
                                 {{33, 41}, {1, 0}},
                                 {{4, 130, 9}, {0, 1, 2}},
                                 {{6, 20, 11}, {2, 0, 1}},
                                 {{6, 20, 11}, {1, 2, 0}},
                                 {{2, 3, 4, 5}, {3, 1, 0, 2}},
                                 {{1100, 3}, {0, 1}},
                                 {{3, 1100}, {1, 0}},
                                 {{2, 1, 600}, {0, 1, 2}}};

void for_cases(DType type, std::function<double(int64_t)> fill,
               std::function<void(const Tensor&, const Dims& out_sizes)> test) {
  for (const Case& c : cases)
    for (unsigned mask = 0; mask < 1u << c.sizes.size(); ++mask) {
      SCOPED_TRACE(
          text("sizes ", c.sizes, " order ", c.order, " mask ", mask, " ", info(type).name));
      test(Tensor(c.sizes, type, fill, c.order), reduced_sizes(c.sizes, mask));
      if (::testing::Test::HasFatalFailure()) return;
    }
}

double noise(int64_t i) {
  std::minstd_rand engine(unsigned(i * 7919 + 13));
  return double(int(engine() % 2001) - 1000) / 256;
}
double digits(int64_t i) { return double(i * 7 % 11) - 3; }

using Naive = std::function<double(const std::vector<double>&)>;

bool same(double a, double b) { return a == b || (a != a && b != b); }

double naive_sum(const std::vector<double>& x) {
  long double s = 0;
  for (double v : x) s += v;
  return double(s);
}
double naive_best(const std::vector<double>& x, bool largest) {
  double best = x[0];
  for (double v : x)
    if (std::isnan(v) ? !std::isnan(best) : largest ? v > best : v < best) best = v;
  return best;
}
double naive_index(const std::vector<double>& x, bool largest) {
  const double best = naive_best(x, largest);
  for (size_t i = 0; i < x.size(); ++i)
    if (x[i] == best || (std::isnan(x[i]) && std::isnan(best))) return double(i);
  return -1;
}

void check_reduction(kernels::Reduction& kernel, DType in_type, DType out_type,
                     std::function<double(int64_t)> fill, Naive naive, double tolerance) {
  for_cases(in_type, fill, [&](const Tensor& in, const Dims& out_sizes) {
    Tensor out(out_sizes, out_type);
    kernel(out.view, in.view);
    const auto want = fibres(in, out_sizes);
    for (size_t i = 0; i < want.size(); ++i) {
      const double w = naive(want[i]), got = out.get(int64_t(i));
      if (std::isnan(w))
        ASSERT_TRUE(std::isnan(got)) << i;
      else
        ASSERT_NEAR(got, w, tolerance * (1 + std::abs(w))) << "element " << i;
    }
  });
}

TEST(Reduce, Sum) {
  for (DType type : {DType::Float32, DType::Float64, DType::Float16, DType::BFloat16})
    check_reduction(kernels::sum, type, type, noise, naive_sum,
                    type == DType::Float64   ? 1e-14
                    : type == DType::Float32 ? 1e-5
                                             : 1e-2);
  for (DType type : {DType::Bool, DType::UInt8, DType::Int8, DType::Int32, DType::Int64})
    check_reduction(kernels::sum, type, DType::Int64, digits, naive_sum, 0);
  check_reduction(kernels::sum, DType::Float32, DType::Float64, noise, naive_sum, 1e-14);
}

TEST(Reduce, MeanProdNormCount) {
  check_reduction(
      kernels::mean, DType::Float32, DType::Float32, noise,
      [](auto& x) { return naive_sum(x) / double(x.size()); }, 1e-5);
  check_reduction(
      kernels::prod, DType::Float64, DType::Float64, [](int64_t i) { return 1 + noise(i) / 1000; },
      [](auto& x) {
        double p = 1;
        for (double v : x) p *= v;
        return p;
      },
      1e-11);
  for (DType type : {DType::Float32, DType::Bool, DType::Int16}) {
    const auto count = [](auto& x) {
      double n = 0;
      for (double v : x) n += v != 0;
      return n;
    };
    check_reduction(kernels::count_nonzero, type, DType::Int64, digits, count, 0);
    check_reduction(
        kernels::any, type, DType::Bool, digits, [&](auto& x) { return count(x) != 0; }, 0);
    check_reduction(
        kernels::all, type, DType::Bool, digits,
        [&](auto& x) { return count(x) == double(x.size()); }, 0);
  }
  for (double p : {0.0, 1.0, 2.0, 3.0, 0.5, inf, -inf})
    for_cases(DType::Float32, noise, [&](const Tensor& in, const Dims& out_sizes) {
      Tensor out(out_sizes, DType::Float32);
      kernels::norm(out.view, in.view, p);
      const auto want = fibres(in, out_sizes);
      for (size_t i = 0; i < want.size(); ++i) {
        double w = p == -inf ? inf : 0;
        for (double v : want[i]) {
          v = std::abs(v);
          w = p == inf    ? std::max(w, v)
              : p == -inf ? std::min(w, v)
              : p == 0    ? w + (v != 0)
                          : w + std::pow(v, p);
        }
        if (p != 0 && !std::isinf(p)) w = std::pow(w, 1 / p);
        ASSERT_NEAR(out.get(int64_t(i)), w, 2e-5 * (1 + w)) << "p " << p;
      }
    });
}

double with_nan(int64_t i) { return i % 97 == 50 ? nan : digits(i); }

TEST(Reduce, MaxMinAndTheirPlaces) {
  for (bool largest : {true, false})
    for (DType type : {DType::Float32, DType::Float64, DType::Float16, DType::Int64, DType::UInt8,
                       DType::Bool}) {
      const auto fill = is_floating(type) ? with_nan : digits;
      const auto best = [=](auto& x) { return naive_best(x, largest); };
      check_reduction(largest ? kernels::amax : kernels::amin, type, type, fill, best, 0);
      for_cases(type, fill, [&](const Tensor& in, const Dims& out_sizes) {
        Tensor values(out_sizes, type), indices(out_sizes, DType::Int64),
            alone(out_sizes, DType::Int64);
        const auto& kernel = largest ? kernels::max_with_index : kernels::min_with_index;
        kernel((const View*)&values.view, indices.view, in.view);
        kernel((const View*)nullptr, alone.view, in.view);
        const auto want = fibres(in, out_sizes);
        for (size_t i = 0; i < want.size(); ++i) {
          const double v = naive_best(want[i], largest), got = values.get(int64_t(i));
          ASSERT_TRUE(got == v || (std::isnan(v) && std::isnan(got))) << i;
          ASSERT_EQ(indices.get(int64_t(i)), naive_index(want[i], largest)) << i;
          ASSERT_EQ(alone.get(int64_t(i)), naive_index(want[i], largest)) << i;
        }
      });
    }
}

TEST(Reduce, Variance) {
  for (DType type : {DType::Float32, DType::Float64, DType::BFloat16})
    for_cases(
        type, [](int64_t i) { return 100 + noise(i); },
        [&](const Tensor& in, const Dims& out_sizes) {
          Tensor var(out_sizes, type), mean(out_sizes, type), root(out_sizes, type),
              only_mean(out_sizes, type);
          kernels::var_mean((const View*)&var.view, (const View*)&mean.view, in.view, 1.0, false);
          kernels::var_mean((const View*)&root.view, (const View*)nullptr, in.view, 0.0, true);
          kernels::var_mean((const View*)nullptr, (const View*)&only_mean.view, in.view, 0.0,
                            false);
          const double tolerance = type == DType::Float64   ? 1e-12
                                   : type == DType::Float32 ? 1e-5
                                                            : 1e-2;
          const auto want = fibres(in, out_sizes);
          for (size_t i = 0; i < want.size(); ++i) {
            const double n = double(want[i].size()), m = naive_sum(want[i]) / n;
            double squares = 0;
            for (double v : want[i]) squares += (v - m) * (v - m);
            const double v = squares / (n - 1);
            if (n == 1)
              ASSERT_TRUE(std::isnan(var.get(int64_t(i))));
            else
              ASSERT_NEAR(var.get(int64_t(i)), v, tolerance * (1 + v));
            ASSERT_NEAR(mean.get(int64_t(i)), m, tolerance * (1 + m));
            ASSERT_EQ(only_mean.get(int64_t(i)), mean.get(int64_t(i)));
            ASSERT_NEAR(root.get(int64_t(i)), std::sqrt(squares / n),
                        tolerance * (1 + std::sqrt(squares / n)));
          }
        });
}

TEST(Reduce, LogSumExp) {
  for (DType type : {DType::Float32, DType::Float64})
    check_reduction(
        kernels::logsumexp, type, type, [](int64_t i) { return 100 * noise(i); },
        [](auto& x) {
          const double top = naive_best(x, true);
          double s = 0;
          for (double v : x) s += std::exp(v - top);
          return top + std::log(s);
        },
        type == DType::Float64 ? 1e-14 : 1e-6);
  const float f = float(inf);
  float x[] = {-f, -f, 1, -f, f, 2, float(nan), 0, f}, y[3];
  const View in{x, DType::Float32, {3, 3}, {3, 1}};
  kernels::logsumexp(View{y, DType::Float32, {3, 1}, {1, 1}}, in);
  EXPECT_EQ(y[0], 1);
  EXPECT_EQ(y[1], inf);
  EXPECT_TRUE(std::isnan(y[2]));
  kernels::logsumexp(View{y, DType::Float32, {1, 1}, {1, 1}},
                     View{x, DType::Float32, {1, 2}, {2, 1}});
  EXPECT_EQ(y[0], -inf);
}

TEST(Reduce, Empty) {
  Tensor in({0, 12}, DType::Float32), over_rows({1, 12}, DType::Float32),
      over_columns({0, 1}, DType::Float32);
  kernels::sum(over_rows.view, in.view);
  kernels::sum(over_columns.view, in.view);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(over_rows.get(i), 0);
  kernels::mean(over_rows.view, in.view);
  EXPECT_TRUE(std::isnan(over_rows.get(11)));
  kernels::prod(over_rows.view, in.view);
  EXPECT_EQ(over_rows.get(3), 1);
  kernels::var_mean((const View*)&over_rows.view, (const View*)nullptr, in.view, 1.0, false);
  EXPECT_TRUE(std::isnan(over_rows.get(0)));
}

TEST(Reduce, LargeSumsAreAccurateAndTheSameInAnyNumberOfThreads) {
  const int64_t n = 3'000'000;
  std::mt19937 engine(1);
  std::uniform_real_distribution<float> uniform;
  Tensor in({n}, DType::Float32, [&](int64_t) { return uniform(engine); });
  Tensor rows({3000, 1000}, DType::Float32, [&](int64_t i) { return in.get(i); });
  double exact = 0;
  for (int64_t i = 0; i < n; ++i) exact += in.get(i);
  std::vector<float> first;
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    std::vector<float> results;
    Tensor all({1}, DType::Float32), columns({1, 1000}, DType::Float32),
        lines({3000, 1}, DType::Float32);
    kernels::sum(all.view, in.view);
    EXPECT_NEAR(all.get(0), exact, exact * 1e-7);
    results.push_back(all.view.ptr<float>()[0]);
    kernels::sum(columns.view, rows.view);
    results.insert(results.end(), columns.view.ptr<float>(), columns.view.ptr<float>() + 1000);
    kernels::var_mean((const View*)&columns.view, (const View*)nullptr, rows.view, 1.0, false);
    results.insert(results.end(), columns.view.ptr<float>(), columns.view.ptr<float>() + 1000);
    kernels::sum(lines.view, rows.view);
    results.insert(results.end(), lines.view.ptr<float>(), lines.view.ptr<float>() + 3000);
    if (first.empty()) first = results;
    EXPECT_TRUE(first == results) << threads << " threads";
  }
  set_num_threads(0);
}

// Rows of all kinds of length, several at a time, with a value that decides at every other place.
TEST(Reduce, RowsOfEveryLength) {
  std::vector<int64_t> lengths = {1000, 1023, 1024, 1025, 2047, 2048, 3073, 5000};
  for (int64_t n = 1; n <= 70; ++n) lengths.push_back(n);
  for (DType type : {DType::Float32, DType::Float64, DType::Int64})
    for (int64_t n : lengths)
      for (int64_t rows : {1, 2, 3, 6}) {
        Tensor in({rows, n}, type, digits), sums({rows, 1}, type), best({rows, 1}, type),
            least({rows, 1}, type);
        for (int64_t place = 0; place < rows * n; place += 1 + n / 16) {
          const double old = in.get(place), odd = type == DType::Int64 ? 1000
                                                  : place % 3          ? nan
                                                                       : inf;
          in.set(place, odd);
          kernels::sum(sums.view, in.view);
          kernels::amax(best.view, in.view);
          kernels::amin(least.view, in.view);
          for (int64_t r = 0; r < rows; ++r) {
            std::vector<double> x;
            for (int64_t i = 0; i < n; ++i) x.push_back(in.get(r * n + i));
            ASSERT_TRUE(same(sums.get(r), naive_sum(x))) << n << ' ' << place;
            ASSERT_TRUE(same(best.get(r), naive_best(x, true))) << n << ' ' << place;
            ASSERT_TRUE(same(least.get(r), naive_best(x, false))) << n << ' ' << place;
          }
          in.set(place, old);
        }
      }
}

TEST(Reduce, SumsOfManyLeaves) {
  for (int64_t leaves : {2, 3, 4, 5, 7, 31, 63, 64, 65, 127, 200})
    for (int64_t more : {-1, 0, 1, 1000}) {
      const int64_t n = leaves * 1024 + more;
      Tensor in({n}, DType::Float32, digits), out({1}, DType::Float32);
      kernels::sum(out.view, in.view);
      double want = 0;
      for (int64_t i = 0; i < n; ++i) want += digits(i);
      ASSERT_EQ(out.get(0), want) << n;
    }
}

TEST(Reduce, LargeIndex) {
  Tensor in({400'000}, DType::Float32,
            [](int64_t i) { return i == 300'001 || i == 333'333 ? 5 : 1; });
  Tensor index({1}, DType::Int64);
  kernels::max_with_index((const View*)nullptr, index.view, in.view);
  EXPECT_EQ(index.get(0), 300'001);
  kernels::min_with_index((const View*)nullptr, index.view, in.view);
  EXPECT_EQ(index.get(0), 0);
}

}  // namespace
}  // namespace izvod
