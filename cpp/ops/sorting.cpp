#include "ops/sorting.h"

#include "kernels/sort.h"
#include "ops/copy.h"
#include "ops/indexing.h"
#include "ops/reduced.h"
#include "ops/rows.h"
#include "ops/views.h"

namespace izvod {
namespace {

// The gradient of chosen values goes back to the places they came from.
ValuesAndIndices chosen(const char* node, const Tensor& x, int64_t dim, const Tensor& y,
                        const Tensor& index, const Dims& full) {
  if (recording(x))
    record(node, y, {&x}, saved(index),
           [dim, full, sizes = x.sizes()](const Tensor& g, const Tensor& index) {
             return Grads{
                 value_selecting_backward(restored(g, full), dim, restored(index, full), sizes)};
           });
  return {y, index};
}

void check_order(const char* name, const Tensor& x) {
  check<NotImplementedError>(x.dtype() != DType::Bool, "\"", name, "\" not implemented for 'Bool'");
}

ValuesAndIndices kth(const char* node, const Tensor& x, int64_t k, int64_t dim, bool keepdim,
                     bool nan_wins) {
  const Reduced r(x, {dim}, keepdim);
  Tensor y = r.result(x.dtype()), index = r.result(DType::Int64);
  const auto out = [&](const Tensor& t) { return x.dim() ? r.view(t) : row_view(t); };
  if (y.numel()) kernels::kthvalue(out(y), out(index), row_view(x), dim, k, nan_wins);
  return chosen(node, x, dim, y, index, r.full());
}

}  // namespace

ValuesAndIndices sort(const Tensor& x, int64_t dim, bool descending) {
  dim = wrap_dim(dim, x.dim());
  Tensor y = empty_like(x), index = empty(x.sizes(), DType::Int64);
  if (y.numel()) kernels::sort(row_view(y), row_view(index), row_view(x), dim, descending);
  return chosen("SortBackward0", x, dim, y, index, x.sizes());
}

Tensor argsort(const Tensor& x, int64_t dim, bool descending) {
  return sort(detach(x), dim, descending).second;
}

ValuesAndIndices topk(const Tensor& x, int64_t k, int64_t dim, bool largest) {
  dim = wrap_dim(dim, x.dim());
  check(k >= 0 && k <= (x.dim() ? x.sizes()[dim] : 1), "selected index k out of range");
  check(x.dtype() != DType::Bool, "topk does not support bool dtypes on CPU");
  Dims sizes = x.sizes();
  if (x.dim()) sizes[dim] = k;
  Tensor y = empty(sizes, x.dtype()), index = empty(sizes, DType::Int64);
  if (y.numel()) kernels::topk(row_view(y), row_view(index), row_view(x), dim, largest);
  return chosen("TopkBackward0", x, dim, y, index, sizes);
}

ValuesAndIndices kthvalue(const Tensor& x, int64_t k, int64_t dim, bool keepdim) {
  dim = wrap_dim(dim, x.dim());
  check_order("kthvalue_cpu", x);
  check(k >= 1 && k <= (x.dim() ? x.sizes()[dim] : 1),
        "kthvalue(): selected number k out of range for dimension ", dim);
  return kth("KthvalueBackward0", x, k - 1, dim, keepdim, false);
}

ValuesAndIndices median(const Tensor& x, int64_t dim, bool keepdim) {
  dim = wrap_dim(dim, x.dim());
  const int64_t n = x.dim() ? x.sizes()[dim] : 1;
  check_order("median_out", x);
  check<IndexError>(n > 0, "median(): Expected reduction dim ", dim, " to have non-zero size.");
  return kth("MedianBackward1", x, (n - 1) / 2, dim, keepdim, true);
}

Tensor median(const Tensor& x) {
  check_order("median_cpu", x);
  if (x.numel() == 0) return full({}, x.is_floating() ? Scalar(0.0 / 0.0) : Scalar(0), x.dtype());
  return kth("MedianBackward0", reshape(x, {x.numel()}), (x.numel() - 1) / 2, 0, false, true).first;
}

}  // namespace izvod
