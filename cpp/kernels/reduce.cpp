#include "kernels/reduce.h"

#include <cmath>
#include <limits>

#include "kernels/reduce_walk.h"
#include "kernels/rows.h"
#include "kernels/vec_math.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

// ---- what is folded: map, then combine, from the identity on. X is a vector or a scalar.

template <class T>
T where(bool m, T a, T b) {
  return m ? a : b;
}
inline bool isnan(double x) { return x != x; }
inline float abs(float x) { return std::abs(x); }
inline double abs(double x) { return std::abs(x); }
// The second where one is nan, as for vectors.
inline float max(float a, float b) { return a > b ? a : b; }
inline double max(double a, double b) { return a > b ? a : b; }
inline float min(float a, float b) { return a < b ? a : b; }
inline double min(double a, double b) { return a < b ? a : b; }

template <class T>
struct Sum {
  using Value = T;
  static constexpr T identity = 0;
  static constexpr int chains = 8;  // folds side by side that none waits for another's result
  explicit Sum(double) {}
  template <class X>
  X map(X x) const {
    return x;
  }
  template <class X>
  static X combine(X a, X b) {
    return a + b;
  }
};
template <class T>
struct Prod : Sum<T> {
  using Sum<T>::Sum;
  static constexpr T identity = 1;
  template <class X>
  static X combine(X a, X b) {
    return a * b;
  }
};
template <class T>
struct Max : Sum<T> {
  using Sum<T>::Sum;
  static constexpr T identity =
      std::is_integral_v<T> ? std::numeric_limits<T>::min() : -std::numeric_limits<T>::infinity();
  static constexpr int chains = 4;
  template <class X>
  static X combine(X a, X b) {
    if constexpr (std::is_integral_v<T>)
      return where(a > b, a, b);
    else
      return where(isnan(a), a, max(a, b));
  }
};
template <class T>
struct Min : Sum<T> {
  using Sum<T>::Sum;
  static constexpr T identity =
      std::is_integral_v<T> ? std::numeric_limits<T>::max() : std::numeric_limits<T>::infinity();
  static constexpr int chains = 4;
  template <class X>
  static X combine(X a, X b) {
    if constexpr (std::is_integral_v<T>)
      return where(a < b, a, b);
    else
      return where(isnan(a), a, min(a, b));
  }
};

template <class T>
struct SumSquares : Sum<T> {
  using Sum<T>::Sum;
  template <class X>
  X map(X x) const {
    return x * x;
  }
};
template <class T>
struct SumAbs : Sum<T> {
  using Sum<T>::Sum;
  template <class X>
  X map(X x) const {
    return abs(x);
  }
};
template <class T>
struct MaxAbs : Max<T> {
  using Max<T>::Max;
  static constexpr T identity = 0;
  template <class X>
  X map(X x) const {
    return abs(x);
  }
};
template <class T>
struct MinAbs : Min<T> {
  using Min<T>::Min;
  template <class X>
  X map(X x) const {
    return abs(x);
  }
};
template <class T>
struct SumPowers : Sum<T> {
  T p;
  explicit SumPowers(double p) : Sum<T>(p), p(T(p)) {}
  T map(T x) const { return std::pow(std::abs(x), p); }
  Vec<T> map(Vec<T> x) const {
    return kernels::IZVOD_ISA::map(x, [this](T v) { return map(v); });
  }
};

// ---- folds over dense memory -------------------------------------------------------------------

// acc[0..n) in a tree; n is a power of two.
template <class Op, int n, class V>
[[gnu::always_inline]] inline V fold_chains(const V* acc) {
  if constexpr (n == 1) {
    return acc[0];
  } else {
    V halves[n / 2];
#pragma GCC unroll 8
    for (int k = 0; k < n / 2; ++k) halves[k] = Op::combine(acc[k], acc[k + n / 2]);
    return fold_chains<Op, n / 2>(halves);
  }
}

// n elements from each of `count` places. What is unrolled by order would otherwise keep its
// vectors in memory.
template <class Op, int count, class T = typename Op::Value>
[[gnu::always_inline]] inline void fold_streams(const Op& op, T* const* states, const T* const* p,
                                                int64_t n) {
  using V = Vec<T>;
  constexpr int chains = Op::chains, step = chains * V::width;
  const auto at = [&](int s, int64_t i) { return op.map(V::load(p[s] + i)); };
  V total[count] = {};
  int64_t i = 0;
  if (n >= step) {
    V acc[count][chains];
#pragma GCC unroll 16
    for (int k = 0; k < count * chains; ++k)
      acc[k % count][k / count] = at(k % count, k / count * V::width);
    for (i = step; i + step <= n; i += step)
#pragma GCC unroll 16
      for (int k = 0; k < count * chains; ++k) {
        V& a = acc[k % count][k / count];
        a = Op::combine(a, at(k % count, i + k / count * V::width));
      }
#pragma GCC unroll 2
    for (int s = 0; s < count; ++s) total[s] = fold_chains<Op, chains>(acc[s]);
  } else if (n >= V::width) {
    for (int s = 0; s < count; ++s) total[s] = at(s, 0);
    i = V::width;
  }
  for (; i + V::width <= n; i += V::width)
#pragma GCC unroll 2
    for (int s = 0; s < count; ++s) total[s] = Op::combine(total[s], at(s, i));
#pragma GCC unroll 2
  for (int s = 0; s < count; ++s) {
    T x = n < V::width ? Op::identity
                       : fold_lanes(total[s], [](V a, V b) { return Op::combine(a, b); });
    for (int64_t k = i; k < n; ++k) x = Op::combine(x, op.map(p[s][k]));
    *states[s] = x;
  }
}

template <class Op, class T = typename Op::Value>
void leaf(const Reducer& r, void* state, const void* x, int64_t n, int64_t) {
  T* const states[] = {static_cast<T*>(state)};
  const T* const places[] = {static_cast<const T*>(x)};
  fold_streams<Op, 1>(Op(r.parameter), states, places, n);
}
template <class Op, class T = typename Op::Value>
void leaf_pair(const Reducer& r, void* state0, void* state1, const void* x0, const void* x1,
               int64_t n) {
  T* const states[] = {static_cast<T*>(state0), static_cast<T*>(state1)};
  const T* const places[] = {static_cast<const T*>(x0), static_cast<const T*>(x1)};
  fold_streams<Op, 2>(Op(r.parameter), states, places, n);
}

// to[i] with get(p + i, V or T), which gives a vector or, at the end, one element.
template <class Op, class T, class F>
[[gnu::always_inline]] inline void fold_row(T* to, bool first, const T* p, int64_t n, F get) {
  using V = Vec<T>;
  int64_t i = 0;
  for (; i + V::width <= n; i += V::width) {
    const V x = get(p + i, V());
    (first ? x : Op::combine(V::load(to + i), x)).store(to + i);
  }
  for (; i < n; ++i) {
    const T x = get(p + i, T());
    to[i] = first ? x : Op::combine(to[i], x);
  }
}

// Four rows at a time, a quarter of all apart where that is another page: memory delivers a few
// such streams faster than one, or than many. far_away: of rows that come from memory the next
// group's are fetched: what fetches ahead by itself would begin anew with every group.
template <class Op, bool far_away, class T = typename Op::Value>
void fold_rows(const Op& op, T* to, const T* p, int64_t stride, int64_t rows, int64_t n) {
  const auto mapped = [&]<class X>(const T* p, X) {
    if constexpr (std::is_same_v<X, T>)
      return op.map(*p);
    else
      return op.map(X::load(p));
  };
  const int64_t quarter = rows / 4;
  const bool pages = quarter * stride * int64_t(sizeof(T)) >= 4096;
  const int64_t far = (pages ? quarter : 1) * stride, step = (pages ? 1 : 4) * stride;
  for (int64_t k = 0; k < quarter; ++k)
    fold_row<Op>(to, k == 0, p + k * step, n, [&](const T* p, auto kind) {
      if constexpr (far_away)
        for (int row = 0; row < 4; ++row) __builtin_prefetch(p + row * far + rows * stride, 0, 2);
      return Op::combine(Op::combine(mapped(p, kind), mapped(p + far, kind)),
                         Op::combine(mapped(p + 2 * far, kind), mapped(p + 3 * far, kind)));
    });
  for (int64_t k = 4 * quarter; k < rows; ++k) fold_row<Op>(to, k == 0, p + k * stride, n, mapped);
}
template <class Op, class T = typename Op::Value>
void rows(const Reducer& r, void* states, const void* x, int64_t stride, int64_t rows, int64_t n,
          int64_t) {
  const auto fold = r.far_away ? fold_rows<Op, true> : fold_rows<Op, false>;
  fold(Op(r.parameter), static_cast<T*>(states), static_cast<const T*>(x), stride, rows, n);
}

template <class Op>
void merge(void* a, int64_t, const void* b, int64_t, int64_t n) {
  using T = typename Op::Value;
  T* to = static_cast<T*>(a);
  const T* from = static_cast<const T*>(b);
  int64_t i = 0;
  for (; i + Vec<T>::width <= n; i += Vec<T>::width)
    Op::combine(Vec<T>::load(to + i), Vec<T>::load(from + i)).store(to + i);
  for (; i < n; ++i) to[i] = Op::combine(to[i], from[i]);
}

// ---- final values

template <class T, class F>
void finish_each(const void* states, int64_t n, void* const* results, F f) {
  const T* from = static_cast<const T*>(states);
  T* to = static_cast<T*>(results[0]);
  for (int64_t i = 0; i < n; ++i) to[i] = f(from[i]);
}
template <class T>
void finish_plain(const Reducer&, const void* states, int64_t n, int64_t, void* const* results) {
  finish_each<T>(states, n, results, [](T s) { return s; });
}
template <class T>
void finish_mean(const Reducer&, const void* states, int64_t n, int64_t count,
                 void* const* results) {
  finish_each<T>(states, n, results, [=](T s) { return s / T(count); });
}
template <class T>
void finish_root(const Reducer&, const void* states, int64_t n, int64_t, void* const* results) {
  finish_each<T>(states, n, results, [](T s) { return std::sqrt(s); });
}
template <class T>
void finish_power(const Reducer& r, const void* states, int64_t n, int64_t, void* const* results) {
  finish_each<T>(states, n, results, [p = T(1 / r.parameter)](T s) { return std::pow(s, p); });
}

template <class Op>
constexpr Reducer reducer(decltype(Reducer::finish) finish = finish_plain<typename Op::Value>) {
  constexpr DType type = dtype_of<typename Op::Value>;
  Reducer r = {type, itemsize(type), {type, type}, leaf<Op>, rows<Op>, merge<Op>, finish};
  r.leaf_pair = leaf_pair<Op>;
  return r;
}

// The reducer for a type to compute in, by dtype.
template <template <class> class Op>
void reduce_as(DType type, const View& out, const View& in) {
  static constexpr Reducer f = reducer<Op<float>>(), d = reducer<Op<double>>(),
                           i = reducer<Op<int64_t>>();
  const DType compute = compute_type(type);
  reduce(compute == DType::Int64 ? i : compute == DType::Float64 ? d : f, in, &out);
}

void sum(const View& out, const View& in) { reduce_as<Sum>(out.dtype, out, in); }
void prod(const View& out, const View& in) { reduce_as<Prod>(out.dtype, out, in); }

template <class Op>
void reduce_by(const View& out, const View& in) {
  static constexpr Reducer r = reducer<Op>();
  reduce(r, in, &out);
}
// Short integers as what they are: the result is one of them.
template <template <class> class Op>
void reduce_to_one(const View& out, const View& in) {
  View bytes = in;  // bools are 0 or 1
  switch (in.dtype) {
    case DType::Bool:
      bytes.dtype = DType::UInt8;
      [[fallthrough]];
    case DType::UInt8:
      return reduce_by<Op<uint8_t>>(out, bytes);
    case DType::Int8:
      return reduce_by<Op<int8_t>>(out, in);
    case DType::Int16:
      return reduce_by<Op<int16_t>>(out, in);
    case DType::Int32:
      return reduce_by<Op<int32_t>>(out, in);
    default:
      return reduce_as<Op>(in.dtype, out, in);
  }
}
void amax(const View& out, const View& in) { reduce_to_one<Max>(out, in); }
void amin(const View& out, const View& in) { reduce_to_one<Min>(out, in); }

void mean(const View& out, const View& in) {
  static constexpr Reducer f = reducer<Sum<float>>(finish_mean<float>),
                           d = reducer<Sum<double>>(finish_mean<double>);
  reduce(out.dtype == DType::Float64 ? d : f, in, &out);
}

// ---- counting: elements arrive as bytes 0 or 1

void count_leaf(const Reducer&, void* state, const void* x, int64_t n, int64_t) {
  const uint8_t* p = static_cast<const uint8_t*>(x);
  uint32_t total = 0;
  for (int64_t i = 0; i < n; ++i) total += p[i];
  *static_cast<int64_t*>(state) = total;
}
void count_rows(const Reducer&, void* states, const void* x, int64_t stride, int64_t rows,
                int64_t n, int64_t) {
  const uint8_t* p = static_cast<const uint8_t*>(x);
  uint8_t totals[max_columns] = {};  // at most group_rows each
  for (int64_t k = 0; k < rows; ++k)
    for (int64_t i = 0; i < n; ++i) totals[i] = uint8_t(totals[i] + p[k * stride + i]);
  for (int64_t i = 0; i < n; ++i) static_cast<int64_t*>(states)[i] = totals[i];
}
void count_nonzero(const View& out, const View& in) {
  static constexpr Reducer r = {DType::Bool,          8,          {DType::Int64, DType::Int64},
                                count_leaf,           count_rows, merge<Sum<int64_t>>,
                                finish_plain<int64_t>};
  reduce(r, in, &out);
}

// Of bytes, or of what became 0 or 1, the greatest is not 0 if any is, the least if all are.
void finish_truth(const Reducer&, const void* states, int64_t n, int64_t, void* const* results) {
  finish_each<uint8_t>(states, n, results, [](uint8_t s) { return uint8_t(s != 0); });
}
template <template <class> class Extreme>
void truth(const View& out, View in) {
  static constexpr Reducer r = [] {
    Reducer r = reducer<Extreme<uint8_t>>(finish_truth);
    r.load = DType::Bool;
    return r;
  }();
  if (itemsize(in.dtype) == 1) in.dtype = DType::Bool;
  reduce(r, in, &out);
}
void any(const View& out, const View& in) { truth<Max>(out, in); }
void all(const View& out, const View& in) { truth<Min>(out, in); }

template <class T>
Reducer norm_reducer(double p) {
  if (p == 1) return reducer<SumAbs<T>>();
  if (p == 2) return reducer<SumSquares<T>>(finish_root<T>);
  if (std::isinf(p)) return p > 0 ? reducer<MaxAbs<T>>() : reducer<MinAbs<T>>();
  Reducer r = reducer<SumPowers<T>>(finish_power<T>);
  r.parameter = p;
  return r;
}

void norm(const View& out, const View& in, double p) {
  if (p == 0) return count_nonzero(out, in);
  reduce(out.dtype == DType::Float64 ? norm_reducer<double>(p) : norm_reducer<float>(p), in, &out);
}

const Offer offers[] = {
    {kernels::sum, sum},   {kernels::mean, mean}, {kernels::prod, prod},
    {kernels::amax, amax}, {kernels::amin, amin}, {kernels::count_nonzero, count_nonzero},
    {kernels::any, any},   {kernels::all, all},   {kernels::norm, norm}};

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
