#include "kernels/counting.h"

#include <algorithm>
#include <vector>

#include "kernels/runs.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// Few numbers are counted in several tables by turns: an addition to what was just added to waits
// for it.
constexpr int64_t few = 1024, tables = 4;

template <class T>
void add_counts(int64_t* counts, int64_t size, const T* x, int64_t n) {
  if (size > few) {
    for (int64_t i = 0; i < n; ++i) ++counts[x[i]];
    return;
  }
  int64_t part[tables][few];
  for (auto& table : part) std::fill(table, table + size, 0);
  int64_t i = 0;
  for (; i + tables <= n; i += tables)
    for (int64_t t = 0; t < tables; ++t) ++part[t][x[i + t]];
  for (; i < n; ++i) ++part[0][x[i]];
  for (int64_t v = 0; v < size; ++v)
    for (int64_t t = 0; t < tables; ++t) counts[v] += part[t][v];
}

// Blocks count by themselves where that takes less memory than the numbers.
template <class T>
void count(int64_t* counts, int64_t size, const T* x, int64_t n) {
  const int64_t blocks = std::min(even_blocks(n, run_grain), n / (size + 1));
  if (n <= run_grain || blocks < 2) return add_counts(counts, size, x, n);
  const int64_t block = ceil_div(n, blocks);
  std::vector<int64_t> parts(size_t(blocks * size));
  parallel_for(n, block, wake_for(n), [&](int64_t begin, int64_t end) {
    add_counts(&parts[size_t(begin / block * size)], size, x + begin, end - begin);
  });
  for (int64_t b = 0; b < blocks; ++b)
    for (int64_t v = 0; v < size; ++v) counts[v] += parts[size_t(b * size + v)];
}

void bincount(int64_t* counts, int64_t size, DType dtype, const void* x, int64_t n) {
  std::fill(counts, counts + size, 0);
  visit(dtype, [=]<class T>(Type<T>) {
    if constexpr (std::is_integral_v<T>) count(counts, size, static_cast<const T*>(x), n);
  });
}

// Where some values belong in a row, which all of them halve together: their steps overlap, and no
// branch is to be foreseen. They look where torch does, so that what comes out is the same were the
// row not sorted.
constexpr int64_t lanes = 16;

template <bool right, class T>
void find_places(int64_t* places, const T* sorted, int64_t length, const T* values) {
  int64_t begin[lanes] = {}, end[lanes], middle[lanes];
  std::fill(end, end + lanes, length);
  T x[lanes];
  for (int64_t left = length; left > 0; left /= 2) {
    for (int i = 0; i < lanes; ++i) middle[i] = (begin[i] + end[i]) >> 1;
    for (int i = 0; i < lanes; ++i) x[i] = sorted[middle[i] - (middle[i] == length)];
    for (int i = 0; i < lanes; ++i) {
      const bool open = begin[i] < end[i], after = right ? x[i] > values[i] : x[i] >= values[i];
      begin[i] = open & !after ? middle[i] + 1 : begin[i];
      end[i] = open & after ? middle[i] : end[i];
    }
  }
  std::copy(begin, begin + lanes, places);
}

template <bool right, class T>
void search(int64_t* places, const SortedRows& sorted, const T* values, int64_t m) {
  const T* rows = static_cast<const T*>(sorted.data);
  parallel_for(sorted.rows * m, run_grain / 8, wake_for(8 * sorted.rows * m),
               [=](int64_t begin, int64_t end) {
                 for (int64_t i = begin, n; i < end; i += n) {
                   const int64_t r = i / m;
                   n = std::min({lanes, end - i, (r + 1) * m - i});
                   T some[lanes] = {};
                   int64_t found[lanes];
                   std::copy(values + i, values + i + n, some);
                   find_places<right>(found, rows + r * sorted.length, sorted.length, some);
                   std::copy(found, found + n, places + i);
                 }
               });
}

void searchsorted(int64_t* places, DType dtype, const SortedRows& sorted, const void* values,
                  int64_t m, bool right) {
  const auto in = [&]<class T>(Type<T>) {
    const T* v = static_cast<const T*>(values);
    right ? search<true>(places, sorted, v, m) : search<false>(places, sorted, v, m);
  };
  if (dtype == DType::Float32) return in(Type<float>{});
  if (dtype == DType::Float64) return in(Type<double>{});
  in(Type<int64_t>{});
}

const Offer bincount_offer(kernels::bincount, bincount);
const Offer searchsorted_offer(kernels::searchsorted, searchsorted);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
