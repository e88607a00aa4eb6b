#pragma once
// Four rows of four elements, transposed in registers.
#include "kernels/isa.h"

namespace izvod::kernels::IZVOD_ISA {

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
[[gnu::always_inline]] static inline void transpose(V (&r)[4]) {
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
