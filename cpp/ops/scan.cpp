#include "ops/scan.h"

#include "kernels/scan.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/indexing.h"
#include "ops/joining.h"
#include "ops/rows.h"
#include "ops/views.h"

namespace izvod {
namespace {

DType total_type(const Tensor& x, std::optional<DType> dtype) {
  return dtype.value_or(x.is_floating() ? x.dtype() : DType::Int64);
}

// x as kernels like to read it: a tensor that is transposed against the result is turned at once
// instead of element by element.
Tensor turned(const Tensor& x) {
  return x.dim() == 0 || x.strides().back() == 1 ? x : contiguous(detach(x));
}

Tensor cumsum_from(const Tensor& x, int64_t dim, bool from_end) {
  Tensor y = empty(x.sizes(), x.dtype());
  const Tensor from = turned(x);
  kernels::View out = row_view(y), in = row_view(from);
  if (from_end) {
    out = reversed(out, dim, out.sizes[dim] - 1);
    in = reversed(in, dim, in.sizes[dim] - 1);
  }
  if (y.numel()) kernels::cumsum(out, in, dim);
  if (recording(x))
    record("CumsumBackward0", y, {&x}, saved(),
           [dim, from_end](const Tensor& g) { return Grads{cumsum_from(g, dim, !from_end)}; });
  return y;
}

// x moved one step along dim, with `edge` in the place that becomes free.
Tensor moved(const Tensor& x, int64_t dim, double edge, bool back) {
  const int64_t n = x.sizes()[dim];
  Dims sizes = x.sizes();
  sizes[dim] = 1;
  const Tensor rest = narrow(x, dim, back ? 1 : 0, n - 1), end = full(sizes, edge, x.dtype());
  return back ? cat({rest, end}, dim) : cat({end, rest}, dim);
}

// dx[k] = (x[0] ... x[k-1]) s[k] with s[k] = g[k] + x[k+1] s[k+1].
Tensor cumprod_backward(const Tensor& g, const Tensor& x, const Tensor& y, int64_t dim) {
  if (x.dim() == 0 || x.numel() == 0) return g;
  return moved(y, dim, 1, false) * recurrence(g, x, dim, true);
}

std::pair<Tensor, Tensor> best_so_far(const kernels::IndexedScan& kernel, const char* node,
                                      const Tensor& x, int64_t dim) {
  dim = wrap_dim(dim, x.dim());
  Tensor y = empty(x.sizes(), x.dtype()), index = empty(x.sizes(), DType::Int64);
  if (y.numel()) kernel(row_view(y), row_view(index), row_view(turned(x)), dim);
  if (recording(x))
    record(node, y, {&x}, saved(index),
           [dim, sizes = x.sizes()](const Tensor& g, const Tensor& index) {
             return Grads{scatter_add(zeros(sizes, g.dtype()), dim, index, g)};
           });
  return {y, index};
}

}  // namespace

Tensor cumsum(const Tensor& x, int64_t dim, std::optional<DType> dtype) {
  dim = wrap_dim(dim, x.dim());
  return cumsum_from(to(x, total_type(x, dtype)), dim, false);
}

Tensor cumprod(const Tensor& x, int64_t dim, std::optional<DType> dtype) {
  dim = wrap_dim(dim, x.dim());
  const Tensor in = to(x, total_type(x, dtype));
  Tensor y = empty(in.sizes(), in.dtype());
  if (y.numel()) kernels::cumprod(row_view(y), row_view(turned(in)), dim);
  if (recording(in))
    record("CumprodBackward0", y, {&in}, saved(in, output(y)),
           [dim](const Tensor& g, const Tensor& x, const Tensor& y) {
             return Grads{cumprod_backward(g, x, y, dim)};
           });
  return y;
}

std::pair<Tensor, Tensor> cummax(const Tensor& x, int64_t dim) {
  return best_so_far(kernels::cummax, "CummaxBackward0", x, dim);
}
std::pair<Tensor, Tensor> cummin(const Tensor& x, int64_t dim) {
  return best_so_far(kernels::cummin, "CumminBackward0", x, dim);
}

Tensor recurrence(const Tensor& a, const Tensor& b, int64_t dim, bool from_end) {
  Tensor y = empty(a.sizes(), a.dtype());
  const int64_t n = a.sizes()[dim];
  kernels::View out = view(y), in = view(a), factor = view(b);
  if (from_end) {
    out = reversed(out, dim, n - 1);
    in = reversed(in, dim, n - 1);
    factor = reversed(factor, dim, n);
  }
  if (y.numel()) kernels::recurrence(out, in, factor, dim);
  if (recording(a, b))
    record("RecurrenceBackward0", y, {&a, &b}, saved(b, output(y)),
           [dim, from_end](const Tensor& g, Needs needs, const Tensor& b, const Tensor& y) {
             const Tensor da = recurrence(g, b, dim, !from_end);
             if (!needs[1]) return Grads{da};
             return Grads{da,
                          from_end ? moved(da, dim, 0, false) * y : da * moved(y, dim, 0, false)};
           });
  return y;
}

}  // namespace izvod
