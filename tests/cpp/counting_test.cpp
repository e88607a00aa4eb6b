#include "kernels/counting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace izvod {
namespace {

std::vector<int64_t> numbers_below(int64_t high, size_t n) {
  std::mt19937 random(1);
  std::vector<int64_t> x(n);
  for (int64_t& value : x) value = int64_t(random() % uint64_t(high));
  return x;
}

// Few and many numbers, in one block and in several, in one table and in several.
TEST(Counting, Bincount) {
  for (const size_t n : {0, 1, 1003, 300'001})
    for (const int64_t high : {1, 7, 1024, 1025, 250'000}) {
      const auto x = numbers_below(high, n);
      std::vector<int64_t> expected(static_cast<size_t>(high)), counts(expected.size(), -1);
      for (const int64_t value : x) ++expected[size_t(value)];
      kernels::bincount(counts.data(), high, DType::Int64, x.data(), int64_t(n));
      EXPECT_EQ(counts, expected) << n << " below " << high;
    }
}

TEST(Counting, BincountOfBytes) {
  std::vector<uint8_t> x(100'000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = uint8_t(i * 7);
  std::vector<int64_t> expected(256), counts(256);
  for (const uint8_t value : x) ++expected[value];
  kernels::bincount(counts.data(), 256, DType::UInt8, x.data(), int64_t(x.size()));
  EXPECT_EQ(counts, expected);
}

// Values by the dozen and over many blocks, some of them in the row, in one row or in rows of their
// own.
TEST(Counting, Searchsorted) {
  for (const int64_t rows : {1, 3})
    for (const size_t length : {0, 1, 2, 5, 1000})
      for (const size_t m : {1, 15, 16, 17, 20'000}) {
        const size_t all_rows = size_t(rows);
        auto sorted = numbers_below(700, all_rows * length);
        const auto row = [&](size_t r) { return sorted.begin() + int64_t(r * length); };
        for (size_t r = 0; r < all_rows; ++r) std::sort(row(r), row(r + 1));
        const auto values = numbers_below(800, all_rows * m);
        for (const bool right : {false, true}) {
          std::vector<int64_t> expected, places(values.size(), -1);
          for (size_t i = 0; i < values.size(); ++i) {
            const auto begin = row(i / m), end = row(i / m + 1);
            const auto place = right ? std::upper_bound(begin, end, values[i])
                                     : std::lower_bound(begin, end, values[i]);
            expected.push_back(place - begin);
          }
          kernels::searchsorted(places.data(), DType::Int64,
                                kernels::SortedRows{sorted.data(), rows, int64_t(length)},
                                values.data(), int64_t(m), right);
          EXPECT_EQ(places, expected) << rows << " x " << length << ", " << m;
        }
      }
}

}  // namespace
}  // namespace izvod
