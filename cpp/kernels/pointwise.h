#pragma once
#include "kernels/isa.h"
#include "kernels/view.h"

namespace izvod::kernels {

inline constexpr int max_inputs = 3;

// Rows of n neighbours. Of the operands (the result, then the inputs): how far it is from a row's
// start to the next one's, in elements, and which inputs have one value for a whole row.
struct Rows {
  int64_t n, count;
  int64_t next[1 + max_inputs];  // not set where there is one row
  bool single[1 + max_inputs] = {};

  [[gnu::always_inline]] explicit Rows(int64_t n, int64_t count = 1) : n(n), count(count) {}
};

// One op's loop over rows of one compute type. `op` is the op's object (its parameters).
using InnerLoop = void(void* out, const void* const* in, const Rows& rows, const void* op);

// The loops of an op. Other dtypes are converted, a chunk at a time: half types to float, integers
// to int64; an op without a loop for a type has not that dtype. `narrow`, by dtype: of bools and
// integers shorter than int64, where the op has loops of their own; of half types, which are
// computed as floats.
struct PointwiseLoops {
  Kernel<InnerLoop> f32, f64, i64, narrow[size_t(DType::Float32)];
  bool predicate = false;    // writes bool (one byte) instead of the compute type
  bool conditional = false;  // reads bool as its first input

  // Always inlined, as kernels for several instruction sets use it.
  [[gnu::always_inline]] const Kernel<InnerLoop>& of(DType compute) const {
    return compute == DType::Float32   ? f32
           : compute == DType::Float64 ? f64
           : compute == DType::Int64   ? i64
                                       : narrow[size_t(compute)];
  }
  DType compute_type(DType t) const {
    return t < DType::Int64 && narrow[size_t(t)].function ? t : kernels::compute_type(t);
  }
  bool takes_halves(DType t) const {
    return t > DType::Int64 && t < DType::Float32 && narrow[size_t(t)].function;
  }
  // What a loop of that compute type writes, and what it reads as input k.
  [[gnu::always_inline]] DType result_type(DType compute) const {
    return predicate ? DType::Bool : compute;
  }
  [[gnu::always_inline]] DType input_type(DType compute, int k) const {
    return conditional && k == 0 ? DType::Bool : compute;
  }
};

// Filled at load time by kernels/{unary,binary,ternary}.cpp.
template <class Op>
inline constinit PointwiseLoops loops_of{};

// out[i] = op(in[0][i], ...) in the given compute type, for views of equal sizes (broadcast
// dimensions have stride 0). Inputs and output may have any dtype: they are converted on the way.
// `in` may hold `out` itself, not a shifted overlap of it.
inline constinit Kernel<void(const PointwiseLoops& loops, DType compute, const View& out,
                             const View* in, int inputs, const void* op)>
    pointwise;

}  // namespace izvod::kernels
