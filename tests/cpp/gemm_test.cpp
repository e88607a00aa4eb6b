#include "kernels/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "base/parallel.h"
#include "kernels/unary.h"

namespace izvod {
namespace {

using kernels::Batch;
using kernels::Matrix;
using kernels::Product;

// What the elements of T are summed in by the reference, and how far the kernel may be from it:
// `unit` is the rounding of the kernel's sums, `last` that of the result.
template <class T>
struct Exact {
  using type = uint64_t;
  static constexpr double unit = 0, last = 0;
};
template <>
struct Exact<float> {
  using type = double;
  static constexpr double unit = 0x1p-23, last = 0x1p-23;
};
template <>
struct Exact<double> {
  using type = long double;
  static constexpr double unit = 0x1p-52, last = 0x1p-52;
};
template <>
struct Exact<Half> {
  using type = double;
  static constexpr double unit = 0x1p-23, last = 0x1p-11;
};
template <>
struct Exact<BFloat16> {
  using type = double;
  static constexpr double unit = 0x1p-23, last = 0x1p-8;
};

// A matrix with its memory: rows or columns adjacent, `gap` unused elements between the lines, or
// (step 2) between all elements.
template <class T>
struct Stored {
  int64_t rows, cols, row_stride, col_stride;
  std::vector<T> memory;

  Stored(int64_t rows, int64_t cols, bool transposed, int64_t gap, int64_t step,
         std::mt19937& random)
      : rows(rows),
        cols(cols),
        row_stride(transposed ? step : (cols + gap) * step),
        col_stride(transposed ? (rows + gap) * step : step) {
    if (rows && cols) memory.resize(size_t((rows - 1) * row_stride + (cols - 1) * col_stride + 1));
    for (T& x : memory)
      x = std::is_integral_v<T> ? T(int64_t(random()) - (1ll << 31))
                                : T(float(random() % 2001) / 1000 - 1);
  }
  T& at(int64_t i, int64_t j) { return memory[size_t(i * row_stride + j * col_stride)]; }
  Matrix view() const { return {memory.data(), rows, cols, row_stride, col_stride}; }
};

struct Shape {
  int64_t m, k, n;
};

struct Case {
  Shape shape;
  bool transpose_a = false, transpose_b = false;
  int64_t gap = 0, step = 1;
  bool accumulate = false, bias = false;
};

std::string describe(const Case& x) {
  return text(x.shape.m, "x", x.shape.k, "x", x.shape.n, x.transpose_a ? " T" : " N",
              x.transpose_b ? "T" : "N", " gap ", x.gap, " step ", x.step,
              x.accumulate ? " accumulate" : "", x.bias ? " bias" : "");
}

// The result's rows lie `gap` elements further apart than they are long: those must stay untouched.
template <class T>
void compare_with_loop(const Case& x) {
  SCOPED_TRACE(describe(x));
  std::mt19937 random(unsigned(x.shape.m * 10007 + x.shape.k * 101 + x.shape.n));
  const auto [m, k, n] = x.shape;
  Stored<T> a(m, k, x.transpose_a, x.gap, x.step, random),
      b(k, n, x.transpose_b, x.gap, x.step, random);
  Stored<T> c(m, n + x.gap, false, 0, 1, random), bias(1, n, false, 0, 1, random);
  const std::vector<T> before = c.memory;
  kernels::gemm(
      dtype_of<T>,
      Product{c.memory.data(), n + x.gap, x.accumulate, x.bias ? bias.memory.data() : nullptr},
      a.view(), b.view());
  using Sum = typename Exact<T>::type;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      Sum sum = 0, size = 0;
      const auto add = [&](Sum y) { sum += y, size += y < 0 ? -y : y; };
      for (int64_t p = 0; p < k; ++p) add(Sum(a.at(i, p)) * Sum(b.at(p, j)));
      if (x.bias) add(Sum(bias.at(0, j)));
      if (x.accumulate) add(Sum(before[size_t(i * (n + x.gap) + j)]));
      if constexpr (std::is_integral_v<T>) {
        if (c.at(i, j) != T(sum))
          FAIL() << +c.at(i, j) << " at " << i << ", " << j << ", expected " << +T(sum);
      } else {
        const double bound =
            double(size) * Exact<T>::unit * double(k + 2) + std::fabs(double(sum)) * Exact<T>::last;
        if (!(std::fabs(double(c.at(i, j)) - double(sum)) <= bound))
          FAIL() << double(c.at(i, j)) << " at " << i << ", " << j << ", expected " << double(sum);
      }
    }
    for (int64_t j = n; j < n + x.gap; ++j)
      if (float(c.at(i, j)) != float(before[size_t(i * (n + x.gap) + j)]))
        FAIL() << "row " << i << " was overrun";
  }
}

// Sizes around the widths of vectors, tiles and blocks. The last three are multiplied in thirds
// where the machine can, in one layer and in several.
const int64_t small_sizes[] = {0, 1, 2, 3, 5, 6, 7, 8, 9, 15, 17, 33};
const Shape large_shapes[] = {
    {100, 70, 130}, {6, 385, 16},   {7, 800, 33},   {97, 384, 193},  {1, 400, 1000}, {1, 5, 4099},
    {1000, 400, 1}, {2, 770, 257},  {5, 20, 3075},  {257, 3, 300},   {1540, 20, 17}, {9, 390, 3080},
    {64, 1, 64},    {300, 390, 8},  {4, 33, 70},    {3, 2000, 5},    {90, 70, 2},    {70, 300, 512},
    {512, 40, 60},  {2100, 16, 16}, {400, 31, 257}, {130, 1700, 97}, {49, 800, 300}};

template <class T>
class GemmTest : public ::testing::Test {};
using Floats = ::testing::Types<float, double>;
TYPED_TEST_SUITE(GemmTest, Floats);

TYPED_TEST(GemmTest, SmallShapes) {
  for (int64_t m : small_sizes)
    for (int64_t k : small_sizes)
      for (int64_t n : small_sizes)
        for (int form = 0; form < 4; ++form)
          compare_with_loop<TypeParam>({{m, k, n},
                                        bool(form & 1),
                                        bool(form & 2),
                                        (m + n) % 3,
                                        1,
                                        bool(k & 1),
                                        bool(n & 1)});
}

TYPED_TEST(GemmTest, LargeShapes) {
  for (const Shape& s : large_shapes)
    for (int form = 0; form < 4; ++form) {
      const bool more = (s.m + form) % 2;
      compare_with_loop<TypeParam>(
          {s, bool(form & 1), bool(form & 2), more ? 3 : 0, 1, more, more});
    }
}

// An activation gives the bits that it gives afterwards, once, and leaves what lies between rows
// alone.
TYPED_TEST(GemmTest, ActivationInTheKernel) {
  using T = TypeParam;
  kernels::InnerLoop* const gelu = kernels::loops_of<kernels::Gelu>.of(dtype_of<T>).function;
  std::mt19937 random(5);
  for (const Shape& s : large_shapes)
    for (int form = 0; form < 4; ++form) {
      const auto [m, k, n] = s;
      SCOPED_TRACE(describe({s, bool(form & 1), bool(form & 2)}));
      Stored<T> a(m, k, form & 1, 0, 1, random), b(k, n, form & 2, 0, 1, random);
      Stored<T> c(m, n + 3, false, 0, 1, random), bias(1, n, false, 0, 1, random);
      std::vector<T> expected = c.memory;
      for (T* to : {c.memory.data(), expected.data()})
        kernels::gemm(
            dtype_of<T>,
            Product{to, n + 3, false, bias.memory.data(), to == expected.data() ? nullptr : gelu},
            a.view(), b.view());
      for (int64_t i = 0; i < m; ++i) {
        T* const row = expected.data() + i * (n + 3);
        const void* const in[] = {row};
        gelu(row, in, kernels::Rows(n), nullptr);
      }
      ASSERT_EQ(c.memory, expected);
    }
}

TYPED_TEST(GemmTest, StridesInBothDimensions) {
  for (const Shape& s : {Shape{3, 4, 5}, {20, 30, 40}, {100, 70, 130}, {1, 50, 60}, {60, 50, 1}})
    for (int form = 0; form < 4; ++form)
      compare_with_loop<TypeParam>({s, bool(form & 1), bool(form & 2), 1, 2, true, true});
}

TYPED_TEST(GemmTest, RepeatedRowsAndColumns) {
  using T = TypeParam;
  for (const auto& [m, k, n] : {Shape{5, 6, 7}, {40, 50, 60}, {1, 40, 50}}) {
    std::vector<T> line(100), c(size_t(m * n));
    for (size_t i = 0; i < line.size(); ++i) line[i] = T(i);
    kernels::gemm(dtype_of<T>, Product{c.data(), n}, Matrix{line.data(), m, k, 0, 1},
                  Matrix{line.data(), k, n, 0, 0});
    for (T y : c) ASSERT_EQ(y, T(0));
    kernels::gemm(dtype_of<T>, Product{c.data(), n}, Matrix{line.data(), m, k, 1, 0},
                  Matrix{line.data(), k, n, 0, 1});
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) ASSERT_EQ(c[size_t(i * n + j)], T(i * j * k));
  }
}

TYPED_TEST(GemmTest, NanAndInfinityFollowArithmetic) {
  using T = TypeParam;
  const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
  for (const auto& [m, k, n] :
       {Shape{1, 10, 5}, {1, 100, 100}, {3, 9, 20}, {64, 64, 64}, {40, 20, 3}})
    for (int form = 0; form < 4; ++form) {
      std::vector<T> a(size_t(m * k), T(0)), b(size_t(k * n), T(1)), c(size_t(m * n), T(7));
      const Matrix va{a.data(), m, k, form & 1 ? 1 : k, form & 1 ? m : 1},
          vb{b.data(), k, n, form & 2 ? 1 : n, form & 2 ? k : 1};
      b[size_t((k - 1) * vb.row_stride + (n - 1) * vb.col_stride)] =
          nan;  // the last column alone becomes nan
      kernels::gemm(dtype_of<T>, Product{c.data(), n}, va, vb);
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j)
          ASSERT_EQ(std::isnan(c[size_t(i * n + j)]), j == n - 1) << m << form << j;
      b.assign(b.size(), T(1));
      a[0] = inf;  // the first row alone becomes infinite: no lane is multiplied twice
      kernels::gemm(dtype_of<T>, Product{c.data(), n}, va, vb);
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) ASSERT_EQ(c[size_t(i * n + j)], i ? T(0) : inf);
    }
}

// Numbers so small or large that parts of them cannot be represented, among others: errors are
// within what rounded sums of floats have, and the smallest float.
TEST(Gemm, MagnitudesOfAllKinds) {
  struct Kinds {
    int a_low, a_high, b_low, b_high;  // exponents
  };
  const int64_t m = 200, k = 150, n = 330;
  for (const Kinds& x : {Kinds{-3, 0, -3, 0},
                         {-60, -40, -60, -40},
                         {-90, -10, -40, 30},
                         {-149, -100, 20, 90},
                         {-149, 20, -2, 2},
                         {0, 2, -149, 100},
                         {70, 110, -20, 4},
                         {100, 126, -10, -8}})
    for (const int64_t special : {0, 1, 40}) {  // every so many numbers, or all
      SCOPED_TRACE(text(x.a_low, "..", x.a_high, ", ", x.b_low, "..", x.b_high, " ", special));
      std::mt19937 random{unsigned(special)};
      Stored<float> a(m, k, false, 0, 1, random), b(k, n, false, 0, 1, random),
          c(m, n, false, 0, 1, random);
      const auto scale = [&](Stored<float>& y, int low, int high) {
        for (float& v : y.memory)
          if (special < 2 || random() % (special * special) == 0)
            v = special == 0 && random() % 4 == 0
                    ? 0
                    : std::ldexp(v, low + int(random() % unsigned(high - low + 1)));
      };
      scale(a, x.a_low, x.a_high), scale(b, x.b_low, x.b_high);
      kernels::gemm(DType::Float32, Product{c.memory.data(), n}, a.view(), b.view());
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          double sum = 0, size = 0;
          for (int64_t p = 0; p < k; ++p) {
            const double y = double(a.at(i, p)) * double(b.at(p, j));
            sum += y, size += std::fabs(y);
          }
          const double bound = size * 0x1p-23 * double(k + 2) + 0x1p-149 * double(k + 2);
          ASSERT_LE(std::fabs(double(c.at(i, j)) - sum), bound)
              << c.at(i, j) << " at " << i << ", " << j << ", expected " << sum;
        }
    }
}

// Of a large product a nan or an infinity reaches its row and column, and nothing else.
TEST(Gemm, NanAndInfinityInLargeProducts) {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              inf = std::numeric_limits<float>::infinity();
  for (const auto& [m, k, n] : {Shape{300, 150, 400}, {700, 100, 200}, {90, 1000, 300}})
    for (const float special : {nan, inf, -inf, std::numeric_limits<float>::max()})
      for (const bool in_a : {true, false}) {
        std::mt19937 random(4);
        Stored<float> a(m, k, false, 0, 1, random), b(k, n, true, 0, 1, random),
            c(m, n, false, 0, 1, random);
        for (float& x : a.memory) x = 1 + x * x;
        for (float& x : b.memory) x = 4 + x * x;
        const int64_t line = (in_a ? m : n) - 70, at = k - 1;
        (in_a ? a.at(line, at) : b.at(at, line)) = special;
        const float sum = std::isnan(special) ? nan : special < 0 ? -inf : inf;
        for (const bool accumulate : {false, true}) {
          kernels::gemm(DType::Float32, Product{c.memory.data(), n, accumulate}, a.view(),
                        b.view());
          for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < n; ++j) {
              const float y = c.at(i, j);
              if ((in_a ? i : j) != line) {
                ASSERT_TRUE(y > 0 && y < 1e5f) << y << " at " << i << ", " << j;
              } else {
                ASSERT_TRUE(std::isnan(sum) ? std::isnan(y) : y == sum) << y << " " << special;
              }
            }
        }
      }
}

template <class T>
class GemmOtherTypesTest : public ::testing::Test {};
using OtherTypes = ::testing::Types<Half, BFloat16, uint8_t, int8_t, int16_t, int32_t, int64_t>;
TYPED_TEST_SUITE(GemmOtherTypesTest, OtherTypes);

TYPED_TEST(GemmOtherTypesTest, Shapes) {
  for (const Shape& s : {Shape{0, 3, 4},
                         {3, 0, 4},
                         {3, 4, 0},
                         {1, 1, 1},
                         {1, 10, 5},
                         {5, 6, 7},
                         {33, 64, 48},
                         {300, 20, 600},
                         {9, 4100, 11},
                         {2, 700, 3},
                         {1, 300, 700}})
    for (int form = 0; form < 4; ++form)
      for (bool more : {false, true})
        compare_with_loop<TypeParam>(
            {s, bool(form & 1), bool(form & 2), more ? 2 : 0, more ? 2 : 1, more, more});
}

// The products of a batch against one call each, with one operand repeated over a batch dimension.
TEST(GemmBatched, EqualsSingleProducts) {
  std::mt19937 random(7);
  for (const auto& [m, k, n] :
       {Shape{4, 5, 6}, {33, 20, 40}, {1, 8, 8}, {200, 300, 150}, {300, 200, 250}}) {
    Stored<float> a(6 * m, k, false, 0, 1, random), b(3 * k, n, false, 0, 1, random);
    Stored<float> c(6 * m, n, false, 0, 1, random), d = c;
    const Batch batch{{2, 3}, {3 * m * n, m * n}, {3 * m * k, m * k}, {0, k * n}};
    kernels::gemm_batched(DType::Float32, Product{c.memory.data(), n},
                          Matrix{a.memory.data(), m, k, k, 1}, Matrix{b.memory.data(), k, n, n, 1},
                          batch);
    for (int64_t i = 0; i < 6; ++i)
      kernels::gemm(DType::Float32, Product{&d.at(i * m, 0), n},
                    Matrix{&a.at(i * m, 0), m, k, k, 1}, Matrix{&b.at(i % 3 * k, 0), k, n, n, 1});
    EXPECT_EQ(c.memory, d.memory);
  }
}

TEST(GemmBatched, EmptyBatch) {
  float x = 3;
  kernels::gemm_batched(DType::Float32, Product{&x, 1}, Matrix{&x, 1, 1, 1, 1},
                        Matrix{&x, 1, 1, 1, 1}, Batch{{0, 4}, {4, 1}, {4, 1}, {4, 1}});
  EXPECT_EQ(x, 3);
}

TEST(Gemm, BitsDoNotDependOnThreads) {
  const int before = num_threads();
  std::mt19937 random(3);
  for (const Shape& s : {Shape{256, 256, 256},
                         {100, 1000, 300},
                         {1, 2000, 3000},
                         {3000, 2000, 1},
                         {3, 3000, 700},
                         {700, 5, 900},
                         {500, 900, 400}})
    for (int form = 0; form < 4; ++form) {
      Stored<float> a(s.m, s.k, form & 1, 0, 1, random), b(s.k, s.n, form & 2, 0, 1, random);
      std::vector<float> results[3];
      for (int threads = 1; threads <= 3; ++threads) {
        set_num_threads(threads);
        auto& c = results[threads - 1];
        c.resize(size_t(s.m * s.n));
        kernels::gemm(DType::Float32, Product{c.data(), s.n}, a.view(), b.view());
      }
      EXPECT_EQ(results[0], results[1]);
      EXPECT_EQ(results[0], results[2]);
    }
  set_num_threads(before);
}

// More lines of either operand than are split at once; the columns of C are compared at some.
TEST(Gemm, ManyRowsTimesManyColumns) {
  const int64_t m = 4200, k = 40, n = 4130;
  std::mt19937 random(9);
  Stored<float> a(m, k, false, 0, 1, random), b(k, n, false, 0, 1, random);
  std::vector<float> c(size_t(m * n));
  kernels::gemm(DType::Float32, Product{c.data(), n}, a.view(), b.view());
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = i % 61; j < n; j += 61) {
      double sum = 0;
      for (int64_t p = 0; p < k; ++p) sum += double(a.at(i, p)) * double(b.at(p, j));
      ASSERT_NEAR(c[size_t(i * n + j)], sum, 1e-5) << i << ", " << j;
    }
}

TEST(Gemm, BoolIsRefused) {
  bool x = true;
  EXPECT_THROW(
      kernels::gemm(DType::Bool, Product{&x, 1}, Matrix{&x, 1, 1, 1, 1}, Matrix{&x, 1, 1, 1, 1}),
      NotImplementedError);
}

}  // namespace
}  // namespace izvod
