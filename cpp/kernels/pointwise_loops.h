#pragma once
// How an op's struct (kernels/unary.h and its like) becomes loops; see `OfferLoops` at the end.
#include <utility>

#include "kernels/op_list.h"
#include "kernels/pointwise.h"
#include "kernels/vec.h"
#include "kernels/vec_int.h"
#include "kernels/vec_math.h"

namespace izvod::kernels::IZVOD_ISA {

// Bools from the lanes of a comparison.
template <class T>
inline void store_bools(Mask<T> m, uint8_t* p) {
  [&]<size_t... lane>(std::index_sequence<lane...>) {  // of every lane the lowest byte
    typedef int8_t Bytes __attribute__((vector_size(vec_bytes)));
    const auto bools = __builtin_shufflevector(Bytes(m.v), Bytes(m.v), (lane * sizeof(T))...) & 1;
    std::memcpy(p, &bools, sizeof bools);
  }(std::make_index_sequence<Vec<T>::width>{});
}
template <class T>
inline void store_bools(Mask<T> m, uint8_t* p, int64_t n) {
  for (int64_t i = 0; i < n; ++i) p[i] = uint8_t(m.v[i] & 1);
}

template <class Op, class T, size_t... k>
inline auto apply_at(const Op& op, const T* const* in, int64_t i, int64_t n,
                     std::index_sequence<k...>) {
  return op.y(Vec<T>::load(in[k] + i, n)...);
}
template <class Op, class T, size_t... k>
inline auto apply_at(const Op& op, const T* const* in, int64_t i, std::index_sequence<k...>) {
  return op.y(Vec<T>::load(in[k] + i)...);
}

// The line that results reach eight vectors later, fetched from the second-level cache before the
// stores wait for it. Shorter vectors wait less than the fetching costs.
template <class T>
inline void prefetch_result(const T* y) {
  if constexpr (vec_bytes == 64) __builtin_prefetch(y + 8 * Vec<T>::width);
}

template <class Op, class T, int inputs>
void inner_loop(void* out, const void* const* operands, int64_t n, const void* op_object) {
  const Op& op = *static_cast<const Op*>(op_object);
  constexpr auto each = std::make_index_sequence<inputs>{};
  constexpr int64_t width = Vec<T>::width;
  const T* in[inputs];  // the compiler cannot know that stores leave `operands` alone
  for (int k = 0; k < inputs; ++k) in[k] = static_cast<const T*>(operands[k]);
  int64_t i = 0;
  if constexpr (requires { Op::predicate; }) {
    auto* y = static_cast<uint8_t*>(out);
    for (; i + width <= n; i += width) store_bools(apply_at<Op, T>(op, in, i, each), y + i);
    if (i < n) store_bools(apply_at<Op, T>(op, in, i, n - i, each), y + i, n - i);
  } else {
    T* y = static_cast<T*>(out);
    for (; i + width <= n; i += width) {
      prefetch_result(y + i);
      apply_at<Op, T>(op, in, i, each).store(y + i);
    }
    if (i < n) apply_at<Op, T>(op, in, i, n - i, each).store(y + i, n - i);
  }
}

// Offers the loops of every op of a list, for `inputs` inputs.
template <int inputs, class... Ops>
struct OfferLoops {
  OfferLoops() { (offer<Ops>(), ...); }

 private:
  template <class Op>
  static void offer() {
    PointwiseLoops& loops = loops_of<Op>;
    loops.predicate = requires { Op::predicate; };
    if constexpr (!requires { Op::integers_only; }) {
      Offer(loops.f32, inner_loop<Op, float, inputs>);
      Offer(loops.f64, inner_loop<Op, double, inputs>);
    }
    if constexpr (requires { Op::integers; }) Offer(loops.i64, inner_loop<Op, int64_t, inputs>);
  }
};

template <int inputs, class List>
struct OfferList;
template <int inputs, class... Ops>
struct OfferList<inputs, OpList<Ops...>> : OfferLoops<inputs, Ops...> {};

}  // namespace izvod::kernels::IZVOD_ISA
