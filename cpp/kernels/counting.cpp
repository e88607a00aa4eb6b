#include "kernels/counting.h"

#include <algorithm>
#include <vector>

#include "base/half.h"
#include "kernels/runs.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// f(Type<T>) of integers.
template <class F>
void visit_integers(DType t, F&& f) {
  visit(t, [&]<class T>(Type<T> type) {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) f(type);
  });
}

// Few numbers are counted in several tables by turns: an addition to what was just added to waits
// for it.
constexpr int64_t few = 1024, tables = 4;

template <class T>
void add_counts(int64_t* counts, int64_t size, const T* x, int64_t n) {
  if (size > few) {
    for (int64_t i = 0; i < n; ++i) ++counts[x[i]];
    return;
  }
  int64_t part[tables][few] = {};
  int64_t i = 0;
  for (; i + tables <= n; i += tables)
    for (int64_t t = 0; t < tables; ++t) ++part[t][x[i + t]];
  for (; i < n; ++i) ++part[0][x[i]];
  for (int64_t v = 0; v < size; ++v)
    for (int64_t t = 0; t < tables; ++t) counts[v] += part[t][v];
}

// Blocks count by themselves where that takes less memory than the numbers.
void bincount(int64_t* counts, int64_t size, DType dtype, const void* x, int64_t n) {
  std::fill(counts, counts + size, 0);
  const int64_t blocks = std::min(even_blocks(n, run_grain), 8 * n / (8 * size + 1));
  visit_integers(dtype, [&]<class T>(Type<T>) {
    const T* numbers = static_cast<const T*>(x);
    if (blocks < 2) return add_counts(counts, size, numbers, n);
    const int64_t block = ceil_div(n, blocks);
    std::vector<int64_t> parts(size_t(blocks * size));
    parallel_for(blocks, 1, wake_for(n), [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b)
        add_counts(&parts[size_t(b * size)], size, numbers + b * block,
                   std::min(block, n - b * block));
    });
    for (int64_t b = 0; b < blocks; ++b)
      for (int64_t v = 0; v < size; ++v) counts[v] += parts[size_t(b * size + v)];
  });
}

// Halves what is left of the row without a branch, so that the searches of many values overlap. It
// looks where torch does: what comes out is the same, were the row not sorted.
template <bool right, class T>
int64_t place_of(const T* sorted, int64_t length, T value) {
  int64_t begin = 0, end = length;
  while (begin < end) {
    const int64_t middle = begin + (end - begin) / 2;
    const bool before = right ? !(sorted[middle] > value) : !(sorted[middle] >= value);
    begin = before ? middle + 1 : begin;
    end = before ? end : middle;
  }
  return begin;
}

template <bool right, class T>
void search(int64_t* places, const SortedRows& sorted, const T* values, int64_t m) {
  const T* rows = static_cast<const T*>(sorted.data);
  parallel_for(sorted.rows * m, run_grain / 8, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T* row = sorted.rows == 1 ? rows : rows + i / m * sorted.length;
      places[i] = place_of<right>(row, sorted.length, values[i]);
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
  visit_integers(dtype, in);
}

const Offer bincount_offer(kernels::bincount, bincount);
const Offer searchsorted_offer(kernels::searchsorted, searchsorted);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
