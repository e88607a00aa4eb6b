#include "ops/attention.h"

#include <cmath>
#include <limits>

#include "kernels/attention.h"
#include "kernels/random.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/matmul.h"
#include "ops/reduction.h"
#include "ops/softmax.h"
#include "ops/views.h"

namespace izvod {
namespace {

// What is fixed about a call once its tensors are (batch, heads, rows, width).
struct Setup {
  double scale;
  bool causal;
  double keep_scale;
};

// ---- with the probabilities, from ops that have derivatives: second derivatives, gradients of the
// mask -------------

// softmax of the masked scores, zero for queries that see nothing.
Tensor probabilities(const Tensor& q, const Tensor& k, const Tensor& mask, const Setup& setup) {
  constexpr double minus_infinity = -std::numeric_limits<double>::infinity();
  Tensor scores = matmul(q, transpose(k, -2, -1)) * setup.scale;
  if (mask.defined())
    scores = mask.dtype() == DType::Bool ? masked_fill(scores, eq(mask, false), minus_infinity)
                                         : scores + mask;
  if (setup.causal) {
    const Tensor query = arange(0, q.size(-2), 1, DType::Int64),
                 key = arange(0, k.size(-2), 1, DType::Int64);
    scores = masked_fill(scores, lt(unsqueeze(query, 1), key), minus_infinity);
  }
  const Tensor blind = all(eq(scores, minus_infinity), Dims{-1}, true);
  return masked_fill(softmax(masked_fill(scores, blind, 0), -1), blind, 0);
}

Tensor dropped(const Tensor& p, const Tensor& keep, const Setup& setup) {
  return keep.defined() ? p * keep * setup.keep_scale : p;
}

Grads composed_backward(const Setup& setup, const Tensor& g, const Tensor& q, const Tensor& k,
                        const Tensor& v, const Tensor& mask, const Tensor& keep) {
  const Tensor p = probabilities(q, k, mask, setup);
  const Tensor dp = dropped(matmul(g, transpose(v, -2, -1)), keep, setup);
  const Tensor ds = p * (dp - sum(dp * p, {-1}, true)) * setup.scale;
  return {matmul(ds, k), matmul(transpose(ds, -2, -1), q),
          matmul(transpose(dropped(p, keep, setup), -2, -1), g)};
}

// ---- by tiles

Tensor rows_adjacent(const Tensor& x) {
  return x.stride(-1) == 1 || x.size(-1) == 1 ? x : contiguous(x);
}

kernels::HeadRows head_rows(const Tensor& x) {
  return {x.data<void>(), x.stride(0), x.stride(1), x.stride(2)};
}

// Memory in the order (batch, rows, heads, width): what comes from, or goes to, rows of all heads
// side by side.
Tensor empty_heads_inside(const Dims& s, DType t) {
  const Tensor x = empty({s[0], s[2], s[1], s[3]}, t);
  return alias(x, s, {s[2] * s[1] * s[3], s[3], s[1] * s[3], 1}, x.impl()->data);
}
Tensor empty_gradient(const Tensor& x) {
  return x.stride(1) < x.stride(2) ? empty_heads_inside(x.sizes(), x.dtype())
                                   : empty(x.sizes(), x.dtype());
}

// Whether q, k and v are parts of the same rows, one behind the other, as one linear map makes
// them.
bool share_rows(const Tensor& q, const Tensor& k, const Tensor& v) {
  const Dims& s = q.sizes();
  const int64_t part = s[1] * s[3], row = 3 * part;
  const auto follows = [&](const Tensor& y, const Tensor& x) {
    return y.sizes() == s && y.strides() == x.strides() && y.impl()->storage == x.impl()->storage &&
           y.impl()->data == x.impl()->data + part * itemsize(x.dtype());
  };
  return q.strides() == Dims{s[2] * row, s[3], row, 1} && follows(k, q) && follows(v, k);
}

// Gradients of q, k and v lie in memory as these do: those of parts of rows side by side again.
Grads empty_gradients(const Tensor& q, const Tensor& k, const Tensor& v) {
  if (!share_rows(q, k, v)) return {empty_gradient(q), empty_gradient(k), empty_gradient(v)};
  const Dims& s = q.sizes();
  const Tensor rows = empty({s[0], s[2], 3 * s[1] * s[3]}, q.dtype());
  const auto part = [&](const Tensor& x) {
    return alias(rows, s, x.strides(), rows.impl()->data + (x.impl()->data - q.impl()->data));
  };
  return {part(q), part(k), part(v)};
}

kernels::Attention problem_of(const Setup& setup, const Tensor& q, const Tensor& k, const Tensor& v,
                              const Tensor& y, const Tensor& mask, const Tensor& keep) {
  kernels::Attention p{q.dtype(),    q.size(0),    q.size(1),   q.size(2),    k.size(2),
                       q.size(3),    v.size(3),    setup.scale, setup.causal, head_rows(q),
                       head_rows(k), head_rows(v), head_rows(y)};
  if (mask.defined()) {
    p.mask = mask.data<void>();
    p.mask_dtype = mask.dtype();
    for (int d = 0; d < 4; ++d) p.mask_strides[d] = mask.stride(d);
  }
  if (keep.defined()) p.keep = keep.data<uint8_t>();
  p.keep_scale = setup.keep_scale;
  return p;
}

Grads backward(const Setup& setup, const Tensor& g, const Tensor& q, const Tensor& k,
               const Tensor& v, const Tensor& y, const Tensor& lse, const Tensor& mask,
               const Tensor& keep) {
  if (recording(g, q, k, v)) return composed_backward(setup, g, q, k, v, mask, keep);
  const Tensor qa = rows_adjacent(q), ka = rows_adjacent(k), va = rows_adjacent(v),
               ga = rows_adjacent(g);
  Grads grads = empty_gradients(q, k, v);
  const kernels::Attention problem = problem_of(setup, qa, ka, va, y, mask, keep);
  const kernels::HeadRows gr = head_rows(ga), dq = head_rows(grads[0]), dk = head_rows(grads[1]),
                          dv = head_rows(grads[2]);
  kernels::attention_backward(&problem, (const void*)lse.data<void>(), &gr, &dq, &dk, &dv);
  return grads;
}

// All of four dimensions with equal batch and heads; mask (batch, heads, L, S) or undefined, keep
// likewise, contiguous.
Tensor attend(const Setup& setup, const Tensor& q, const Tensor& k, const Tensor& v,
              const Tensor& mask, const Tensor& keep) {
  if (recording(mask)) return matmul(dropped(probabilities(q, k, mask, setup), keep, setup), v);
  const Tensor qa = rows_adjacent(q), ka = rows_adjacent(k), va = rows_adjacent(v);
  Tensor y = empty_heads_inside({q.size(0), q.size(1), q.size(2), v.size(3)}, q.dtype());
  Tensor lse = empty({q.size(0), q.size(1), q.size(2)},
                     q.dtype() == DType::Float64 ? DType::Float64 : DType::Float32);
  const kernels::Attention problem = problem_of(setup, qa, ka, va, y, mask, keep);
  kernels::attention(&problem, lse.data<void>());
  if (recording(q, k, v))
    record("ScaledDotProductFlashAttentionForCpuBackward0", y, {&q, &k, &v},
           saved(q, k, v, output(y), lse, mask, keep),
           [setup](const Tensor& g, const Tensor& q, const Tensor& k, const Tensor& v,
                   const Tensor& y, const Tensor& lse, const Tensor& mask,
                   const Tensor& keep) { return backward(setup, g, q, k, v, y, lse, mask, keep); });
  return y;
}

// ---- arguments

void check_arguments(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask,
                     double dropout_p) {
  check(q.dim() >= 2 && k.dim() >= 2 && v.dim() >= 2,
        "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: ",
        q.dim(), " key.dim: ", k.dim(), " and value.dim: ", v.dim(), " instead.");
  check(q.dtype() == k.dtype() && q.dtype() == v.dtype(),
        "Expected query, key, and value to have the same dtype, but got query.dtype: ",
        info(q.dtype()).cpp_name, " key.dtype: ", info(k.dtype()).cpp_name,
        " and value.dtype: ", info(v.dtype()).cpp_name, " instead.");
  check(q.is_floating(), "expected scalar type Float but found ", info(q.dtype()).noun);
  check(q.size(-1) == k.size(-1), "scaled_dot_product_attention: query of shape ", q.sizes(),
        " and key of shape ", k.sizes(), " differ in their last dimension");
  check(k.size(-2) == v.size(-2), "scaled_dot_product_attention: key of shape ", k.sizes(),
        " and value of shape ", v.sizes(), " differ in their number of rows");
  check(dropout_p >= 0 && dropout_p <= 1, "dropout probability has to be between 0 and 1, but got ",
        dropout_p);
  if (mask.defined())
    check(
        mask.dtype() == DType::Bool || mask.dtype() == DType::Float32 || mask.dtype() == q.dtype(),
        "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
        "attn_mask.dtype: ",
        info(mask.dtype()).cpp_name, " and  query.dtype: ", info(q.dtype()).cpp_name, " instead.");
}

Dims leading(const Tensor& x) {
  Dims sizes = x.sizes();
  sizes.resize(sizes.size() - 2);
  return sizes;
}

// x broadcast to the leading dimensions given, these merged into two: (batch, heads, rows, width).
Tensor with_heads(const Tensor& x, const Dims& lead, int64_t rows, int64_t width) {
  Dims full = lead;
  full.push_back(rows);
  full.push_back(width);
  const Tensor wide = x.sizes() == full ? x : expand(x, full);
  if (lead.size() == 2) return wide;
  int64_t batch = 1;
  for (int64_t d = 0; d + 1 < lead.size(); ++d) batch *= lead[d];
  return reshape(wide, {batch, lead.empty() ? 1 : lead.back(), rows, width});
}

// Each head of x `times` times in turn.
Tensor repeat_heads(const Tensor& x, int64_t times) {
  if (times == 1) return x;
  Dims sizes = x.sizes(), wide = x.sizes();
  wide.insert(wide.size() - 2, times);
  sizes[sizes.size() - 3] *= times;
  return reshape(expand(unsqueeze(x, -3), wide), sizes);
}

int64_t heads_ratio(const Tensor& q, const Tensor& x) {
  check(q.dim() >= 3 && x.dim() >= 3 && x.size(-3) > 0 && q.size(-3) % x.size(-3) == 0,
        "Number of heads in key and value must divide the number of heads in query");
  return q.size(-3) / x.size(-3);
}

// Which probabilities are kept: drawn as torch draws the dropout of a tensor of probabilities.
Tensor draw_keep(const Dims& sizes, DType t, double p) {
  if (p == 1) return zeros(sizes, DType::Bool);
  const Tensor keep = empty(sizes, DType::Bool), values = zeros(sizes, t);
  kernels::dropout(values.data<void>(), keep.data<bool>(),
                   static_cast<const void*>(values.data<void>()), t, keep.numel(),
                   generator_or_default(nullptr), p);
  return keep;
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                    const Tensor& mask, double dropout_p, bool is_causal,
                                    std::optional<double> scale, bool enable_gqa) {
  check_arguments(q, k, v, mask, dropout_p);
  if (enable_gqa)
    return scaled_dot_product_attention(q, repeat_heads(k, heads_ratio(q, k)),
                                        repeat_heads(v, heads_ratio(q, v)), mask, dropout_p,
                                        is_causal, scale, false);
  const Dims lead = broadcast_sizes(broadcast_sizes(leading(q), leading(k)), leading(v));
  const int64_t queries = q.size(-2), keys = k.size(-2), width = q.size(-1),
                value_width = v.size(-1);
  const Setup setup{scale.value_or(1 / std::sqrt(double(width))), is_causal,
                    dropout_p < 1 ? 1 / (1 - dropout_p) : 0};
  Tensor mask4 = mask.defined() && mask.dtype() != DType::Bool ? to(mask, q.dtype()) : mask;
  if (mask.defined()) mask4 = with_heads(mask4, lead, queries, keys);
  const Tensor q4 = with_heads(q, lead, queries, width);
  Tensor keep;
  if (dropout_p > 0)
    keep = draw_keep({q4.size(0), q4.size(1), queries, keys}, q.dtype(), dropout_p);
  const Tensor y = attend(setup, q4, with_heads(k, lead, keys, width),
                          with_heads(v, lead, keys, value_width), mask4, keep);
  if (lead.size() == 2) return y;
  Dims sizes = lead;
  sizes.push_back(queries);
  sizes.push_back(value_width);
  return reshape(y, sizes);
}

}  // namespace izvod
