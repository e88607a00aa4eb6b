#pragma once
// How an op's struct (kernels/unary.h and its like) becomes loops; see `OfferLoops` at the end.
#include <algorithm>
#include <utility>

#include "kernels/cast.h"
#include "kernels/op_list.h"
#include "kernels/pointwise.h"
#include "kernels/rows.h"
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
  uint8_t bools[Vec<T>::width], *from = bools;
  store_bools(m, bools);
  Vec<T>::for_pieces(n, [&](int piece) {
    std::memcpy(p, from, size_t(piece));
    p += piece, from += piece;
  });
}

// Which of them are not zero. A loop over lanes becomes one instruction, __builtin_convertvector
// from so short a vector does not.
template <class T>
inline Mask<T> load_bools(const uint8_t* p) {
  typename Mask<T>::Int lanes[Vec<T>::width];
  for (int i = 0; i < Vec<T>::width; ++i) lanes[i] = int8_t(p[i]);
  typename Mask<T>::Native v;
  std::memcpy(&v, lanes, sizeof v);
  return {v != 0};
}
template <class T>
inline Mask<T> load_bools(const uint8_t* p, int64_t n) {
  uint8_t bools[Vec<T>::width] = {}, *to = bools;
  Vec<T>::for_pieces(n, [&](int piece) {
    std::memcpy(to, p, size_t(piece));
    p += piece, to += piece;
  });
  return load_bools<T>(bools);
}

// What elements are as lanes of a vector: half types are floats.
template <class T>
using Lane = std::conditional_t<is_half_type<T>, float, T>;

// Input k of an op: numbers, or the bools of its condition.
template <class Op, class T, size_t k>
struct Input {
  static constexpr bool bools = k == 0 && requires { Op::conditional; };
  using Element = std::conditional_t<bools, uint8_t, T>;
  static constexpr int64_t bytes = sizeof(Element);

  // The next `n` elements, or a whole vector.
  template <class... N>
  [[gnu::always_inline]] static auto load(const char* at, N... n) {
    const auto* elements = reinterpret_cast<const Element*>(at);
    if constexpr (bools)
      return load_bools<Lane<T>>(elements, n...);
    else if constexpr (is_half_type<T>)
      return kernels::IZVOD_ISA::load(elements, n...);
    else
      return Vec<T>::load(elements, n...);
  }
  [[gnu::always_inline]] static auto repeat(const char* at) {
    using Bits = std::conditional_t<is_half_type<Element>, uint16_t, Element>;
    return Vec<Bits>(*reinterpret_cast<const Bits*>(at));
  }
};

// Where the inputs of a row are read. A single value becomes a vector, which is read again and
// again.
template <class Op, class T, int inputs>
struct RowInputs {
  struct Repeated {
    alignas(vec_bytes) char bytes[vec_bytes];
  };
  const char* at[inputs];
  int64_t moves[inputs];  // all bits set, or none for a single value

  RowInputs(const char* const* operands, const int64_t* moving, Repeated* repeated) {
    for_inputs([&]<size_t k>(Input<Op, T, k> input) __attribute__((always_inline)) {
      at[k] = operands[k], moves[k] = moving[k];
      if (moves[k]) return;
      const auto value = input.repeat(at[k]);
      std::memcpy(repeated[k].bytes, &value, sizeof value);
      at[k] = repeated[k].bytes;
    });
  }
  // The op of the next `n` elements, or of a whole vector.
  template <class... N>
  [[gnu::always_inline]] auto apply(const Op& op, N... n) const {
    return [&]<size_t... k>(std::index_sequence<k...>) {
      return op.y(Input<Op, T, k>::load(at[k], n...)...);
    }(std::make_index_sequence<inputs>{});
  }
  [[gnu::always_inline]] void advance(int64_t n) {
    for_inputs([&]<size_t k>(Input<Op, T, k> input)
                   __attribute__((always_inline)) { at[k] += (n * input.bytes) & moves[k]; });
  }
  [[gnu::always_inline]] bool holds(const void* y) const {
    for (int k = 0; k < inputs; ++k)
      if (at[k] == y) return true;
    return false;
  }
  template <class F>
  [[gnu::always_inline]] static void for_inputs(F&& f) {
    [&]<size_t... k>(std::index_sequence<k...>) {
      (f(Input<Op, T, k>()), ...);
    }(std::make_index_sequence<inputs>{});
  }
};

// Whether a vector of results is a line of memory. Then the line of eight vectors later is fetched
// from the second-level cache before the stores wait for it (shorter vectors wait less than the
// fetching costs), and rows that begin within a line are stored from the next one on: a vector
// that reached into two would be stored twice.
template <class T, class Y>
inline constexpr bool fills_lines = vec_bytes == 64 && std::is_same_v<T, Y> && !is_half_type<T>;

// The results of a vector, or of its first elements.
template <class Op, class Y, class X, class... N>
[[gnu::always_inline]] inline void put(Y* y, X result, N... n) {
  if constexpr (requires { Op::predicate; })
    store_bools(result, y, n...);
  else if constexpr (is_half_type<Y>)
    store(y, result, n...);
  else
    result.store(y, n...);
}

template <class Op, class T, int inputs, class Y>
[[gnu::always_inline]] inline void row_loop(const Op& op, Y* y, RowInputs<Op, T, inputs> x,
                                            int64_t n) {
  constexpr int64_t width = Vec<Lane<T>>::width;
  const auto step = [&](auto... elements) __attribute__((always_inline)) {
    put<Op>(y, x.apply(op, elements...), elements...);
  };
  const auto advance = [&](int64_t elements) __attribute__((always_inline)) {
    y += elements;
    n -= elements;
    x.advance(elements);
  };
  if constexpr (fills_lines<T, Y>) {
    const int64_t head = -int64_t(uintptr_t(y) / sizeof(T)) & (width - 1);
    if (head && n >= 2 * width) {
      step(head);
      advance(head);
    }
  }
  constexpr int64_t ahead = 8 * width;
  const bool whole_vectors = n >= width;
  for (; n >= width; advance(width)) {
    if constexpr (fills_lines<T, Y>)
      if (n > ahead) __builtin_prefetch(y + ahead);
    step();
  }
  if (n == 0) return;
  if (whole_vectors && !x.holds(y)) {  // the last vector may overlap the one before it
    advance(n - width);
    return step();
  }
  step(n);
}

// Rows of one vector each: row_loop would take longer to look at one than to compute it.
template <class Op, class T, int inputs, class Y>
[[gnu::always_inline]] inline void vector_rows(const Op& op, Y* y, const char** in,
                                               const int64_t* moves, const int64_t* next,
                                               int64_t count) {
  for (; count > 0; --count, y += next[0]) {
    const auto x = [&]<size_t k>(Input<Op, T, k> input) __attribute__((always_inline)) {
      const char* at = in[k];
      in[k] += next[k + 1] * input.bytes;
      if (moves[k]) return input.load(at);
      const auto value = input.repeat(at);
      return input.load(reinterpret_cast<const char*>(&value));
    };
    [&]<size_t... k>(std::index_sequence<k...>) {
      put<Op>(y, op.y(x(Input<Op, T, k>())...));
    }(std::make_index_sequence<inputs>{});
  }
}

// A copy: the compiler cannot know that stores leave an op's parameters alone. Ops without any are
// given no object.
template <class Op>
[[gnu::always_inline]] inline Op op_of(const void* object) {
  if constexpr (std::is_empty_v<Op>)
    return Op();
  else
    return *static_cast<const Op*>(object);
}

template <class Op, class T, int inputs>
void inner_loop(void* out, const void* const* operands, const Rows& rows, const void* op_object) {
  using Y = std::conditional_t<requires { Op::predicate; }, uint8_t, T>;
  using Inputs = RowInputs<Op, T, inputs>;
  const Op op = op_of<Op>(op_object);
  // Copies: the compiler cannot know that stores leave `rows` and `operands` alone.
  const int64_t n = rows.n, count = rows.count;
  const char* in[inputs];
  int64_t next[1 + inputs] = {}, moves[inputs];
  for (int k = 0; k < inputs; ++k) {
    in[k] = static_cast<const char*>(operands[k]);
    moves[k] = rows.single[k + 1] ? 0 : -1;
  }
  if (count > 1) std::copy(rows.next, rows.next + 1 + inputs, next);
  auto* y = static_cast<Y*>(out);
  // Ops of one input are left out: theirs is the longest code, and no number is repeated in a row.
  if (inputs > 1 && n == Vec<Lane<T>>::width && count > 1)
    return vector_rows<Op, T, inputs>(op, y, in, moves, next, count);
  typename Inputs::Repeated repeated[inputs];
  for (int64_t row = 0;;) {
    row_loop<Op, T, inputs>(op, y, Inputs(in, moves, repeated), n);
    if (++row == count) return;
    y += next[0];
    Inputs::for_inputs(
        [&]<size_t k>(Input<Op, T, k> input) { in[k] += next[k + 1] * input.bytes; });
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
    loops.conditional = requires { Op::conditional; };
    if constexpr (!requires { Op::integers_only; }) {
      Offer(loops.f32, inner_loop<Op, float, inputs>);
      Offer(loops.f64, inner_loop<Op, double, inputs>);
    }
    if constexpr (requires { Op::integers; }) Offer(loops.i64, inner_loop<Op, int64_t, inputs>);
    if constexpr (requires { Op::narrow; }) {
      offer_narrow<Op, uint8_t>(loops);
      offer_narrow<Op, int8_t>(loops);
      offer_narrow<Op, int16_t>(loops);
      offer_narrow<Op, int32_t>(loops);
    }
    if constexpr (requires { Op::halves; }) {
      offer_narrow<Op, Half>(loops);
      offer_narrow<Op, BFloat16>(loops);
    }
    if constexpr (requires { Op::bools; })
      Offer(loops.narrow[size_t(DType::Bool)], inner_loop<Op, uint8_t, inputs>);
  }
  template <class Op, class T>
  static void offer_narrow(PointwiseLoops& loops) {
    Offer(loops.narrow[size_t(dtype_of<T>)], inner_loop<Op, T, inputs>);
  }
};

template <int inputs, class List>
struct OfferList;
template <int inputs, class... Ops>
struct OfferList<inputs, OpList<Ops...>> : OfferLoops<inputs, Ops...> {};

}  // namespace izvod::kernels::IZVOD_ISA
