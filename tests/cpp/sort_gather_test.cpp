#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "kernels/gather.h"
#include "kernels/scan.h"
#include "kernels/sort.h"

namespace izvod {
namespace {

using kernels::Put;
using kernels::View;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Three dimensions, laid out in memory as `order` says (outermost first).
template <class T>
struct Cube {
  Dims sizes, strides;
  std::vector<T> memory;
  explicit Cube(const Dims& sizes, const Dims& order = {0, 1, 2}) : sizes(sizes), strides(3) {
    int64_t step = 1;
    for (int64_t d = 2; d >= 0; --d) strides[order[d]] = step, step *= sizes[order[d]];
    memory.resize(size_t(step));
  }
  T& at(int64_t i, int64_t j, int64_t k) {
    return memory[size_t(i * strides[0] + j * strides[1] + k * strides[2])];
  }
  View view() { return {memory.data(), dtype_of<T>, sizes, strides}; }
  template <class F>
  void each(F f) {
    for (int64_t i = 0; i < sizes[0]; ++i)
      for (int64_t j = 0; j < sizes[1]; ++j)
        for (int64_t k = 0; k < sizes[2]; ++k) f(at(i, j, k), i, j, k);
  }
  // The places of a row along dim, for every row.
  void rows(int64_t dim, std::function<void(std::vector<T*>)> f) {
    each([&](T& first, int64_t i, int64_t j, int64_t k) {
      if ((dim == 0 ? i : dim == 1 ? j : k) != 0) return;
      std::vector<T*> row;
      for (int64_t s = 0; s < sizes[dim]; ++s) row.push_back(&first + s * strides[dim]);
      f(row);
    });
  }
};

const Dims orders[] = {{0, 1, 2}, {2, 0, 1}, {1, 2, 0}};

template <class T>
void fill(Cube<T>& c, unsigned seed, bool nans) {
  std::minstd_rand engine(seed);
  c.each([&](T& x, int64_t, int64_t, int64_t) {
    const int v = int(engine() % 41) - 20;
    x = nans && v == 20 ? T(nan) : T(v);
  });
}

template <class T>
bool same(T a, T b) {
  return a == b || (a != a && b != b);
}

template <class T>
void test_scans() {
  for (const Dims& order : orders)
    for (int64_t dim = 0; dim < 3; ++dim) {
      Cube<T> in({7, 20, 13}, order), sum({7, 20, 13}), prod({7, 20, 13}, order), best({7, 20, 13});
      Cube<int64_t> place({7, 20, 13});
      fill(in, 1, false);
      kernels::cumsum(sum.view(), in.view(), dim);
      kernels::cumprod(prod.view(), in.view(), dim);
      kernels::cummax(best.view(), place.view(), in.view(), dim);
      in.each([&](T&, int64_t i, int64_t j, int64_t k) {
        double total = 0, product = 1, top = -1e9, index = -1;
        const int64_t last = dim == 0 ? i : dim == 1 ? j : k;
        for (int64_t s = 0; s <= last; ++s) {
          const double x = double(in.at(dim == 0 ? s : i, dim == 1 ? s : j, dim == 2 ? s : k));
          total += x;
          product *= x;
          if (x >= top) top = x, index = double(s);
        }
        ASSERT_EQ(double(sum.at(i, j, k)), total);
        if (std::abs(product) < 1e6) {
          ASSERT_NEAR(double(prod.at(i, j, k)), product, 1e-6 * std::abs(product));
        }
        ASSERT_EQ(double(best.at(i, j, k)), top);
        ASSERT_EQ(double(place.at(i, j, k)), index);
      });
    }
}

TEST(Scan, RunningTotals) {
  test_scans<float>();
  test_scans<int64_t>();
}

TEST(Scan, RecurrenceFromEitherEnd) {
  for (const Dims& order : orders)
    for (int64_t dim = 0; dim < 3; ++dim) {
      Cube<double> a({3, 700, 4}, order), b({3, 700, 4}), y({3, 700, 4}, order), back({3, 700, 4});
      a.each([](double& x, int64_t i, int64_t j, int64_t k) {
        x = double((i + 2 * j + 3 * k) % 7) - 3;
      });
      b.each([](double& x, int64_t i, int64_t j, int64_t k) {
        x = double((3 * i + j + k) % 5) / 4 - 0.5;
      });
      kernels::recurrence(y.view(), a.view(), b.view(), dim);
      const int64_t n = a.sizes[dim];
      const auto reversed = [&](Cube<double>& c, int64_t first) {
        View v = c.view();
        v.data = c.memory.data() + first * c.strides[dim];
        v.strides[dim] = -c.strides[dim];
        return v;
      };
      kernels::recurrence(reversed(back, n - 1), reversed(a, n - 1), reversed(b, n), dim);
      y.each([&](double& x, int64_t i, int64_t j, int64_t k) {
        const int64_t at[3] = {i, j, k}, di = dim == 0, dj = dim == 1, dk = dim == 2;
        const double before = at[dim] ? b.at(i, j, k) * y.at(i - di, j - dj, k - dk) : 0;
        ASSERT_NEAR(x, a.at(i, j, k) + before, 1e-12);
        const double after =
            at[dim] + 1 < n ? b.at(i + di, j + dj, k + dk) * back.at(i + di, j + dj, k + dk) : 0;
        ASSERT_NEAR(back.at(i, j, k), a.at(i, j, k) + after, 1e-12);
      });
    }
}

TEST(Scan, FloatSumsKeepSmallParts) {
  Cube<float> in({1, 1, 100000}), out({1, 1, 100000});
  in.each([](float& x, int64_t, int64_t, int64_t) { x = 0.1f; });
  kernels::cumsum(out.view(), in.view(), 2);
  EXPECT_EQ(out.memory.back(), float(100000 * double(0.1f)));
}

TEST(Scan, IntegerSumOfBools) {
  bool in[] = {true, false, true, true};
  int64_t out[4];
  kernels::cumsum(View{out, DType::Int64, {4}, {1}}, View{in, DType::Bool, {4}, {1}}, 0);
  EXPECT_EQ(out[3], 3);
}

template <class T>
void test_sort(const Dims& sizes, bool nans) {
  const auto before = [](T a, T b) { return a < b || (b != b && a == a); };
  for (const Dims& order : orders)
    for (int64_t dim = 0; dim < 3; ++dim)
      for (bool descending : {false, true}) {
        Cube<T> in(sizes, order), values(sizes);
        Cube<int64_t> indices(sizes, order);
        fill(in, 5, nans);
        kernels::sort(values.view(), indices.view(), in.view(), dim, descending);
        std::vector<std::vector<int64_t>> want;
        in.rows(dim, [&](std::vector<T*> row) {
          std::vector<int64_t> index(row.size());
          std::iota(index.begin(), index.end(), 0);
          std::stable_sort(index.begin(), index.end(), [&](int64_t a, int64_t b) {
            return descending ? before(*row[size_t(b)], *row[size_t(a)])
                              : before(*row[size_t(a)], *row[size_t(b)]);
          });
          want.push_back(index);
        });
        size_t r = 0;
        indices.rows(dim, [&](std::vector<int64_t*> row) {
          for (size_t i = 0; i < row.size(); ++i)
            ASSERT_EQ(*row[i], want[r][i]) << "row " << r << " place " << i;
          ++r;
        });
        const int64_t k = std::min<int64_t>(3, sizes[dim]);
        Dims few = sizes;
        few[dim] = k;
        Cube<T> top(few);
        Cube<int64_t> top_index(few);
        kernels::topk(top.view(), top_index.view(), in.view(), dim, descending);
        r = 0;
        top_index.rows(dim, [&](std::vector<int64_t*> row) {
          for (size_t i = 0; i < row.size(); ++i) ASSERT_EQ(*row[i], want[r][i]);
          ++r;
        });
        top.each([&](T& x, int64_t a, int64_t b, int64_t c) {
          ASSERT_TRUE(same(x, values.at(a, b, c)));
        });
        few[dim] = 1;
        Cube<T> kth(few);
        Cube<int64_t> kth_index(few);
        if (descending) continue;
        kernels::kthvalue(kth.view(), kth_index.view(), in.view(), dim, k - 1, false);
        r = 0;
        kth_index.rows(
            dim, [&](std::vector<int64_t*> row) { ASSERT_EQ(*row[0], want[r++][size_t(k - 1)]); });
      }
}

TEST(Sort, StableWithNanLast) {
  test_sort<float>({5, 6, 7}, true);
  test_sort<double>({4, 9, 3}, true);
  test_sort<int64_t>({4, 9, 3}, false);
  test_sort<int8_t>({2, 30, 3}, false);
  test_sort<float>({2, 3, 700}, true);
  test_sort<double>({2, 3, 700}, true);
  test_sort<int64_t>({2, 3, 700}, false);
}

TEST(Sort, ZerosAreEqualAndKeepTheirSigns) {
  Cube<float> in({1, 1, 4}), values({1, 1, 4});
  Cube<int64_t> indices({1, 1, 4});
  in.memory = {0.0f, -0.0f, -1.0f, 0.0f};
  kernels::sort(values.view(), indices.view(), in.view(), 2, false);
  EXPECT_EQ(indices.memory, (std::vector<int64_t>{2, 0, 1, 3}));
  EXPECT_TRUE(std::signbit(values.memory[2]));
}

TEST(Sort, MedianRuleForNan) {
  Cube<float> in({1, 1, 5}), value({1, 1, 1});
  Cube<int64_t> index({1, 1, 1});
  in.memory = {3, float(nan), 1, float(nan), 2};
  kernels::kthvalue(value.view(), index.view(), in.view(), 2, 2, true);
  EXPECT_TRUE(std::isnan(value.memory[0]));
  EXPECT_EQ(index.memory[0], 1);
  kernels::kthvalue(value.view(), index.view(), in.view(), 2, 2, false);
  EXPECT_EQ(value.memory[0], 3);
}

View along(View v, int64_t dim) {
  v.strides[dim] = 0;
  return v;
}
View cut(View v, const Dims& sizes) {
  v.sizes = sizes;
  return v;
}

TEST(Gather, AlongADimension) {
  for (const Dims& order : orders)
    for (int64_t dim = 0; dim < 3; ++dim) {
      Cube<double> in({5, 40, 9}, order), out({3, 33, 8});
      Cube<int64_t> index({3, 33, 8}, order);
      fill(in, 2, false);
      std::minstd_rand engine(7);
      index.each([&](int64_t& x, int64_t, int64_t, int64_t) {
        x = int64_t(engine() % unsigned(in.sizes[dim]));
      });
      ASSERT_TRUE(kernels::take(out.view(), cut(along(in.view(), dim), out.sizes), index.view(),
                                in.strides[dim], in.sizes[dim]));
      out.each([&](double& x, int64_t i, int64_t j, int64_t k) {
        const int64_t s = index.at(i, j, k);
        ASSERT_EQ(x, in.at(dim == 0 ? s : i, dim == 1 ? s : j, dim == 2 ? s : k));
      });
    }
}

TEST(Gather, ScatterAlongADimension) {
  for (Put how : {Put::Assign, Put::Add, Put::Multiply, Put::Max, Put::Min})
    for (int threads : {1, 3})
      for (const Dims& order : orders)
        for (int64_t dim = 0; dim < 3; ++dim) {
          set_num_threads(threads);
          Cube<float> out({70, 40, 50}, order), want({70, 40, 50}), in({69, 38, 47}, order);
          Cube<int64_t> index({69, 38, 47}, orders[dim]);
          fill(out, 3, false);
          fill(in, 4, false);
          want.each([&](float& x, int64_t i, int64_t j, int64_t k) { x = out.at(i, j, k); });
          std::minstd_rand engine(9);
          index.each([&](int64_t& x, int64_t, int64_t, int64_t) { x = int64_t(engine() % 3); });
          in.each([&](float& x, int64_t i, int64_t j, int64_t k) {
            const int64_t s = index.at(i, j, k);
            float& place = want.at(dim == 0 ? s : i, dim == 1 ? s : j, dim == 2 ? s : k);
            place = how == Put::Assign     ? x
                    : how == Put::Add      ? place + x
                    : how == Put::Multiply ? place * x
                    : how == Put::Max      ? std::max(place, x)
                                           : std::min(place, x);
          });
          kernels::put(cut(along(out.view(), dim), in.sizes), index.view(), out.strides[dim],
                       in.view(), how);
          want.each([&](float& x, int64_t i, int64_t j, int64_t k) {
            ASSERT_TRUE(same(x, out.at(i, j, k)));
          });
        }
  set_num_threads(0);
}

TEST(Gather, RowsByIndex) {  // index_select and index_add: the index has stride 0 but along dim
  for (int64_t dim = 0; dim < 3; ++dim) {
    Cube<float> in({6, 7, 64}), sums({6, 7, 64});
    fill(in, 6, false);
    const std::vector<int64_t> index = {3, 0, 3, 5, 1};
    Dims sizes = in.sizes, strides(3);
    sizes[dim] = 5;
    strides[dim] = 1;
    Cube<float> out(sizes);
    const View places{(void*)index.data(), DType::Int64, sizes, strides};
    ASSERT_TRUE(kernels::take(out.view(), cut(along(in.view(), dim), sizes), places,
                              in.strides[dim], in.sizes[dim]));
    kernels::put(cut(along(sums.view(), dim), sizes), places, sums.strides[dim], out.view(),
                 Put::Add);
    out.each([&](float& x, int64_t i, int64_t j, int64_t k) {
      const int64_t at[3] = {i, j, k}, s = index[size_t(at[dim])];
      ASSERT_EQ(x, in.at(dim == 0 ? s : i, dim == 1 ? s : j, dim == 2 ? s : k));
    });
    sums.each([&](float& x, int64_t i, int64_t j, int64_t k) {
      const int64_t at[3] = {i, j, k};
      ASSERT_EQ(x, in.at(i, j, k) * float(std::count(index.begin(), index.end(), at[dim])));
    });
  }
}

// A row of every length, from every start, with one index after the other out of range.
template <class T>
void expect_checked_take(int64_t index_stride, int64_t out_stride) {
  constexpr int64_t size = 37;
  std::vector<T> in(size);
  for (int64_t i = 0; i < size; ++i) in[size_t(i)] = T(100 + i);
  for (int64_t n : {1, 3, 4, 5, 7, 8, 31, 66, 511, 512, 513, 1100}) {
    std::vector<int64_t> index(size_t(n * std::max<int64_t>(index_stride, 1) + 2), 5);
    for (size_t i = 0; i < index.size(); ++i) index[i] = int64_t(i * 7 % size);
    std::vector<T> out(size_t(n * out_stride + 2));
    for (int64_t start : {0, 1}) {
      const View to{out.data() + start, dtype_of<T>, {n}, {out_stride}},
          from{in.data(), dtype_of<T>, {n}, {0}},
          places{index.data() + start, DType::Int64, {n}, {index_stride}};
      ASSERT_TRUE(kernels::take(to, from, places, int64_t(1), size));
      for (int64_t i = 0; i < n; ++i)
        ASSERT_EQ(out[size_t(start + i * out_stride)],
                  in[size_t(index[size_t(start + i * index_stride)])]);
      for (int64_t bad : {int64_t(-1), size, INT64_MIN, INT64_MAX}) {
        const int64_t last = index_stride ? n - 1 : 0;
        for (int64_t at : {int64_t(0), last / 2, last}) {
          int64_t& place = index[size_t(start + at * index_stride)];
          const int64_t good = std::exchange(place, bad);
          ASSERT_FALSE(kernels::take(to, from, places, int64_t(1), size)) << n << ' ' << at;
          place = good;
        }
      }
    }
  }
}

TEST(Gather, ChecksItsIndices) {
  for (int64_t index_stride : {0, 1, 2})
    for (int64_t out_stride : {1, 2}) {
      expect_checked_take<float>(index_stride, out_stride);
      expect_checked_take<uint8_t>(index_stride, out_stride);
      expect_checked_take<double>(index_stride, out_stride);
    }
}

TEST(Gather, ManyRows) {  // more than the caches hold
  const int64_t rows = 8000, columns = 701, size = 300;
  std::vector<float> in(size * columns), out(size_t(rows * columns));
  std::vector<int64_t> index(rows);
  for (size_t i = 0; i < in.size(); ++i) in[i] = float(i);
  for (int64_t r = 0; r < rows; ++r) index[size_t(r)] = r * 77 % size;
  const Dims sizes = {rows, columns};
  const View to{out.data(), DType::Float32, sizes, {columns, 1}},
      from{in.data(), DType::Float32, sizes, {0, 1}},
      places{index.data(), DType::Int64, sizes, {1, 0}};
  ASSERT_TRUE(kernels::take(to, from, places, columns, size));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      ASSERT_EQ(out[size_t(r * columns + c)], float(index[size_t(r)] * columns + c));
  index[7999] = size;
  EXPECT_FALSE(kernels::take(to, from, places, columns, size));
}

TEST(Gather, Bounds) {
  std::vector<int64_t> index(100000, 2);
  const View v{index.data(), DType::Int64, {100000}, {1}};
  int64_t bad = 77;
  EXPECT_TRUE(kernels::in_bounds(v, int64_t(0), int64_t(3), &bad));
  index[99999] = 5;
  index[70000] = -4;
  EXPECT_FALSE(kernels::in_bounds(v, int64_t(-3), int64_t(3), &bad));
  EXPECT_EQ(bad, -4);
  EXPECT_FALSE(kernels::in_bounds(v, int64_t(-4), int64_t(5), &bad));
  EXPECT_EQ(bad, 5);
  EXPECT_FALSE(
      kernels::in_bounds(View{index.data(), DType::Int64, {1}, {1}}, int64_t(0), int64_t(0), &bad));
}

TEST(Gather, Offsets) {
  std::vector<int64_t> offsets(6), first = {0, -1, 1}, second = {2, -3};
  const View to{offsets.data(), DType::Int64, {2, 3}, {3, 1}};
  kernels::add_offsets(to, View{first.data(), DType::Int64, {2, 3}, {0, 1}}, int64_t(4),
                       int64_t(10));
  kernels::add_offsets(to, View{second.data(), DType::Int64, {2, 3}, {1, 0}}, int64_t(5),
                       int64_t(1));
  EXPECT_EQ(offsets, (std::vector<int64_t>{2, 32, 12, 2, 32, 12}));
}

TEST(Gather, NonzeroAndMasks) {
  for (const Dims& order : orders) {
    Cube<float> in({30, 40, 50}, order);
    std::minstd_rand engine(3);
    in.each(
        [&](float& x, int64_t, int64_t, int64_t) { x = engine() % 3 ? 0 : float(engine() % 100); });
    std::vector<int64_t> want;
    std::vector<float> chosen;
    std::vector<char> mask(60000);
    size_t at = 0;
    in.each([&](float& x, int64_t i, int64_t j, int64_t k) {
      mask[at++] = x != 0;
      if (x != 0) want.insert(want.end(), {i, j, k}), chosen.push_back(x);
    });
    const int64_t n = int64_t(chosen.size());
    std::vector<int64_t> places(want.size());
    std::vector<float> values(chosen.size());
    kernels::nonzero(View{places.data(), DType::Int64, {n, 3}, {3, 1}}, in.view());
    EXPECT_EQ(places, want);
    kernels::masked_select(View{values.data(), DType::Float32, {n}, {1}}, in.view(),
                           View{mask.data(), DType::Bool, {30, 40, 50}, {2000, 50, 1}});
    EXPECT_EQ(values, chosen);
    Cube<float> placed({30, 40, 50}, order);
    kernels::masked_place(placed.view(), View{values.data(), DType::Float32, {n}, {1}},
                          View{mask.data(), DType::Bool, {30, 40, 50}, {2000, 50, 1}});
    EXPECT_EQ(placed.memory, in.memory);
  }
}

}  // namespace
}  // namespace izvod
