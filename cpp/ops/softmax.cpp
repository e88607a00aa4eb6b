#include "ops/softmax.h"

#include "kernels/softmax.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/reduction.h"
#include "ops/unary.h"

namespace izvod {
namespace {

// Contiguous memory as (outer, n, inner) around one dimension.
struct Layout {
  int64_t outer = 1, n = 1, inner = 1;
  Layout(const Tensor& x, int64_t dim) {
    for (int64_t d = 0; d < x.dim(); ++d) (d < dim ? outer : d == dim ? n : inner) *= x.sizes()[d];
  }
};

Tensor forward(const kernels::Kernel<kernels::Softmax>& kernel, const Tensor& x, int64_t dim) {
  const Tensor in = x.is_contiguous() ? x : copy_of(x, x.dtype(), false);
  Tensor y = empty(x.sizes(), x.dtype());
  const Layout l(x, dim);
  if (y.numel()) kernel(y.dtype(), y.data<void>(), in.data<void>(), l.outer, l.n, l.inner);
  return y;
}

Tensor backward(const kernels::Kernel<kernels::SoftmaxBackward>& kernel, const Tensor& g,
                const Tensor& y, int64_t dim) {
  const Tensor yc = contiguous(y), dx = over_gradient(g, yc, y.dtype()),
               gc = contiguous(to(g, y.dtype()));
  const Layout l(y, dim);
  if (dx.numel())
    kernel(y.dtype(), dx.data<void>(), gc.data<void>(), yc.data<void>(), l.outer, l.n, l.inner);
  return dx;
}

}  // namespace

Tensor softmax(const Tensor& x, int64_t dim, std::optional<DType> dtype) {
  const Tensor in = to(x, dtype.value_or(to_floating(x.dtype())));
  dim = wrap_dim(dim, x.dim());
  Tensor y = forward(kernels::softmax, in, dim);
  if (recording(in))
    record("SoftmaxBackward0", y, {&in}, saved(output(y)),
           [dim](const Tensor& g, const Tensor& y) { return Grads{softmax_backward(g, y, dim)}; });
  return y;
}

Tensor softmax_backward(const Tensor& g, const Tensor& y, int64_t dim) {
  if (recording(g, y)) return y * (g - sum(g * y, {dim}, true));
  return backward(kernels::softmax_backward, g, y, dim);
}

Tensor log_softmax(const Tensor& x, int64_t dim, std::optional<DType> dtype) {
  const Tensor in = to(x, dtype.value_or(to_floating(x.dtype())));
  dim = wrap_dim(dim, x.dim());
  Tensor y = forward(kernels::log_softmax, in, dim);
  if (recording(in))
    record(
        "LogSoftmaxBackward0", y, {&in}, saved(output(y)),
        [dim](const Tensor& g, const Tensor& y) { return Grads{log_softmax_backward(g, y, dim)}; });
  return y;
}

Tensor log_softmax_backward(const Tensor& g, const Tensor& y, int64_t dim) {
  if (recording(g, y)) return g - exp(y) * sum(g, {dim}, true);
  return backward(kernels::log_softmax_backward, g, y, dim);
}

}  // namespace izvod
