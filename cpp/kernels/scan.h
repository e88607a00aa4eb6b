#pragma once
#include "kernels/isa.h"
#include "kernels/view.h"

namespace izvod::kernels {

// Running totals along dim; out has the sizes of in. Computed in out's dtype (Half and BFloat16 in
// float).
using Scan = Kernel<void(const View& out, const View& in, int64_t dim)>;
inline constinit Scan cumsum;
inline constinit Scan cumprod;

// Running maximum (minimum) and the place where it stands, the last of equals; nan wins. indices:
// int64.
using IndexedScan =
    Kernel<void(const View& values, const View& indices, const View& in, int64_t dim)>;
inline constinit IndexedScan cummax;
inline constinit IndexedScan cummin;

// out[k] = a[k] + b[k] * out[k - 1] along dim; b[0] is not read. Strides along dim may be negative
// here and in cumsum: that runs them from the end. Floating, one dtype.
inline constinit Kernel<void(const View& out, const View& a, const View& b, int64_t dim)>
    recurrence;

}  // namespace izvod::kernels
