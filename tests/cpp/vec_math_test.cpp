// The accuracy of the vector functions against a wider type: a table of rows, each used for dense
// samples of bit patterns, for special values and for independence of neighbouring lanes. Run it
// also with IZVOD_ISA=v2 in the environment, to test the lower level's copy.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/math_arrays.h"

namespace izvod {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

// How many units in the last place of T (of the reference, rounded down to a power of two) y is
// off. Infinite where one is nan or infinite and the other one is not.
template <class T, class Wide>
double ulps(T y, Wide ref) {
  const T rounded = T(ref);
  if (std::isnan(rounded) || std::isnan(y)) return std::isnan(rounded) && std::isnan(y) ? 0 : inf;
  if (std::isinf(rounded) || std::isinf(y)) return rounded == y ? 0 : inf;
  using Limits = std::numeric_limits<T>;
  const int exponent =
      ref == 0 ? Limits::min_exponent : std::max(std::ilogb(ref) + 1, Limits::min_exponent);
  return double(std::abs(std::scalbn(Wide(y) - ref, Limits::digits - exponent)));
}

template <class T>
struct Wider;
template <>
struct Wider<float> {
  using type = double;
  using Bits = uint32_t;
};
template <>
struct Wider<double> {
  using type = long double;
  using Bits = uint64_t;
};

bool run(const char* name, float* y, const float* x, int64_t n) {
  return kernels::math_f32(name, y, x, n);
}
bool run(const char* name, double* y, const double* x, int64_t n) {
  return kernels::math_f64(name, y, x, n);
}
bool run2(const char* name, float* z, const float* x, const float* y, int64_t n) {
  return kernels::math2_f32(name, z, x, y, n);
}
bool run2(const char* name, double* z, const double* x, const double* y, int64_t n) {
  return kernels::math2_f64(name, z, x, y, n);
}

struct Row {
  const char* name;
  double (*f32_reference)(double);
  long double (*f64_reference)(long double);
  double f32_ulps, f64_ulps;  // the bounds that are promised
  double low, high;           // where doubles are sampled densely
  double largest = inf;       // no result is larger
};
void PrintTo(const Row& r, std::ostream* out) { *out << r.name; }
template <class F>
Row row(const char* name, F f, double f32_ulps, double f64_ulps, double low, double high,
        double largest = inf) {
  return {name, f, f, f32_ulps, f64_ulps, low, high, largest};
}

const Row table[] = {
    row(
        "abs", [](auto x) { return std::abs(x); }, 0, 0, -2, 2),
    row(
        "sign",
        [](auto x) { return x == 0 || std::isnan(x) ? x : std::copysign(decltype(x)(1), x); }, 0, 0,
        -2, 2),
    row(
        "floor", [](auto x) { return std::floor(x); }, 0, 0, -9, 9),
    row(
        "ceil", [](auto x) { return std::ceil(x); }, 0, 0, -9, 9),
    row(
        "trunc", [](auto x) { return std::trunc(x); }, 0, 0, -9, 9),
    row(
        "round", [](auto x) { return std::rint(x); }, 0, 0, -9, 9),
    row(
        "sqrt", [](auto x) { return std::sqrt(x); }, 0.501, 0.501, 0, 9),
    row(
        "rsqrt", [](auto x) { return 1 / std::sqrt(x); }, 1.5, 1.5, 0, 9),
    row(
        "reciprocal", [](auto x) { return 1 / x; }, 0.501, 0.501, -9, 9),
    row(
        "exp", [](auto x) { return std::exp(x); }, 1, 1, -750, 720),
    row(
        "exp2", [](auto x) { return std::exp2(x); }, 1, 1, -1080, 1030),
    row(
        "expm1", [](auto x) { return std::expm1(x); }, 1.5, 2, -3, 3),
    row(
        "log", [](auto x) { return std::log(x); }, 1, 1, 0, 4),
    row(
        "log2", [](auto x) { return std::log2(x); }, 1.5, 1.7, 0, 4),
    row(
        "log10", [](auto x) { return std::log10(x); }, 1.5, 1.5, 0, 4),
    row(
        "log1p", [](auto x) { return std::log1p(x); }, 1, 1, -1, 4),
    row(
        "sample_exp", [](auto x) { return std::exp(x); }, 0.6, 0.6, -750, 720),
    row(
        "sample_log", [](auto x) { return std::log(x); }, 1, 0.8, 0, 4),
    row(
        "sample_log1p",  // torch has +0 for the largest negative number
        [](auto x) { return x == -0x1p-149 || x == -0x1p-1074 ? 0 : std::log1p(x); }, 1, 1, -1, 4),
    row(
        "softplus",
        [](auto x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }, 2, 2,
        -9, 9),
    row(
        "sigmoid", [](auto x) { return 1 / (1 + std::exp(-x)); }, 1.7, 1.7, -30, 30, 1),
    row(
        "tanh", [](auto x) { return std::tanh(x); }, 1.5, 1.5, -4, 4, 1),
    row(
        "sinh", [](auto x) { return std::sinh(x); }, 2, 2, -5, 5),
    row(
        "cosh", [](auto x) { return std::cosh(x); }, 1.5, 1.5, -5, 5),
    row(
        "sin", [](auto x) { return std::sin(x); }, 1.7, 1.7, -1e4, 1e4, 1),
    row(
        "cos", [](auto x) { return std::cos(x); }, 1.7, 1.7, -1e4, 1e4, 1),
    row(
        "tan", [](auto x) { return std::tan(x); }, 1.8, 1.8, -1e4, 1e4),
    row(
        "asin", [](auto x) { return std::asin(x); }, 1.5, 1.5, -1, 1),
    row(
        "acos", [](auto x) { return std::acos(x); }, 1.5, 1.5, -1, 1),
    row(
        "atan", [](auto x) { return std::atan(x); }, 1.5, 1.8, -3, 3),
    row(
        "erf", [](auto x) { return std::erf(x); }, 1.5, 1.5, -4, 4, 1),
    row(
        "erfc", [](auto x) { return std::erfc(x); }, 2, 2, -4, 27, 2),
    row(
        "lgamma", [](auto x) { return std::lgamma(x); }, 1, 5, 1, 50),
};

// The largest error of a row over an array, and where.
template <class T>
struct Worst {
  double error = 0;
  T at = 0;
};
template <class T>
Worst<T> worst_error(const Row& r, const std::vector<T>& x) {
  std::vector<T> y(x.size());
  EXPECT_TRUE(run(r.name, y.data(), x.data(), int64_t(x.size())));
  Worst<T> worst;
  for (size_t i = 0; i < x.size(); ++i) {
    double error;
    if constexpr (sizeof(T) == 4)
      error = ulps(y[i], r.f32_reference(x[i]));
    else
      error = ulps(y[i], r.f64_reference(x[i]));
    if (std::abs(y[i]) > r.largest) error = inf;
    if (error > worst.error) worst = {error, x[i]};
  }
  return worst;
}

// `count` bit patterns evenly spread over all values of T.
template <class T>
std::vector<T> all_kinds(int64_t count) {
  using Bits = typename Wider<T>::Bits;
  const Bits step = (std::numeric_limits<Bits>::max() / Bits(count)) | 1;
  std::vector<T> x(static_cast<size_t>(count));
  Bits bits = 0;
  for (T& v : x) std::memcpy(&v, &bits, sizeof v), bits += step;
  return x;
}

template <class T>
std::vector<T> special_values() {
  using L = std::numeric_limits<T>;
  std::vector<T> x;
  for (T v :
       {T(0),     T(0.25),       T(0.5),        T(0.625), T(0.9),          T(1),     T(1.5),
        T(2),     T(2.5),        T(3),          T(10),    T(88),           T(89),    T(104),
        T(709),   T(745),        T(1e5),        T(3e9),   L::denorm_min(), L::min(), L::epsilon(),
        L::max(), L::infinity(), L::quiet_NaN()})
    for (T s : {v, -v}) x.insert(x.end(), {s, std::nextafter(s, T(0)), std::nextafter(s, s + s)});
  return x;
}

// Equal bits but for nan, of which there is one.
template <class T>
bool same(T a, T b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

class VecMath : public testing::TestWithParam<Row> {};

TEST_P(VecMath, FloatsWithinBound) {
  const Row& r = GetParam();
  const auto w = worst_error(r, all_kinds<float>(4'300'000));
  RecordProperty("ulps", std::to_string(w.error));
  EXPECT_LE(w.error, r.f32_ulps) << r.name << "(" << w.at << ")";
}

TEST_P(VecMath, DoublesWithinBound) {
  const Row& r = GetParam();
  std::vector<double> x = all_kinds<double>(200'000);
  for (int i = 0; i < 400'000; ++i) x.push_back(r.low + (r.high - r.low) * ((i + 0.3) / 4e5));
  const auto w = worst_error(r, x);
  RecordProperty("ulps", std::to_string(w.error));
  EXPECT_LE(w.error, r.f64_ulps) << r.name << "(" << w.at << ")";
}

template <class T>
void check_special_values(const Row& r) {
  const std::vector<T> x = special_values<T>();
  std::vector<T> y(x.size());
  ASSERT_TRUE(run(r.name, y.data(), x.data(), int64_t(x.size())));
  for (size_t i = 0; i < x.size(); ++i) {
    typename Wider<T>::type ref;
    if constexpr (sizeof(T) == 4)
      ref = r.f32_reference(x[i]);
    else
      ref = r.f64_reference(x[i]);
    EXPECT_LE(ulps(y[i], ref), sizeof(T) == 4 ? r.f32_ulps : r.f64_ulps)
        << r.name << "(" << x[i] << ") = " << y[i];
    EXPECT_TRUE(std::isnan(y[i]) || std::signbit(y[i]) == std::signbit(ref))
        << r.name << "(" << x[i] << ") = " << y[i];
    if (testing::Test::HasFailure()) return;
  }
}
TEST_P(VecMath, SpecialValues) {
  check_special_values<float>(GetParam());
  check_special_values<double>(GetParam());
}

// A result has the same bits wherever it stands and whatever stands beside it.
template <class T>
void check_neighbours(const Row& r) {
  const std::vector<T> x = special_values<T>();
  std::vector<T> y(x.size());
  ASSERT_TRUE(run(r.name, y.data(), x.data(), int64_t(x.size())));
  for (size_t i = 0; i < x.size(); ++i) {
    T alone;
    run(r.name, &alone, &x[i], 1);
    EXPECT_TRUE(same(alone, y[i])) << r.name << "(" << x[i] << ")";
  }
}
TEST_P(VecMath, NeighboursDoNotMatter) {
  check_neighbours<float>(GetParam());
  check_neighbours<double>(GetParam());
}

INSTANTIATE_TEST_SUITE_P(All, VecMath, testing::ValuesIn(table),
                         [](const auto& info) { return std::string(info.param.name); });

struct Row2 {
  const char* name;
  double (*f32_reference)(double, double);
  long double (*f64_reference)(long double, long double);
  double f32_ulps, f64_ulps;
};
void PrintTo(const Row2& r, std::ostream* out) { *out << r.name; }
template <class F>
Row2 row2(const char* name, F f, double f32_ulps, double f64_ulps) {
  return {name, f, f, f32_ulps, f64_ulps};
}
template <class T>
T python_remainder(T x, T y) {
  const T r = std::fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
const Row2 table2[] = {
    row2(
        "pow", [](auto x, auto y) { return std::pow(x, y); }, 0.51, 1),
    row2(
        "atan2", [](auto y, auto x) { return std::atan2(y, x); }, 2, 2),
    row2(
        "fmod", [](auto x, auto y) { return std::fmod(x, y); }, 0, 0),
    row2(
        "remainder", [](auto x, auto y) { return python_remainder(x, y); }, 0.51, 0.51),
    row2(
        "copysign", [](auto x, auto y) { return std::copysign(x, y); }, 0, 0),
    row2(
        "nan_min", [](auto x, auto y) { return std::isnan(x) || x < y ? x : y; }, 0, 0),
    row2(
        "nan_max", [](auto x, auto y) { return std::isnan(x) || x > y ? x : y; }, 0, 0),
};

class VecMath2 : public testing::TestWithParam<Row2> {};

// All pairs of special values; then magnitudes around 1, where results are neither 0 nor infinite.
template <class T>
void check_pairs(const Row2& r) {
  std::vector<T> x, y;
  for (T a : special_values<T>())
    for (T b : special_values<T>()) x.push_back(a), y.push_back(b);
  for (int i = 0; i < 300'000; ++i) {
    x.push_back(T(std::exp2(std::sin(i * 0.7) * 20) * (i % 5 == 0 ? -1 : 1)));
    y.push_back(T(i % 7 == 0 ? i % 64 - 32 : std::cos(i * 1.1) * 6));
  }
  std::vector<T> z(x.size());
  ASSERT_TRUE(run2(r.name, z.data(), x.data(), y.data(), int64_t(x.size())));
  for (size_t i = 0; i < x.size(); ++i) {
    typename Wider<T>::type ref;
    if constexpr (sizeof(T) == 4)
      ref = r.f32_reference(x[i], y[i]);
    else
      ref = r.f64_reference(x[i], y[i]);
    const double error = ulps(z[i], ref);
    EXPECT_LE(error, sizeof(T) == 4 ? r.f32_ulps : r.f64_ulps)
        << r.name << "(" << x[i] << ", " << y[i] << ") = " << z[i];
    EXPECT_TRUE(std::isnan(z[i]) || std::signbit(z[i]) == std::signbit(ref))
        << r.name << "(" << x[i] << ", " << y[i] << ") = " << z[i];
    if (testing::Test::HasFailure()) return;
  }
}
TEST_P(VecMath2, Pairs) {
  check_pairs<float>(GetParam());
  check_pairs<double>(GetParam());
}
INSTANTIATE_TEST_SUITE_P(All, VecMath2, testing::ValuesIn(table2),
                         [](const auto& info) { return std::string(info.param.name); });

// erfinv, digamma and its derivatives have no counterpart in the C library: inverses,
// recurrences, known values.
TEST(VecMathScalar, ErfinvInvertsErf) {
  for (double x = -5.5; x < 5.6; x += 0.0173) {
    const double y = std::erf(x), slope = 1.1283791670955126 * std::exp(-x * x);
    double back;
    ASSERT_TRUE(run("erfinv", &back, &y, 1));
    EXPECT_NEAR(back, x, 4e-16 * std::abs(x) + 1.2e-16 / slope);
  }
  const double edges[] = {1, -1, 1.5, 0, -0.0};
  double y[5];
  run("erfinv", y, edges, 5);
  EXPECT_EQ(y[0], inf);
  EXPECT_EQ(y[1], -inf);
  EXPECT_TRUE(std::isnan(y[2]));
  EXPECT_TRUE(same(y[3], 0.0));
  EXPECT_TRUE(same(y[4], -0.0));
}

TEST(VecMathScalar, Digamma) {
  const double x[] = {1, 0.5, 0.25, 10, 1e10, -0.5, 0, -0.0, -3, inf, -inf};
  const double expected[] = {-0.57721566490153286,
                             -1.9635100260214235,
                             -4.2274535333762655,
                             2.2517525890667211,
                             23.025850929890457,
                             0.036489973978576521,
                             -inf,
                             inf,
                             NAN,
                             inf,
                             NAN};
  double y[11];
  ASSERT_TRUE(run("digamma", y, x, 11));
  for (int i = 0; i < 11; ++i) {
    if (std::isfinite(expected[i]))
      EXPECT_NEAR(y[i], expected[i], 1e-15 * (1 + std::abs(expected[i])));
    else
      EXPECT_TRUE(same(y[i], expected[i])) << x[i];
  }
  for (double a = -4.37; a < 30; a += 0.71) {
    const double pair[] = {a, a + 1};
    run("digamma", y, pair, 2);
    EXPECT_NEAR(y[1], y[0] + 1 / a, 4e-15 * (1 + std::abs(y[0]) + 1 / std::abs(a)));
  }
}

// The n-th derivative of digamma for x > 0 in the wider type: steps up, then the asymptotic series
// n! (-1)^(n+1) (1 / (n x^n) + 1 / (2 x^(n+1)) + sum of B(2k) (2k+n-1)! / ((2k)! n! x^(2k+n))).
long double polygamma_reference(int n, long double x) {
  static const long double bernoulli[] = {1 / 6.0L,  -1 / 30.0L,     1 / 42.0L, -1 / 30.0L,
                                          5 / 66.0L, -691 / 2730.0L, 7 / 6.0L,  -3617 / 510.0L};
  long double steps = 0;
  for (; x < 40; ++x) steps += std::pow(x, -n - 1);
  long double series = n ? 1 / (n * std::pow(x, n)) : -std::log(x);
  series += 0.5L * std::pow(x, -n - 1);
  for (int k = 1; k <= 8; ++k) {
    long double factor = bernoulli[k - 1] / (2 * k);
    for (int j = 1; j <= n; ++j) factor *= (2 * k + j - 1) / static_cast<long double>(j);
    series += factor * std::pow(x, -2 * k - n);
  }
  return (n % 2 ? 1 : -1) * std::tgamma(n + 1.0L) * (steps + series);
}

// The largest error in units of the last place for 0 < x < 20, where the reference keeps enough
// digits.
template <class T>
double polygamma_error(const char* name, int n) {
  std::vector<T> x;
  for (int i = 0; i < 10'000; ++i) x.push_back(T((i + 0.3) / 500));
  std::vector<T> y(x.size());
  EXPECT_TRUE(run(name, y.data(), x.data(), int64_t(x.size())));
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const long double reference = polygamma_reference(n, x[i]);
    if (std::abs(reference) > 0.01) worst = std::max(worst, ulps(y[i], reference));
  }
  return worst;
}
TEST(VecMathScalar, PolygammasWithinBound) {
  EXPECT_LE(polygamma_error<float>("digamma", 0), 0.51);
  EXPECT_LE(polygamma_error<float>("trigamma", 1), 0.51);
  EXPECT_LE(polygamma_error<float>("pentagamma", 3), 0.51);
  EXPECT_LE(polygamma_error<double>("digamma", 0), 4);
  EXPECT_LE(polygamma_error<double>("trigamma", 1), 5);
  EXPECT_LE(polygamma_error<double>("pentagamma", 3), 8);
}

TEST(VecMathScalar, DigammaBesideItsRoot) {
  const double x[] = {1.4616321449683622, 1.4616321449683625, 1.46163215, 1.4616321, 1.46};
  const double expected[] = {-9.241265521729427e-17, 1.2245374622004068e-16, 4.868976118553245e-09,
                             -4.3514636958769774e-08, -0.0015805619870834522};
  double y[5];
  run("digamma", y, x, 5);
  for (int i = 0; i < 5; ++i) EXPECT_NEAR(y[i], expected[i], 4e-16 * std::abs(expected[i]));
}

TEST(VecMathScalar, PolygammasBelowZero) {
  // psi(1 - x) - psi(x) = pi cot(pi x), and its derivatives
  const double pi = 3.14159265358979323846;
  for (double x = -7.43; x < 0; x += 0.37) {
    const double pair[] = {x, 1 - x};
    double y[2];
    run("trigamma", y, pair, 2);
    const double s = std::sin(pi * x);
    EXPECT_NEAR(y[0] + y[1], pi * pi / (s * s), 1e-13 * std::abs(y[0]));
    run("pentagamma", y, pair, 2);
    const double c = std::cos(pi * x), cot = (2 + 4 * c * c) * std::pow(pi / s, 4);
    EXPECT_NEAR(y[0] + y[1], cot, 1e-12 * cot);
  }
  const double poles[] = {0, -0.0, -1, -5};
  double y[4];
  run("trigamma", y, poles, 4);
  for (double v : y) EXPECT_EQ(v, inf);
}

}  // namespace
}  // namespace izvod
