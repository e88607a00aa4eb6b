#include <cmath>
#include <type_traits>

#include "kernels/reduce.h"
#include "kernels/reduce_walk.h"
#include "kernels/vec.h"

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

// The best of n > 0 numbers; nan if there is one. Single numbers are spread over vectors, where
// neither the better one nor nan takes a branch, which nobody could predict.
template <bool largest, class T>
T best_of(const T* p, int64_t n) {
  using V = Vec<T>;
  constexpr int chains = 4;
  V best = p[0];
  Mask<T> nans{};
  const auto look_at = [&](V& a, V x) {
    a = largest ? max(x, a) : min(x, a);
    if constexpr (!std::is_integral_v<T>) nans = nans | isnan(x);
  };
  int64_t i = 0;
  if (n >= chains * V::width) {
    V a[chains] = {best, best, best, best};
    for (; i + chains * V::width <= n; i += chains * V::width)
#pragma GCC unroll 4
      for (int k = 0; k < chains; ++k) look_at(a[k], V::load(p + i + k * V::width));
    T lanes[V::width];
    for (int k = 1; k < chains; ++k) look_at(a[0], a[k]);
    a[0].store(lanes);
    for (int k = 0; k < V::width; ++k) look_at(best, V(lanes[k]));
  }
  for (; i < n; ++i) look_at(best, V(p[i]));
  return any(nans) ? T(NAN) : best[0];
}

// Where the first number stands for which `hit` holds; there is one. `hit` is asked about vectors
// and about numbers.
template <class T, class Hit>
int64_t first_hit(const T* p, int64_t n, Hit hit) {
  using V = Vec<T>;
  constexpr int64_t step = 2 * V::width;
  int64_t i = 0;
  while (i + step <= n && !any(hit(V::load(p + i)) | hit(V::load(p + i + V::width)))) i += step;
  int64_t at = i;
  bool found = false;
  for (const int64_t end = std::min(n, i + step); i < end; ++i) {
    found |= hit(p[i]);
    at += !found;
  }
  return at;
}

// The best value first, then the place where it stands: two passes over memory that is near.
template <bool largest, class T>
void leaf(const Reducer&, void* state, const void* x, int64_t n, int64_t first) {
  const T* p = static_cast<const T*>(x);
  if (n == 0) {
    *static_cast<Best<T>*>(state) = {T(0), first};
    return;
  }
  const T best = best_of<largest>(p, n);
  const int64_t at = best == best ? first_hit(p, n, [best](auto x) { return x == best; })
                                  : first_hit(p, n, [](auto x) { return x != x; });
  *static_cast<Best<T>*>(state) = {p[at], first + at};
}

template <bool largest, class T>
void rows(const Reducer&, void* states, const void* x, int64_t stride, int64_t rows, int64_t n,
          int64_t first) {
  using V = Vec<T>;
  using I = Vec<typename V::Int>;
  Best<T>* to = static_cast<Best<T>*>(states);
  for (int64_t i = 0; i < n; i += V::width) {
    const T* p = static_cast<const T*>(x) + i;
    const int64_t m = std::min<int64_t>(V::width, n - i);
    V best = V::load(p, m);
    I index(0);
    for (int64_t k = 1; k < rows; ++k) {
      const V y = V::load(p + k * stride, m);
      const Mask<T> take = better<largest>(y, best);
      best = where(take, y, best);
      index = I(take.v ? I(k).v : index.v);
    }
    for (int64_t j = 0; j < m; ++j) to[i + j] = {best[int(j)], first + index[int(j)]};
  }
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
