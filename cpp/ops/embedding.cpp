#include "ops/embedding.h"

#include "kernels/embedding.h"
#include "kernels/gather.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/indexing.h"
#include "ops/reduction.h"
#include "ops/views.h"

namespace izvod {
namespace {

using kernels::View;

Tensor checked_index(const Tensor& index) {
  check(index.dtype() == DType::Int64 || index.dtype() == DType::Int32,
        "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
        "Long, Int; but got torch.",
        info(index.dtype()).noun, "Tensor instead (while checking arguments for embedding)");
  return contiguous(to(index, DType::Int64));
}

// Whether a gradient of this size is best made of lazy zeros: it is large, and the pages that its
// rows lie in are few.
bool mostly_zero(int64_t indices, int64_t rows, int64_t row_bytes) {
  constexpr int64_t large = int64_t(32) << 20, page = 4096;
  return rows * row_bytes >= large && indices * (row_bytes + page) <= rows * row_bytes / 4;
}

}  // namespace

Tensor embedding(const Tensor& weight, const Tensor& index, int64_t padding_idx,
                 bool scale_grad_by_freq) {
  check(weight.dim() == 2, "'weight' must be 2-D");
  const Tensor at = checked_index(index);
  const int64_t rows = weight.size(0), n = weight.size(1), count = at.numel();
  Dims sizes = index.sizes();
  sizes.push_back(n);
  Tensor y = empty(sizes, weight.dtype());
  const View out{y.data<void>(), y.dtype(), {count, n}, {n, 1}},
      in{weight.data<void>(), y.dtype(), {count, n}, {0, weight.strides()[1]}},
      places{at.data<void>(), DType::Int64, {count, n}, {1, 0}};
  int64_t bad = 0;  // of rows without elements nothing is taken, but the backward pass counts them
  check<IndexError>(n > 0 ? kernels::take(out, in, places, weight.strides()[0], rows)
                          : count == 0 || kernels::in_bounds(view(at), int64_t(0), rows, &bad),
                    "index out of range in self");
  if (recording(weight))
    record("EmbeddingBackward0", y, {&weight}, saved(at),
           [rows, padding_idx, scale_grad_by_freq](const Tensor& g, const Tensor& at) {
             return Grads{embedding_backward(g, at, rows, padding_idx, scale_grad_by_freq)};
           });
  return y;
}

Tensor embedding_backward(const Tensor& g, const Tensor& index, int64_t rows, int64_t padding_idx,
                          bool scale_grad_by_freq) {
  const Tensor gc = contiguous(g), at = contiguous(index);
  const int64_t n = g.size(-1);
  const bool lazy = mostly_zero(at.numel(), rows, n * itemsize(g.dtype()));
  Tensor dweight = lazy ? lazy_zeros({rows, n}, g.dtype()) : empty({rows, n}, g.dtype());
  kernels::embedding_backward(g.dtype(), dweight.data<void>(), (const void*)gc.data<void>(),
                              (const int64_t*)at.data<int64_t>(), at.numel(), rows, n, padding_idx,
                              scale_grad_by_freq, lazy);
  if (recording(g))
    record("EmbeddingDenseBackwardBackward0", dweight, {&g}, saved(at),
           [rows, padding_idx, scale_grad_by_freq](const Tensor& gg, const Tensor& at) {
             Tensor dg = embedding(gg, at);
             if (padding_idx >= 0) dg = masked_fill(dg, unsqueeze(eq(at, padding_idx), -1), 0);
             if (scale_grad_by_freq) {
               Dims one_each = at.sizes();
               one_each.push_back(1);
               const Tensor counts =
                   embedding_backward(ones(one_each, gg.dtype()), at, rows, -1, false);
               dg = dg / embedding(counts, at);
             }
             return Grads{dg};
           });
  return dweight;
}

const Tensor& embedding_renorm_(const Tensor& weight, const Tensor& index, double max_norm,
                                double norm_type) {
  check(weight.dim() == 2, "'weight' must be 2-D");
  const GradMode off(false);
  const Tensor at = flatten(checked_index(index), 0, -1), rows = embedding(weight, at);
  const Tensor norms = vector_norm(rows, norm_type, {1}, true);
  const Tensor factor = where(gt(norms, max_norm), max_norm / (norms + 1e-7), 1);
  // Rows that occur twice are written twice, with equal values.
  return index_copy_(weight, 0, at, rows * factor);
}

Tensor embedding(const Tensor& index, const Tensor& weight, std::optional<int64_t> padding_idx,
                 std::optional<double> max_norm, double norm_type, bool scale_grad_by_freq,
                 bool sparse) {
  check<NotImplementedError>(!sparse, "embedding: sparse gradients are not supported");
  int64_t padding = -1;
  if (padding_idx) {
    check<ValueError>(
        weight.dim() < 1 || (*padding_idx < weight.size(0) && *padding_idx >= -weight.size(0)),
        "Padding_idx must be within num_embeddings");
    padding = *padding_idx < 0 ? *padding_idx + weight.size(0) : *padding_idx;
  }
  if (max_norm) embedding_renorm_(weight, index, *max_norm, norm_type);
  return embedding(weight, index, padding, scale_grad_by_freq);
}

}  // namespace izvod
