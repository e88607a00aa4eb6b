#include "ops/joining.h"

#include "kernels/copy.h"
#include "ops/copy.h"
#include "ops/views.h"

namespace izvod {

static bool any_recording(const std::vector<Tensor>& xs) {
  for (const Tensor& x : xs)
    if (recording(x)) return true;
  return false;
}

// torch leaves out tensors of shape [0], whatever the others' shapes are.
static bool is_skipped(const Tensor& x) { return x.dim() == 1 && x.sizes()[0] == 0; }

// Elements from row to row of x, where a row is all that its dimensions from `dim` on hold. -1 if
// they are not dense, or not at equal distances.
static int64_t row_stride(const Tensor& x, int64_t dim) {
  int64_t dense = 1, stride = 0, next = -1;
  for (int64_t d = x.dim() - 1; d >= 0; --d) {
    const int64_t size = x.sizes()[d], step = x.strides()[d];
    if (size == 1) continue;
    if (d >= dim) {
      if (step != dense) return -1;
      dense *= size;
    } else {
      if (next < 0) stride = step;
      if (next >= 0 && step != next) return -1;
      next = step * size;
    }
  }
  return stride;
}

// Short rows of y are put together one after the other, while they are in the cache; false if the
// tensors are not of y's dtype, or their rows long or not dense.
static bool joined_by_rows(const Tensor& y, const std::vector<Tensor>& xs, int64_t dim) {
  constexpr int64_t longest = 65536;
  int64_t rows = 1;
  for (int64_t d = 0; d < dim; ++d) rows *= y.sizes()[d];
  if (rows < 2 || y.numel() == 0 || y.numel() / rows * itemsize(y.dtype()) > longest) return false;
  std::vector<kernels::Part> parts;
  for (const Tensor& x : xs) {
    if (is_skipped(x) || x.numel() == 0) continue;
    const int64_t bytes = itemsize(x.dtype()), stride = row_stride(x, dim);
    if (x.dtype() != y.dtype() || stride < 0) return false;
    parts.push_back({x.impl()->data, x.numel() / rows * bytes, stride * bytes});
  }
  kernels::join_rows(y.impl()->data, parts.data(), int64_t(parts.size()), rows);
  return true;
}

Tensor cat(const std::vector<Tensor>& xs, int64_t dim) {
  check<ValueError>(!xs.empty(), "torch.cat(): expected a non-empty list of Tensors");
  const Tensor* first = &xs[0];
  for (const Tensor& x : xs)
    if (!is_skipped(x)) {
      first = &x;
      break;
    }
  for (size_t i = 0; i < xs.size(); ++i)
    check(xs[i].dim() > 0, "zero-dimensional tensor (at position ", i, ") cannot be concatenated");
  dim = wrap_dim(dim, first->dim());
  Dims sizes = first->sizes(), lengths;
  sizes[dim] = 0;
  DType dtype = xs[0].dtype();
  for (size_t i = 0; i < xs.size(); ++i) {
    const Tensor& x = xs[i];
    dtype = promote_types(dtype, x.dtype());
    lengths.push_back(is_skipped(x) ? -1 : x.sizes()[dim]);
    if (is_skipped(x)) continue;
    check(x.dim() == first->dim(), "Tensors must have same number of dimensions: got ",
          first->dim(), " and ", x.dim());
    for (int64_t d = 0; d < x.dim(); ++d)
      check(d == dim || x.sizes()[d] == sizes[d],
            "Sizes of tensors must match except in dimension ", dim, ". Expected size ", sizes[d],
            " but got size ", x.sizes()[d], " for tensor number ", i, " in the list.");
    sizes[dim] += x.sizes()[dim];
  }
  Tensor y = empty(sizes, dtype);
  const bool joined = joined_by_rows(y, xs, dim);
  for (int64_t i = 0, start = 0; !joined && i < lengths.size(); ++i) {
    if (lengths[i] <= 0) continue;
    const Tensor& x = xs[size_t(i)];
    char* data = y.impl()->data + start * y.strides()[dim] * itemsize(dtype);
    write_values(alias(y, x.sizes(), y.strides(), data), x);
    start += lengths[i];
  }
  if (any_recording(xs))
    record("CatBackward0", y, xs, saved(), [lengths, dim](const Tensor& g, Needs needs) {
      Grads dxs(lengths.size());
      for (int64_t i = 0, at = 0; i < lengths.size(); at += std::max<int64_t>(lengths[i++], 0))
        if (needs[i])
          dxs[i] =
              lengths[i] < 0 ? reshape(narrow(g, dim, 0, 0), {0}) : narrow(g, dim, at, lengths[i]);
      return dxs;
    });
  return y;
}

Tensor stack(const std::vector<Tensor>& xs, int64_t dim) {
  check(!xs.empty(), "stack expects a non-empty TensorList");
  dim = wrap_dim(dim, xs[0].dim() + 1);
  for (size_t i = 0; i < xs.size(); ++i)
    check(xs[i].sizes() == xs[0].sizes(), "stack expects each tensor to be equal size, but got ",
          xs[0].sizes(), " at entry 0 and ", xs[i].sizes(), " at entry ", i);
  DType dtype = xs[0].dtype();
  for (const Tensor& x : xs) dtype = promote_types(dtype, x.dtype());
  Dims sizes = xs[0].sizes();
  sizes.insert(dim, int64_t(xs.size()));
  Tensor y = empty(sizes, dtype);
  Dims strides = y.strides();
  strides.erase(dim);
  for (size_t i = 0; i < xs.size(); ++i) {
    char* data = y.impl()->data + int64_t(i) * y.strides()[dim] * itemsize(dtype);
    write_values(alias(y, xs[i].sizes(), strides, data), xs[i]);
  }
  if (any_recording(xs))
    record("StackBackward0", y, xs, saved(),
           [dim, n = int64_t(xs.size())](const Tensor& g, Needs needs) {
             Grads dxs(n);
             for (int64_t i = 0; i < n; ++i)
               if (needs[i]) dxs[i] = select(g, dim, i);
             return dxs;
           });
  return y;
}

// Whether each begins where the one before it ends along dim, and nobody else sees them.
static bool lie_side_by_side(const Grads& parts, int64_t dim) {
  for (int64_t i = 0; i < parts.size(); ++i)
    if (!parts[i].defined()) return false;
  if (!are_sole_owners(parts.begin(), parts.size())) return false;
  const int64_t step = parts[0].strides()[dim] * itemsize(parts[0].dtype());
  for (int64_t i = 1; i < parts.size(); ++i) {
    const Tensor &last = parts[i - 1], &x = parts[i];
    if (!(x.strides() == last.strides()) || x.dtype() != last.dtype() ||
        x.impl()->data != last.impl()->data + last.sizes()[dim] * step)
      return false;
  }
  return true;
}

Tensor join_gradients(const Grads& parts, int64_t dim) {
  if (grad_enabled() || !lie_side_by_side(parts, dim))
    return cat({parts.begin(), parts.end()}, dim);
  Dims sizes = parts[0].sizes();
  for (int64_t i = 1; i < parts.size(); ++i) sizes[dim] += parts[i].sizes()[dim];
  return alias(parts[0], sizes, parts[0].strides(), parts[0].impl()->data);
}

}  // namespace izvod
