#pragma once
#include "kernels/isa.h"
#include "kernels/view.h"

namespace izvod::kernels {

// One op's loop over n contiguous elements of one compute type. `op` is the op's object (its
// parameters).
using InnerLoop = void(void* out, const void* const* in, int64_t n, const void* op);

// The loops of an op. Other dtypes are converted, a chunk at a time: half types to float, integers
// to int64; an op without a loop for a type has not that dtype.
struct PointwiseLoops {
  Kernel<InnerLoop> f32, f64, i64;
  bool predicate = false;  // writes bool (one byte) instead of the compute type
};

// Filled at load time by kernels/{unary,binary,ternary}.cpp.
template <class Op>
inline constinit PointwiseLoops loops_of{};

inline constexpr int max_inputs = 3;

// out[i] = op(in[0][i], ...) in the given compute type, for views of equal sizes (broadcast
// dimensions have stride 0). Inputs and output may have any dtype: they are converted on the way.
// `in` may hold `out` itself, not a shifted overlap of it.
inline constinit Kernel<void(const PointwiseLoops& loops, DType compute, const View& out,
                             const View* in, int inputs, const void* op)>
    pointwise;

}  // namespace izvod::kernels
