#pragma once
// Squares of numbers, transposed in registers: as many rows as vectors have lanes, or four of four.
#include <utility>

#include "kernels/vec.h"

namespace izvod::kernels::IZVOD_ISA {

// Swaps the lanes with bit `step` set in a with those without it in b.
template <int step, class V, int... lane>
[[gnu::always_inline]] static inline void exchange(V& a, V& b,
                                                   std::integer_sequence<int, lane...>) {
  constexpr int width = sizeof...(lane);
  const V x = __builtin_shufflevector(a, b, (lane & step ? lane - step + width : lane)...);
  b = __builtin_shufflevector(a, b, (lane & step ? lane + width : lane + step)...);
  a = x;
}
template <class T, int step = 1>
[[gnu::always_inline]] static inline void transpose(Vec<T> (&x)[Vec<T>::width]) {
  constexpr int width = Vec<T>::width;
  if constexpr (step < width) {
#pragma GCC unroll 16
    for (int i = 0; i < width; ++i)
      if (!(i & step))
        exchange<step>(x[i].v, x[i + step].v, std::make_integer_sequence<int, width>{});
    transpose<T, 2 * step>(x);
  }
}

// The sum of the lanes of x[i] in lane i.
template <class T>
[[gnu::always_inline]] static inline Vec<T> add_lanes_of_each(Vec<T> (&x)[Vec<T>::width]) {
  transpose<T>(x);
#pragma GCC unroll 16
  for (int step = Vec<T>::width / 2; step; step /= 2)
#pragma GCC unroll 16
    for (int i = 0; i < step; ++i) x[i] += x[i + step];
  return x[0];
}

template <class T>
struct FourOf {
  typedef T Lanes __attribute__((vector_size(4 * sizeof(T))));
  typedef T Unaligned __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));
};
template <class T>
using Four = typename FourOf<T>::Lanes;

template <class T>
[[gnu::always_inline]] static inline void load_four(Four<T>& to, const T* from) {
  to = *reinterpret_cast<const typename FourOf<T>::Unaligned*>(from);
}
template <class T>
[[gnu::always_inline]] static inline void store_four(T* to, const Four<T>& from) {
  *reinterpret_cast<typename FourOf<T>::Unaligned*>(to) = from;
}

// Each step is a single instruction: shorter lanes are interleaved first, and longer ones, whose
// vectors consist of two halves, by pairs.
template <class V>
[[gnu::always_inline]] static inline void transpose_four(V (&r)[4]) {
  if constexpr (sizeof(V) <= 16) {
    const V a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5),
            b = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7),
            c = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5),
            d = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
    r[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    r[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    r[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    r[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
  } else {
    const V a = __builtin_shufflevector(r[0], r[1], 0, 4, 2, 6),
            b = __builtin_shufflevector(r[0], r[1], 1, 5, 3, 7),
            c = __builtin_shufflevector(r[2], r[3], 0, 4, 2, 6),
            d = __builtin_shufflevector(r[2], r[3], 1, 5, 3, 7);
    r[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    r[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    r[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    r[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
  }
}

}  // namespace izvod::kernels::IZVOD_ISA
