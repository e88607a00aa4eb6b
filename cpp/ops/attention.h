#pragma once
#include "graph/record.h"

namespace izvod {

// dropout(softmax(q k^T * scale + mask)) v, over tiles: the probabilities are never stored.
//   q (*, L, E)   k (*, S, E)   v (*, S, Ev)   result (*, L, Ev); leading dimensions are broadcast
// mask, broadcast to (*, L, S), may be undefined: of bool (true: is seen) or added to the scores.
// is_causal: position i sees positions up to i. scale: by default 1 / sqrt(E). enable_gqa: k and v
// have fewer heads (dimension -3), each serving several of q in turn. A position that sees nothing
// gives zeros.
Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                    const Tensor& mask = {}, double dropout_p = 0,
                                    bool is_causal = false, std::optional<double> scale = {},
                                    bool enable_gqa = false);

}  // namespace izvod
