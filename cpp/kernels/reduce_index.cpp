#include <limits>
#include <type_traits>

#include "kernels/reduce.h"
#include "kernels/reduce_walk.h"
#include "kernels/rows.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

template <class T>
struct Best {
  T value;
  int64_t index;
};

// x stands before y: larger (smaller), or nan where y is none.
template <bool largest, class T>
Mask<T> better(Vec<T> x, Vec<T> y) {
  const Mask<T> m = largest ? x > y : x < y;
  if constexpr (std::is_integral_v<T>)
    return m;
  else
    return m | (isnan(x) & ~isnan(y));
}
template <bool largest, class T>
bool better(T x, T y) {
  return bool((largest ? x > y : x < y) | ((x != x) & (y == y)));
}

template <bool largest, class T>
inline constexpr T worst =
    std::is_integral_v<T>
        ? (largest ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max())
        : (largest ? -1 : 1) * std::numeric_limits<T>::infinity();

// The best of a vector's width or more numbers, nan not counted, and the block where it first
// stands. Of each lane the first block with the lane's best is kept; nothing takes a branch, which
// nobody could predict.
template <bool largest, class T>
struct BestBlock {
  using V = Vec<T>;
  using Int = typename V::Int;
  using I = Vec<Int>;
  static constexpr int chains = 4;
  static constexpr int64_t size = 4 * chains * V::width;
  V best = worst<largest, T>;
  I block = 0;
  Mask<T> nans{};

  static V better_of(V x, V y) { return largest ? max(x, y) : min(x, y); }  // y where x is nan
  void look_at(V& a, V x) {
    a = better_of(x, a);
    if constexpr (!std::is_integral_v<T>) nans = nans | isnan(x);
  }
  void keep(V a, int64_t at) {
    const Mask<T> m = largest ? a > best : a < best;
    best = where(m, a, best);
    block = where(Mask<Int>{m.v}, I(at), block);
  }
  BestBlock(const T* p, int64_t n) {
    int64_t i = 0;
    while (i + size <= n) {
      V a[chains] = {best, best, best, best};
      const int64_t at = i;
      for (; i < at + size; i += chains * V::width)
#pragma GCC unroll 4
        for (int k = 0; k < chains; ++k) {
          look_at(a[k], V::load(p + i + k * V::width));
          if (k * vec_bytes % 64 == 0)
            __builtin_prefetch(p + i + n + k * V::width);  // the next row
        }
      keep(better_of(better_of(a[0], a[1]), better_of(a[2], a[3])), at);
    }
    V a = best;
    const int64_t at = i;
    for (; i + V::width <= n; i += V::width) look_at(a, V::load(p + i));
    if (i < n) look_at(a, V::load(p + n - V::width));
    keep(a, at);
  }
  T value() const { return fold_lanes(best, better_of); }
  int64_t first() const {
    const Mask<T> holds = best == V(value());
    return fold_lanes(where(Mask<Int>{holds.v}, block, std::numeric_limits<Int>::max()),
                      [](I x, I y) { return min(x, y); });
  }
};

// Where the first number stands for which `hit` holds; there is one. n is a vector's width or more.
template <class T, class Hit>
int64_t first_hit(const T* p, int64_t n, Hit hit) {
  using V = Vec<T>;
  for (int64_t i = 0;; i = std::min(i + V::width, n - V::width))
    if (const Mask<T> m = hit(V::load(p + i)); any(m)) return i + first_lane(m);
}

// Where the best of n > 0 numbers stands first.
template <bool largest, class T>
int64_t best_place(const T* p, int64_t n) {
  using V = Vec<T>;
  if (n < V::width) {
    int64_t at = 0;
    for (int64_t i = 1; i < n; ++i) at = better<largest>(p[i], p[at]) ? i : at;
    return at;
  }
  const BestBlock<largest, T> found(p, n);
  if (any(found.nans)) return first_hit(p, n, [](V x) { return isnan(x); });
  const int64_t at = std::min<int64_t>(found.first(), n - V::width);
  return at + first_hit(p + at, n - at, [best = V(found.value())](V x) { return x == best; });
}

template <bool largest, class T>
void leaf(const Reducer&, void* state, const void* x, int64_t n, int64_t first) {
  const T* p = static_cast<const T*>(x);
  const int64_t at = n ? best_place<largest>(p, n) : 0;
  *static_cast<Best<T>*>(state) = {n ? p[at] : T(0), first + at};
}

// The best of each of `vecs` vectors of columns, the last one of m lanes.
template <bool largest, int vecs, class T>
void columns(Best<T>* to, const T* p, int64_t stride, int64_t rows, int64_t m, int64_t first) {
  using V = Vec<T>;
  using I = Vec<typename V::Int>;
  const auto load = [=](int64_t row, int j) {
    const T* at = p + row * stride + j * V::width;
    return j == vecs - 1 ? V::load(at, m) : V::load(at);
  };
  V best[vecs];
  I index[vecs];
#pragma GCC unroll 8
  for (int j = 0; j < vecs; ++j) best[j] = load(0, j), index[j] = I(0);
  for (int64_t k = 1; k < rows; ++k)
#pragma GCC unroll 8
    for (int j = 0; j < vecs; ++j) {
      const V y = load(k, j);
      __builtin_prefetch(p + (k + 8) * stride + j * V::width);
      const Mask<T> take = better<largest>(y, best[j]);
      best[j] = where(take, y, best[j]);
      index[j] = I(take.v ? I(k).v : index[j].v);
    }
  for (int j = 0; j < vecs; ++j)
    for (int64_t i = 0; i < (j == vecs - 1 ? m : V::width); ++i)
      *to++ = {best[j][int(i)], first + index[j][int(i)]};
}

// Several vectors at a time, as memory delivers long pieces of rows best.
template <bool largest, class T>
void rows(const Reducer&, void* states, const void* x, int64_t stride, int64_t rows, int64_t n,
          int64_t first) {
  constexpr int64_t width = Vec<T>::width, together = 4;
  Best<T>* to = static_cast<Best<T>*>(states);
  const T* p = static_cast<const T*>(x);
  for (; n >= together * width;
       n -= together * width, p += together * width, to += together * width)
    columns<largest, together>(to, p, stride, rows, width, first);
  for (; n > 0; n -= width, p += width, to += width)
    columns<largest, 1>(to, p, stride, rows, std::min(width, n), first);
}

template <bool largest, class T>
void merge(void* a, int64_t, const void* b, int64_t, int64_t n) {
  Best<T>* to = static_cast<Best<T>*>(a);
  const Best<T>* from = static_cast<const Best<T>*>(b);
  for (int64_t i = 0; i < n; ++i) {  // without branches: nobody could predict them
    const bool take = better<largest>(from[i].value, to[i].value);
    to[i].index = take ? from[i].index : to[i].index;
    to[i].value = take ? from[i].value : to[i].value;
  }
}

template <class T>
void finish(const Reducer&, const void* states, int64_t n, int64_t, void* const* results) {
  for (int64_t i = 0; i < n; ++i) {
    static_cast<int64_t*>(results[0])[i] = static_cast<const Best<T>*>(states)[i].index;
    static_cast<T*>(results[1])[i] = static_cast<const Best<T>*>(states)[i].value;
  }
}

template <bool largest, class T>
constexpr Reducer reducer() {
  constexpr DType type = dtype_of<T>;
  return {type,
          16,
          {DType::Int64, type},
          leaf<largest, T>,
          rows<largest, T>,
          merge<largest, T>,
          finish<T>,
          0,
          max_block_rows,
          true};
}

template <bool largest>
void best_with_index(const View* values, const View& indices, const View& in) {
  static constexpr Reducer f = reducer<largest, float>(), d = reducer<largest, double>(),
                           i = reducer<largest, int64_t>();
  const DType compute = compute_type(in.dtype);
  reduce(compute == DType::Int64 ? i : compute == DType::Float64 ? d : f, in, &indices, values);
}

const Offer offers[] = {{kernels::max_with_index, best_with_index<true>},
                        {kernels::min_with_index, best_with_index<false>}};

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
