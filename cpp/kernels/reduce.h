#pragma once
#include "kernels/isa.h"
#include "kernels/view.h"

// Reductions. `out` has as many dimensions as `in`: size 1 where it is reduced, the size of `in`
// elsewhere. Sums are trees of short chains, so the rounding error grows with log n; Half and
// BFloat16 are computed in float. Reducing no elements at all gives the identity; ops that have
// none check before.
namespace izvod::kernels {

using Reduction = Kernel<void(const View& out, const View& in)>;

inline constinit Reduction sum;   // computed in out's dtype: that is what sum(dtype=) means
inline constinit Reduction mean;  // likewise; floating
inline constinit Reduction prod;  // likewise
inline constinit Reduction amax;  // nan wins
inline constinit Reduction amin;
inline constinit Reduction any;  // out: any dtype, 0 or 1
inline constinit Reduction all;
inline constinit Reduction count_nonzero;  // nan counts

inline constinit Reduction logsumexp;  // log(sum(exp(x))), computed in out's dtype; floating

// (sum |x|^p)^(1/p); p = 0: the number of nonzeros; inf, -inf: the largest, smallest |x|. Floating
// out.
inline constinit Kernel<void(const View& out, const View& in, double p)> norm;

// Index of the largest (smallest) element, the first of equals; nan wins. Over several dimensions
// the index counts row-major. `values` may be null.
using IndexedReduction = Kernel<void(const View* values, const View& indices, const View& in)>;
inline constinit IndexedReduction max_with_index;
inline constinit IndexedReduction min_with_index;

// sum (x - mean x)^2 / max(0, n - correction), its square root if `root`, and the mean; either
// output may be null.
inline constinit Kernel<void(const View* var, const View* mean, const View& in, double correction,
                             bool root)>
    var_mean;

}  // namespace izvod::kernels
