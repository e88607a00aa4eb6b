#include "kernels/sort.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <utility>

#include "base/parallel.h"
#include "kernels/copy.h"
#include "kernels/runs.h"

// Elements become unsigned keys in the same order, paired with their index: then all pairs differ,
// every way of sorting is stable, and two loops serve all dtypes.
namespace izvod::kernels::IZVOD_ISA {
namespace {

struct Narrow {  // key in the upper half, index in the lower
  uint64_t bits;
  static Narrow make(uint64_t key, int64_t index) { return {key << 32 | uint64_t(index)}; }
  int64_t index() const { return int64_t(bits & 0xffffffff); }
  unsigned digit(int i) const { return bits >> (32 + 8 * i) & 255; }
  bool is_last() const { return bits >> 32 == 0xffffffff; }  // nan
  static constexpr int digits = 4;
  bool operator<(Narrow o) const { return bits < o.bits; }
};
struct Wide {
  uint64_t key;
  int64_t place;
  static Wide make(uint64_t key, int64_t index) { return {key, index}; }
  int64_t index() const { return place; }
  unsigned digit(int i) const { return key >> (8 * i) & 255; }
  bool is_last() const { return key == ~uint64_t(0); }
  static constexpr int digits = 8;
  bool operator<(Wide o) const { return key < o.key || (key == o.key && place < o.place); }
};

// 0.0 and -0.0 are equal, so are all nans.
inline uint32_t key_of(float x) {
  if (x != x) return ~uint32_t(0);
  const uint32_t b = std::bit_cast<uint32_t>(x + 0.0f);
  return b >> 31 ? ~b : b | 0x80000000u;
}
inline uint64_t key_of(double x) {
  if (x != x) return ~uint64_t(0);
  const uint64_t b = std::bit_cast<uint64_t>(x + 0.0);
  return b >> 63 ? ~b : b | uint64_t(1) << 63;
}
inline uint32_t key_of(int32_t x) { return uint32_t(x) ^ 0x80000000u; }
inline uint64_t key_of(int64_t x) { return uint64_t(x) ^ uint64_t(1) << 63; }

constexpr int64_t chunk = 512;

template <class Pair, class T>
void make_pairs(Pair* pairs, const View& in, int64_t at, int64_t dim, bool descending) {
  using Key = decltype(key_of(T()));
  const int64_t n = in.sizes[dim], stride = in.strides[dim], bytes = itemsize(in.dtype);
  alignas(64) char dense[chunk * 8];
  alignas(64) T x[chunk];
  for (int64_t i = 0; i < n; i += chunk) {
    const int64_t m = std::min(chunk, n - i);
    const void* from = in.ptr<const char>() + (at + i * stride) * bytes;
    kernels::copy_strided(static_cast<void*>(dense), int64_t(1), from, stride, m, bytes);
    kernels::convert(static_cast<void*>(x), dtype_of<T>, static_cast<const void*>(dense), in.dtype,
                     m);
    for (int64_t k = 0; k < m; ++k) {
      const Key key = key_of(x[k]);
      pairs[i + k] = Pair::make(descending ? Key(~key) : key, i + k);
    }
  }
}

// Byte by byte from the lowest, skipping bytes that are the same everywhere. Returns where the
// result is.
template <class Pair>
Pair* radix_sort(Pair* from, Pair* to, int64_t n) {
  for (int d = 0; d < Pair::digits; ++d) {
    int64_t starts[256] = {};
    for (int64_t i = 0; i < n; ++i) ++starts[from[i].digit(d)];
    if (starts[from[0].digit(d)] == n) continue;
    int64_t total = 0;
    for (int64_t& s : starts) total += std::exchange(s, total);
    for (int64_t i = 0; i < n; ++i) to[starts[from[i].digit(d)]++] = from[i];
    std::swap(from, to);
  }
  return from;
}

constexpr int64_t radix_from = 256;  // shorter rows are compared

template <class Pair>
Pair* sort_pairs(Pair* pairs, Pair* spare, int64_t n) {
  if (n >= radix_from) return radix_sort(pairs, spare, n);
  std::sort(pairs, pairs + n, [](Pair a, Pair b) { return a < b; });
  return pairs;
}

template <class Pair>
Pair* first_pairs(Pair* pairs, Pair* spare, int64_t n, int64_t k) {
  const auto less = [](Pair a, Pair b) { return a < b; };
  if (k >= n) return sort_pairs(pairs, spare, n);
  if (k * 64 <= n)
    std::partial_sort(pairs, pairs + k, pairs + n, less);
  else {
    std::nth_element(pairs, pairs + k, pairs + n, less);
    std::sort(pairs, pairs + k, less);
  }
  return pairs;
}

template <class Pair>
Pair* kth_pair(Pair* pairs, int64_t n, int64_t k) {
  std::nth_element(pairs, pairs + k, pairs + n, [](Pair a, Pair b) { return a < b; });
  return pairs + k;
}

template <class Pair>
void write(const Pair* pairs, int64_t k, const View& values, const View& indices, const View& in,
           const std::array<int64_t, 3>& at, int64_t dim) {
  visit_itemsize(itemsize(in.dtype), [&](auto t) {
    using T = typename decltype(t)::type;
    T* v = values.ptr<T>() + at[0];
    int64_t* place = indices.ptr<int64_t>() + at[1];
    const T* x = in.ptr<const T>() + at[2];
    for (int64_t i = 0; i < k; ++i) {
      const int64_t index = pairs[i].index();
      v[i * values.strides[dim]] = x[index * in.strides[dim]];
      place[i * indices.strides[dim]] = index;
    }
  });
}

// order(pairs, spare, n) returns the pairs of a row whose first ones are the answer.
template <class Pair, class T, class Order>
void for_rows(const View& values, const View& indices, const View& in, int64_t dim, bool descending,
              Order order) {
  const View v = without_dim(values, dim), p = without_dim(indices, dim), x = without_dim(in, dim);
  const Loop<3> rows({&v, &p, &x});
  const int64_t n = in.sizes[dim],
                grain = std::max<int64_t>(1, run_grain / 8 / std::max<int64_t>(n, 1));
  parallel_for(n ? rows.numel() : 0, grain, [&](int64_t begin, int64_t end) {
    const auto memory = std::make_unique_for_overwrite<Pair[]>(size_t(2 * n));
    for_runs(rows, begin, end, [&](auto at, int64_t count) {
      for (int64_t i = 0; i < count; ++i) {
        make_pairs<Pair, T>(memory.get(), in, at[2], dim, descending);
        const Pair* result = order(memory.get(), memory.get() + n, n);
        write(result, values.sizes[dim], values, indices, in, at, dim);
        for (int k = 0; k < 3; ++k) at[k] += rows.strides[k].back();
      }
    });
  });
}

template <class Order>
void order_rows(const View& values, const View& indices, const View& in, int64_t dim,
                bool descending, Order order) {
  const bool floating = is_floating(in.dtype);
  const bool wide = itemsize(in.dtype) == 8 || in.sizes[dim] > int64_t(0xffffffff);
  if (wide && floating)
    for_rows<Wide, double>(values, indices, in, dim, descending, order);
  else if (wide)
    for_rows<Wide, int64_t>(values, indices, in, dim, descending, order);
  else if (floating)
    for_rows<Narrow, float>(values, indices, in, dim, descending, order);
  else
    for_rows<Narrow, int32_t>(values, indices, in, dim, descending, order);
}

void sort(const View& values, const View& indices, const View& in, int64_t dim, bool descending) {
  order_rows(values, indices, in, dim, descending,
             [](auto* pairs, auto* spare, int64_t n) { return sort_pairs(pairs, spare, n); });
}

void topk(const View& values, const View& indices, const View& in, int64_t dim, bool largest) {
  order_rows(values, indices, in, dim, largest,
             [k = values.sizes[dim]](auto* pairs, auto* spare, int64_t n) {
               return first_pairs(pairs, spare, n, k);
             });
}

void kthvalue(const View& values, const View& indices, const View& in, int64_t dim, int64_t k,
              bool nan_wins) {
  order_rows(values, indices, in, dim, false,
             [=, floating = is_floating(in.dtype)](auto* pairs, auto*, int64_t n) {
               for (int64_t i = 0; nan_wins && floating && i < n; ++i)
                 if (pairs[i].is_last()) return pairs + i;
               return kth_pair(pairs, n, k);
             });
}

const Offer offers[] = {{kernels::sort, sort}, {kernels::topk, topk}};
const Offer kth_offer(kernels::kthvalue, kthvalue);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
