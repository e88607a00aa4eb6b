#pragma once
#include "base/dtype.h"
#include "kernels/isa.h"

namespace izvod::kernels {

// A tensor (batch, heads, rows, width): strides in elements, the last dimension is adjacent.
struct HeadRows {
  void* data = nullptr;
  int64_t batch = 0, head = 0, row = 0;
};

// out = dropout(softmax(q k^T * scale + mask)) v, for each batch and head.
//   q (batch, heads, queries, width)   k (batch, heads, keys, width)
//   v (batch, heads, keys, value_width)   out (batch, heads, queries, value_width)
// causal: query i sees the keys up to i. mask: of bool (true: is seen) or of the dtype of q (is
// added), with its own strides over (batch, heads, queries, keys), 0 where broadcast. keep: one
// byte per (batch, heads, queries, keys), contiguous; probabilities whose byte is 0 are dropped,
// the others multiplied by keep_scale. A query that sees no key gives zeros. Memory beyond the
// operands' is O(queries + keys), after Dao et al., arXiv:2205.14135.
struct Attention {
  DType dtype;
  int64_t batch, heads, queries, keys, width, value_width;
  double scale;
  bool causal = false;
  HeadRows q, k, v, out;
  const void* mask = nullptr;
  DType mask_dtype = DType::Bool;
  int64_t mask_strides[4] = {};
  const uint8_t* keep = nullptr;
  double keep_scale = 1;
};

// lse (batch, heads, queries), float (double for double): the log of each query's sum of
// exponentials, -inf where nothing is seen. The backward pass needs it and `out`.
inline constinit Kernel<void(const Attention* problem, void* lse)> attention;

// dq, dk, dv (all of each is written) from g, the gradient of out.
inline constinit Kernel<void(const Attention* problem, const void* lse, const HeadRows* g,
                             const HeadRows* dq, const HeadRows* dk, const HeadRows* dv)>
    attention_backward;

}  // namespace izvod::kernels
