#include "kernels/copy.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "base/parallel.h"

namespace izvod {
namespace {

using kernels::Place;
using kernels::View;

// Dense elements.
void convert(void* to, DType to_type, const void* from, DType from_type, int64_t n) {
  kernels::convert(Place<void>{to, to_type}, Place<const void>{from, from_type}, n, int64_t(1));
}

Dims dense_strides(const Dims& sizes) {
  Dims strides(sizes.size());
  int64_t step = 1;
  for (int64_t d = sizes.size() - 1; d >= 0; --d) strides[d] = step, step *= sizes[d];
  return strides;
}

// Element i (row-major) of a view, as double.
double element(const View& v, int64_t i) {
  int64_t at = 0;
  for (int64_t d = v.dim() - 1; d >= 0; --d) at += i % v.sizes[d] * v.strides[d], i /= v.sizes[d];
  return visit(v.dtype,
               [&](auto t) { return double(float(v.ptr<typename decltype(t)::type>()[at])); });
}

// A view of `in` (row-major sizes) with its dimensions in another order.
View permuted(View v, const Dims& order) {
  View r = v;
  for (int64_t d = 0; d < v.dim(); ++d)
    r.sizes[d] = v.sizes[order[d]], r.strides[d] = v.strides[order[d]];
  return r;
}

struct Buffer {
  std::vector<double> memory;
  View view;
  Buffer(const Dims& sizes, DType type) : view{nullptr, type, sizes, dense_strides(sizes)} {
    memory.resize(size_t(view.numel()) + 1);
    view.data = memory.data();
    for (int64_t i = 0; i < view.numel(); ++i)
      visit(type, [&](auto t) {
        using T = typename decltype(t)::type;
        if constexpr (std::is_same_v<T, bool>)
          view.ptr<T>()[i] = i % 3 == 1;
        else
          view.ptr<T>()[i] = T(float(i % 125));
      });
  }
};

void expect_copied(const View& out, const View& in) {
  for (int64_t i = 0; i < out.numel(); ++i) {
    const double want = element(in, i);
    ASSERT_EQ(element(out, i), out.dtype == DType::Bool ? want != 0 : want) << "element " << i;
  }
}

TEST(Copy, EveryDtypeToEvery) {
  for (int from = 0; from < dtype_count; ++from)
    for (int to = 0; to < dtype_count; ++to) {
      Buffer in({3, 7, 41}, DType(from)), out({3, 7, 41}, DType(to));
      kernels::copy(out.view, in.view);
      expect_copied(out.view, in.view);
      Buffer turned({41, 3, 7}, DType(to));
      kernels::copy(turned.view, permuted(in.view, {2, 0, 1}));
      expect_copied(turned.view, permuted(in.view, {2, 0, 1}));
    }
}

TEST(Copy, Permuted) {
  for (DType type : {DType::UInt8, DType::Float16, DType::Float32, DType::Float64})
    for (const Dims& sizes : {Dims{5, 33, 65}, Dims{1, 16, 16}, Dims{2, 3, 2}, Dims{70, 4, 130}})
      for (const Dims& order : {Dims{0, 2, 1}, Dims{2, 1, 0}, Dims{1, 2, 0}, Dims{1, 0, 2}}) {
        Buffer in(sizes, type);
        const View source = permuted(in.view, order);
        Buffer out(source.sizes, type);
        kernels::copy(out.view, source);
        expect_copied(out.view, source);
        Buffer back(sizes, type);
        kernels::copy(permuted(back.view, order), source);
        expect_copied(back.view, in.view);
      }
}

TEST(Copy, Broadcast) {
  Buffer in({1, 6, 1}, DType::Float32), out({4, 6, 5}, DType::Float32),
      wide({4, 6, 5}, DType::Float64);
  View source{in.view.data, DType::Float32, {4, 6, 5}, {0, 1, 0}};
  kernels::copy(out.view, source);
  expect_copied(out.view, source);
  kernels::copy(wide.view, source);
  expect_copied(wide.view, source);
}

TEST(Copy, EmptyAndScalar) {
  Buffer in({0, 3}, DType::Float32), out({0, 3}, DType::Int64);
  kernels::copy(out.view, in.view);
  Buffer one({}, DType::Float32), other({}, DType::Int64);
  one.view.ptr<float>()[0] = -2.9f;
  kernels::copy(other.view, one.view);
  EXPECT_EQ(other.view.ptr<int64_t>()[0], -2);
}

TEST(Copy, CastRules) {
  const float from[] = {-2.9f, 2.9f, 0.0f, std::numeric_limits<float>::quiet_NaN(), 300.0f, -1.0f};
  bool truth[6];
  convert(truth, DType::Bool, from, DType::Float32, 6);
  const bool want[] = {true, true, false, true, true, true};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(truth[i], want[i]) << i;
  uint8_t bytes[6];
  convert(bytes, DType::UInt8, from, DType::Float32, 6);
  EXPECT_EQ(bytes[0], 254);
  EXPECT_EQ(bytes[4], 44);
  EXPECT_EQ(bytes[5], 255);
  const int64_t large = (int64_t(1) << 53) + 1;
  double d;
  int64_t same;
  convert(&d, DType::Float64, &large, DType::Int64, 1);
  EXPECT_EQ(d, 9007199254740992.0);
  convert(&same, DType::Int64, &large, DType::Int64, 1);
  EXPECT_EQ(same, large);
}

// Rows of every length that the kernel treats differently, neighbours or apart, as columns of a
// transposed matrix, the same one again and again.
TEST(Copy, RowsFromPlaceToPlace) {
  for (int64_t n : {1, 2, 3, 7, 15, 16, 17, 40, 129, 700})
    for (int64_t rows : {1, 2, 5, 40, 300})
      for (DType type : {DType::Float32, DType::Int16, DType::Float64})
        for (auto [along, down] : {std::pair<int64_t, int64_t>(1, n),
                                   {1, n + 3},
                                   {rows, 1},
                                   {rows + 2, 1},
                                   {2, 2 * n},
                                   {1, 0},
                                   {0, 1}}) {
          std::vector<float> from(size_t((n + 3) * (rows + 3) * 2));
          for (size_t i = 0; i < from.size(); ++i) from[i] = float(i % 8191);
          std::vector<float> back(size_t(n * rows), -1.0f);
          std::vector<char> middle(size_t((n + 1) * rows * 8));
          kernels::convert(Place<void>{middle.data(), type, 1, n + 1},
                           Place<const void>{from.data(), DType::Float32, along, down}, n, rows);
          kernels::convert(Place<void>{back.data(), DType::Float32, 1, n},
                           Place<const void>{middle.data(), type, 1, n + 1}, n, rows);
          for (int64_t row = 0; row < rows; ++row)
            for (int64_t i = 0; i < n; ++i)
              ASSERT_EQ(back[size_t(row * n + i)], from[size_t(row * down + i * along)])
                  << n << " x " << rows << ", " << along << ", " << down;
        }
}

TEST(Copy, HalfRoundsToEven) {
  std::vector<float> from;
  for (int i = 0; i < 4096; ++i) from.push_back(1.0f + float(i) * 0x1p-12f);
  for (DType type : {DType::Float16, DType::BFloat16}) {
    std::vector<uint16_t> to(from.size());
    convert(to.data(), type, from.data(), DType::Float32, int64_t(from.size()));
    for (size_t i = 0; i < from.size(); ++i)
      ASSERT_EQ(to[i],
                type == DType::Float16 ? half_from_float(from[i]) : bfloat16_from_float(from[i]));
  }
}

// Every length up to a few blocks and every start within a vector, each value at every place among
// values that take the vectors' way, must give what one element alone gives.
template <class To, class From>
void expect_cast_as_one(const std::vector<From>& values) {
  constexpr int64_t length = 200;
  const auto cast = [](void* to, const From* from, int64_t n) {
    convert(to, dtype_of<To>, from, dtype_of<From>, n);
  };
  std::vector<From> from(length + 8);
  std::vector<To> to(length + 9), want(length + 8);
  const auto check = [&](int64_t start, int64_t n) {
    std::memset((void*)to.data(), 0x5a, to.size() * sizeof(To));
    const To untouched = to[0];
    cast(to.data() + start, from.data() + start, n);
    ASSERT_EQ(std::memcmp(to.data() + start, want.data() + start, size_t(n) * sizeof(To)), 0)
        << n << " elements from " << start;
    ASSERT_EQ(std::memcmp(&to[size_t(start + n)], &untouched, sizeof(To)), 0);
  };
  const auto set = [&](int64_t i, From x) {
    from[size_t(i)] = x;
    cast(&want[size_t(i)], &from[size_t(i)], 1);
  };
  for (int64_t i = 0; i < length + 8; ++i) set(i, values[size_t(i) % values.size()]);
  for (int64_t start = 0; start < 8; ++start)
    for (int64_t n = 0; n <= length; ++n) check(start, n);
  for (From x : values) {
    for (int64_t i = 0; i < length; ++i) set(i, From(i % 100));
    for (int64_t i = 0; i < length; i += 1 + i % 7) {
      set(i, x);
      check(0, length);
      set(i, From(i % 100));
    }
  }
}

TEST(Copy, IntegersToFloats) {
  std::vector<int64_t> values = {0, INT64_MIN, INT64_MAX, INT64_MIN + 1};
  for (int bit = 23; bit < 63; ++bit)
    for (int64_t near : {-2, -1, 0, 1, 2})
      for (int64_t half : {int64_t(0), int64_t(1) << std::max(0, bit - 24)})
        for (int sign : {-1, 1}) values.push_back(sign * ((int64_t(1) << bit) + half + near));
  for (int64_t x : values) {  // one element: the machine's own rounding
    float f;
    double d;
    convert(&f, DType::Float32, &x, DType::Int64, 1);
    convert(&d, DType::Float64, &x, DType::Int64, 1);
    volatile int64_t hidden = x;
    ASSERT_EQ(f, float(hidden));
    ASSERT_EQ(d, double(hidden));
  }
  expect_cast_as_one<float>(values);
  expect_cast_as_one<double>(values);
  expect_cast_as_one<BFloat16>(values);
  expect_cast_as_one<Half>(values);
  expect_cast_as_one<int32_t>(values);
  expect_cast_as_one<Half>(
      std::vector<int32_t>{0, 1, -1, 2049, 65519, 65520, INT32_MAX, INT32_MIN});
}

template <class From>
void expect_floats_to_integers(std::vector<From> values) {
  for (From x : {From(0x1p31), From(0x1p40), From(0x1p62)})
    for (From y : {x, std::nextafter(x, From(0)), std::nextafter(x, 2 * x)})
      for (int sign : {-1, 1}) values.push_back(From(sign) * y);
  for (From x : values) {
    int64_t i;
    convert(&i, DType::Int64, &x, dtype_of<From>, 1);
    ASSERT_EQ(i, int64_t(std::trunc(x)));
  }
  expect_cast_as_one<int64_t>(values);
  expect_cast_as_one<uint8_t>(values);
}

TEST(Copy, FloatsToIntegers) {
  expect_floats_to_integers<float>({0, -0.f, 0.99f, -0.99f, -2.5f, 300.f, 0x1p-140f});
  expect_floats_to_integers<double>({0, -0.99, 2147483647.5, -2147483648.5, 0x1p52 + 1, 0x1p-1060});
}

TEST(Copy, FloatsToBFloat16) {
  std::vector<float> values;
  for (uint32_t high : {0u, 1u, 0x7fu, 0x3f80u, 0x3f81u, 0x7f7fu, 0x7f80u, 0x7fffu})
    for (uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
      for (uint32_t sign : {0u, 0x80000000u})
        values.push_back(std::bit_cast<float>(sign | high << 16 | low));
  expect_cast_as_one<BFloat16>(values);
  for (float x : values) {
    uint16_t bits;
    convert(&bits, DType::BFloat16, &x, DType::Float32, 1);
    ASSERT_EQ(bits, bfloat16_from_float(x));
  }
}

TEST(Copy, LargeInThreads) {
  Buffer in({700, 900}, DType::Float32), out({900, 700}, DType::Float32);
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    kernels::copy(out.view, permuted(in.view, {1, 0}));
    expect_copied(out.view, permuted(in.view, {1, 0}));
  }
  set_num_threads(0);
}

}  // namespace
}  // namespace izvod
