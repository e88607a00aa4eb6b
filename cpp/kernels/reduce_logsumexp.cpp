#include <cmath>
#include <limits>

#include "kernels/reduce.h"
#include "kernels/reduce_walk.h"
#include "kernels/vec_math.h"

// log(sum(exp(x))) in one pass: a state is the largest element and the sum of exp(x - largest).
namespace izvod::kernels::IZVOD_ISA {
namespace {

template <class T>
struct Exps {
  T largest, sum;
};
template <class T>
constexpr T lowest = -std::numeric_limits<T>::infinity();

// What is subtracted: infinities would give inf - inf.
template <class T>
T shift_of(T largest) {
  return std::isinf(largest) ? T(0) : largest;
}

template <class T>
Exps<T> merged(Exps<T> a, Exps<T> b) {
  const T largest = a.largest > b.largest || a.largest != a.largest ? a.largest : b.largest,
          s = shift_of(largest);
  return {largest,
          a.sum * std::exp(shift_of(a.largest) - s) + b.sum * std::exp(shift_of(b.largest) - s)};
}

template <class T>
void leaf(const Reducer&, void* state, const void* x, int64_t n, int64_t) {
  using V = Vec<T>;
  const T* p = static_cast<const T*>(x);
  V large(lowest<T>);
  int64_t i = 0;
  for (; i + V::width <= n; i += V::width) large = nan_max(V::load(p + i), large);
  T largest = lowest<T>;
  for (int k = 0; k < V::width; ++k)
    largest = large[k] > largest || large[k] != large[k] ? T(large[k]) : largest;
  for (; i < n; ++i) largest = p[i] > largest || p[i] != p[i] ? p[i] : largest;
  const V shift(shift_of(largest));
  V sum(T(0));
  for (i = 0; i + V::width <= n; i += V::width) sum += exp(V::load(p + i) - shift);
  T total = sum_lanes(sum);
  if (i < n) {
    const V rest = exp(V::load(p + i, n - i) - shift);
    for (int64_t k = 0; k < n - i; ++k) total += rest[int(k)];
  }
  *static_cast<Exps<T>*>(state) = {largest, total};
}

template <class T>
void rows(const Reducer&, void* states, const void* x, int64_t stride, int64_t rows, int64_t n,
          int64_t) {
  using V = Vec<T>;
  Exps<T>* to = static_cast<Exps<T>*>(states);
  for (int64_t i = 0; i < n; i += V::width) {
    const T* p = static_cast<const T*>(x) + i;
    const int64_t m = std::min<int64_t>(V::width, n - i);
    V large = V::load(p, m);
    for (int64_t k = 1; k < rows; ++k) large = nan_max(V::load(p + k * stride, m), large);
    const V shift = where(abs(large) == V(-lowest<T>), V(T(0)), large);
    V sum(T(0));
    for (int64_t k = 0; k < rows; ++k) sum += exp(V::load(p + k * stride, m) - shift);
    for (int64_t j = 0; j < m; ++j) to[i + j] = {large[int(j)], sum[int(j)]};
  }
}

template <class T>
void merge(void* a, int64_t, const void* b, int64_t, int64_t n) {
  Exps<T>* to = static_cast<Exps<T>*>(a);
  const Exps<T>* from = static_cast<const Exps<T>*>(b);
  for (int64_t i = 0; i < n; ++i) to[i] = merged(to[i], from[i]);
}

template <class T>
void finish(const Reducer&, const void* states, int64_t n, int64_t, void* const* results) {
  const Exps<T>* from = static_cast<const Exps<T>*>(states);
  for (int64_t i = 0; i < n; ++i)
    static_cast<T*>(results[0])[i] = shift_of(from[i].largest) + std::log(from[i].sum);
}

template <class T>
constexpr Reducer reducer() {
  constexpr DType type = dtype_of<T>;
  return {type, 2 * itemsize(type), {type, type}, leaf<T>, rows<T>, merge<T>, finish<T>};
}

void logsumexp(const View& out, const View& in) {
  static constexpr Reducer f = reducer<float>(), d = reducer<double>();
  reduce(out.dtype == DType::Float64 ? d : f, in, &out);
}

const Offer offer(kernels::logsumexp, logsumexp);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
