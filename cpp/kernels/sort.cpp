#include "kernels/sort.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "base/parallel.h"
#include "kernels/copy.h"
#include "kernels/runs.h"
#include "kernels/sort_short_rows.h"

// Elements become unsigned keys in the same order, paired with their index: then all pairs differ,
// every way of sorting is stable, and two loops serve all dtypes.
namespace izvod::kernels::IZVOD_ISA {
namespace {

struct Narrow {  // key in the upper half, index in the lower
  uint64_t bits;
  static Narrow make(uint64_t key, int64_t index) { return {key << 32 | uint64_t(index)}; }
  int64_t index() const { return int64_t(bits & 0xffffffff); }
  unsigned digit(int i) const { return bits >> (32 + 8 * i) & 255; }
  uint32_t first() const { return uint32_t(bits >> 32); }
  bool is_last() const { return first() == 0xffffffff; }  // nan
  static constexpr int digits = 4;
  bool operator<(Narrow o) const { return bits < o.bits; }
};
struct Wide {
  uint64_t key;
  int64_t place;
  static Wide make(uint64_t key, int64_t index) { return {key, index}; }
  int64_t index() const { return place; }
  unsigned digit(int i) const { return key >> (8 * i) & 255; }
  uint64_t first() const { return key; }
  bool is_last() const { return key == ~uint64_t(0); }
  static constexpr int digits = 8;
  bool operator<(Wide o) const { return key < o.key || (key == o.key && place < o.place); }
};

constexpr int64_t chunk = 512, columns = 32, group = chunk / columns;

// One row: n elements, `stride` apart, in the order asked for.
template <class Pair_, class T>
struct Row {
  using Pair = Pair_;
  static constexpr bool integers = std::is_integral_v<T>;
  using Key = decltype(key_of(T()));
  const char* data;
  DType dtype;
  int64_t n, stride;
  bool descending;

  // f(first, keys, m) for chunks of m neighbours.
  template <class F>
  void for_keys(F f) const {
    const int64_t bytes = itemsize(dtype);
    const bool in_place = dtype == dtype_of<T> && stride == 1;
    const Key flip = descending ? ~Key(0) : Key(0);
    alignas(64) T buffer[chunk];
    Key keys[chunk];
    for (int64_t i = 0; i < n; i += chunk) {
      const int64_t m = std::min(chunk, n - i);
      const char* from = data + i * stride * bytes;
      const T* x = in_place ? reinterpret_cast<const T*>(from) : buffer;
      if (!in_place)
        kernels::convert(Place<void>{buffer, dtype_of<T>}, Place<const void>{from, dtype, stride},
                         m, int64_t(1));
      for (int64_t k = 0; k < m; ++k) keys[k] = key_of(x[k]) ^ flip;
      f(i, keys, m);
    }
  }

  template <class P>
  void pairs(P* to, Key least = 0) const {
    for_keys([&](int64_t first, const Key* keys, int64_t m) {
      for (int64_t k = 0; k < m; ++k) to[first + k] = P::make(keys[k] - least, first + k);
    });
  }
  std::pair<Key, Key> range() const {
    Key least = ~Key(0), most = 0;
    for_keys([&](int64_t, const Key* keys, int64_t m) {
      for (int64_t k = 0; k < m; ++k)
        least = std::min(least, keys[k]), most = std::max(most, keys[k]);
    });
    return {least, most};
  }

  // Pairs that the k smallest are among, at best a few more; returns how many. The k-th smallest of
  // the minima of groups bounds the k-th smallest element from above. A group is a column of a
  // chunk laid out as `group` rows. `room` holds 2 n pairs, k is at most n / group.
  int64_t candidates(Pair* room, int64_t k) const {
    const int64_t groups = ceil_div(n, chunk) * columns;
    Key* all = reinterpret_cast<Key*>(room + n);
    Key *minima = all + n, *sorted = reinterpret_cast<Key*>(room);
    for_keys([&](int64_t first, const Key* keys, int64_t m) {
      std::copy(keys, keys + m, all + first);
      Key* least = minima + first / group;
      std::fill(least, least + columns, ~Key(0));
      int64_t i = 0;
      for (; i + columns <= m; i += columns)
        for (int64_t c = 0; c < columns; ++c) least[c] = std::min(least[c], keys[i + c]);
      for (int64_t c = 0; c < m - i; ++c) least[c] = std::min(least[c], keys[i + c]);
    });
    std::copy(minima, minima + groups, sorted);
    std::nth_element(sorted, sorted + k - 1, sorted + groups);
    const Key limit = sorted[k - 1];
    int64_t count = 0;
    for (int64_t g = 0; g < groups; ++g) {
      if (minima[g] > limit) continue;
      const int64_t first = g / columns * chunk, end = std::min(n, first + chunk);
      for (int64_t i = first + g % columns; i < end; i += columns) {
        room[count] = Pair::make(all[i], i);
        count += all[i] <= limit;
      }
    }
    return count;
  }
};

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

// Among n pairs in order, the last of which is free.
template <class Pair>
void insert(Pair* pairs, int64_t n, Pair pair) {
  int64_t place = n - 1;
  for (; place > 0 && pair < pairs[place - 1]; --place) pairs[place] = pairs[place - 1];
  pairs[place] = pair;
}
// The first k of n pairs to the front, in order. Late ones seldom belong there.
template <class Pair>
void insertion_sort(Pair* pairs, int64_t n, int64_t k) {
  for (int64_t i = 1; i < k; ++i) insert(pairs, i + 1, pairs[i]);
  for (int64_t i = k; i < n; ++i)
    if (pairs[i] < pairs[k - 1]) insert(pairs, k, pairs[i]);
}

constexpr int64_t radix_from = 256;  // shorter rows are compared
constexpr int64_t insertion_below = 16;

template <class Pair>
Pair* sort_pairs(Pair* pairs, Pair* spare, int64_t n) {
  if (n >= radix_from) return radix_sort(pairs, spare, n);
  std::sort(pairs, pairs + n);
  return pairs;
}

// Where a row's values and indices go, and where the values come from.
template <class T>
struct Answer {
  T* values;
  int64_t* indices;
  const T* in;
  int64_t values_stride, indices_stride, in_stride;

  template <class Pair>
  void write(const Pair* pairs, int64_t k) const {
    for (int64_t i = 0; i < k; ++i) {
      const int64_t index = pairs[i].index();
      values[i * values_stride] = in[index * in_stride];
      indices[i * indices_stride] = index;
    }
  }
};

// f(rows, begin, end) for rows along `dim`: what is looped over is where their values and indices
// go, and where they are.
template <class F>
void for_rows_along(int64_t dim, const View& values, const View& indices, const View& in, F f) {
  const View v = without_dim(values, dim), p = without_dim(indices, dim), x = without_dim(in, dim);
  const Loop<3> rows({&v, &p, &x});
  const int64_t n = in.sizes[dim],
                grain = std::max<int64_t>(1, run_grain / 16 / std::max<int64_t>(n, 1));
  parallel_for(n ? rows.numel() : 0, grain,
               [&](int64_t begin, int64_t end) { f(rows, begin, end); });
}

// order(row, room, answer) writes the answer for a row; room for 2 n pairs.
template <class Pair, class T, class Order>
void order_each(const View& values, const View& indices, const View& in, int64_t dim,
                bool descending, Order order) {
  const int64_t n = in.sizes[dim];
  for_rows_along(dim, values, indices, in, [&](const Loop<3>& rows, int64_t begin, int64_t end) {
    const auto room = std::make_unique_for_overwrite<Pair[]>(size_t(2 * n));
    visit_itemsize(itemsize(in.dtype), [&](auto t) {
      using V = typename decltype(t)::type;
      for_runs(rows, begin, end, [&](auto at, int64_t count) {
        for (int64_t i = 0; i < count; ++i) {
          const Answer<V> answer{values.ptr<V>() + at[0],   indices.ptr<int64_t>() + at[1],
                                 in.ptr<const V>() + at[2], values.strides[dim],
                                 indices.strides[dim],      in.strides[dim]};
          const Row<Pair, T> row{reinterpret_cast<const char*>(answer.in), in.dtype, n,
                                 in.strides[dim], descending};
          order(row, room.get(), answer);
          for (int k = 0; k < 3; ++k) at[k] += rows.along(k);
        }
      });
    });
  });
}

// The first ones of rows of at most ShortRows::longest elements.
template <class T>
void order_short(const View& values, const View& indices, const View& in, int64_t dim,
                 bool descending) {
  const int64_t n = in.sizes[dim], k = values.sizes[dim];
  for_rows_along(dim, values, indices, in, [&](const Loop<3>& rows, int64_t begin, int64_t end) {
    const auto place = [&](const View& v, int operand, int64_t at) {
      return Place<void>{v.ptr<char>() + at * itemsize(v.dtype), v.dtype, v.strides[dim],
                         rows.along(operand)};
    };
    ShortRows<T> group{};
    for_runs(rows, begin, end, [&](const auto& at, int64_t count) {
      for (int64_t i = 0; i < count; i += group.together) {
        const int64_t some = std::min(group.together, count - i);
        const Place<void> from = place(in, 2, at[2] + i * rows.along(2));
        group.load({from.data, from.dtype, from.along, from.down}, n, some, descending);
        group.sort(n, k);
        group.store(place(values, 0, at[0] + i * rows.along(0)),
                    place(indices, 1, at[1] + i * rows.along(1)), k, some);
      }
    });
  });
}

// f(pair, element): the types in which rows along `dim` are ordered.
template <class F>
void visit_keys(const View& in, int64_t dim, F f) {
  const bool floating = is_floating(in.dtype);
  const bool wide = itemsize(in.dtype) == 8 || in.sizes[dim] > int64_t(0xffffffff);
  if (wide && floating)
    f(Type<Wide>{}, Type<double>{});
  else if (wide)
    f(Type<Wide>{}, Type<int64_t>{});
  else if (floating)
    f(Type<Narrow>{}, Type<float>{});
  else
    f(Type<Narrow>{}, Type<int32_t>{});
}

template <class Order>
void order_rows(const View& values, const View& indices, const View& in, int64_t dim,
                bool descending, Order order) {
  visit_keys(in, dim, [&](auto pair, auto element) {
    order_each<typename decltype(pair)::type, typename decltype(element)::type>(
        values, indices, in, dim, descending, order);
  });
}

// Whether this has ordered them.
bool order_if_short(const View& values, const View& indices, const View& in, int64_t dim,
                    bool descending) {
  if (in.sizes[dim] > ShortRows<float>::longest) return false;
  visit_keys(in, dim, [&](auto, auto element) {
    order_short<typename decltype(element)::type>(values, indices, in, dim, descending);
  });
  return true;
}

void sort(const View& values, const View& indices, const View& in, int64_t dim, bool descending) {
  if (order_if_short(values, indices, in, dim, descending)) return;
  order_rows(values, indices, in, dim, descending,
             []<class Pair>(const auto& row, Pair* room, const auto& answer) {
               const auto sorted = [&](auto* pairs, auto least) {
                 row.pairs(pairs, least);
                 answer.write(sort_pairs(pairs, pairs + row.n, row.n), row.n);
               };
               using Elements = std::remove_cvref_t<decltype(row)>;
               if constexpr (std::is_same_v<Pair, Wide> && Elements::integers) {  // may be few
                 const auto [least, most] = row.range();
                 if (most - least < uint64_t(1) << 32 && row.n < int64_t(1) << 32)
                   return sorted(reinterpret_cast<Narrow*>(room), least);
               }
               sorted(room, 0);
             });
}

void topk(const View& values, const View& indices, const View& in, int64_t dim, bool largest) {
  const int64_t k = values.sizes[dim];
  if (order_if_short(values, indices, in, dim, largest)) return;
  order_rows(values, indices, in, dim, largest,
             [k](const auto& row, auto* room, const auto& answer) {
               if (k == 0) return;
               int64_t count = row.n;
               if (k * 2 <= row.n / group && row.n >= chunk)
                 count = row.candidates(room, k);
               else
                 row.pairs(room);
               if (k < insertion_below && k < count && count < 4 * chunk) {
                 insertion_sort(room, count, k);
                 return answer.write(room, k);
               }
               if (k >= row.n) return answer.write(sort_pairs(room, room + row.n, count), k);
               std::nth_element(room, room + k - 1, room + count);
               std::sort(room, room + k);
               answer.write(room, k);
             });
}

void kthvalue(const View& values, const View& indices, const View& in, int64_t dim, int64_t k,
              bool nan_wins) {
  const bool floating = is_floating(in.dtype);
  order_rows(values, indices, in, dim, false, [=](const auto& row, auto* room, const auto& answer) {
    row.pairs(room);
    for (int64_t i = 0; nan_wins && floating && i < row.n; ++i)
      if (room[i].is_last()) return answer.write(room + i, 1);
    std::nth_element(room, room + k, room + row.n);
    answer.write(room + k, 1);
  });
}

const Offer offers[] = {{kernels::sort, sort}, {kernels::topk, topk}};
const Offer kth_offer(kernels::kthvalue, kthvalue);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
