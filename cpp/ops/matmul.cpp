#include "ops/matmul.h"

#include "kernels/gemm.h"
#include "ops/arithmetic.h"
#include "ops/copy.h"
#include "ops/reduction.h"
#include "ops/unary.h"
#include "ops/views.h"

namespace izvod {
namespace {

void check_dtypes(const char* name, const Tensor& a, const Tensor& b) {
  check(a.dtype() == b.dtype(), name,
        ": expected m1 and m2 to have the same dtype, but got: ", info(a.dtype()).cpp_name,
        " != ", info(b.dtype()).cpp_name);
  check<NotImplementedError>(a.dtype() != DType::Bool, "\"", name, "\" not implemented for 'Bool'");
}

// A factor is kept only where the other one needs a gradient.
auto saved_factors(const Tensor& a, const Tensor& b) {
  const Tensor none;
  return saved(requires_grad(b) ? a : none, requires_grad(a) ? b : none);
}

// The last two dimensions as the kernel wants them.
kernels::Matrix matrix(const Tensor& x) {
  return {x.impl()->data, x.size(-2), x.size(-1), x.stride(-2), x.stride(-1)};
}

// (n, k) (k, m), no history.
Tensor mm_value(const Tensor& a, const Tensor& b, const Tensor& bias = {},
                kernels::InnerLoop* activation = nullptr) {
  Tensor y = empty({a.sizes()[0], b.sizes()[1]}, a.dtype());
  const kernels::Product out{y.impl()->data, y.sizes()[1], false,
                             bias.defined() ? bias.impl()->data : nullptr, activation};
  if (y.numel()) kernels::gemm(y.dtype(), out, matrix(a), matrix(b));
  return y;
}

Dims leading(const Tensor& x) {
  Dims d;
  for (int64_t i = 0; i + 2 < x.dim(); ++i) d.push_back(x.sizes()[i]);
  return d;
}

// Strides of x's leading dimensions over the batch's, 0 where they are repeated.
Dims batch_strides(const Tensor& x, const Dims& batch) {
  Dims s(batch.size());
  const int64_t shift = batch.size() - (x.dim() - 2);
  for (int64_t d = 0; d + 2 < x.dim(); ++d)
    if (x.sizes()[d] != 1) s[d + shift] = x.strides()[d];
  return s;
}

// Both have at least two dimensions; leading ones are broadcast. With history, under the given
// name.
Tensor batched(const char* node, const Tensor& a, const Tensor& b) {
  const Dims batch = broadcast_sizes(leading(a), leading(b));
  Dims sizes = batch;
  sizes.push_back(a.size(-2));
  sizes.push_back(b.size(-1));
  Tensor y = empty(sizes, a.dtype());
  if (y.numel())
    kernels::gemm_batched(y.dtype(), kernels::Product{y.impl()->data, y.size(-1)}, matrix(a),
                          matrix(b),
                          kernels::Batch{batch, batch_strides(y, batch), batch_strides(a, batch),
                                         batch_strides(b, batch)});
  if (recording(a, b))
    record(node, y, {&a, &b}, saved_factors(a, b),
           [](const Tensor& g, Needs needs, const Tensor& a, const Tensor& b) {
             return Grads{needs[0] ? matmul(g, transpose(b, -2, -1)) : Tensor(),
                          needs[1] ? matmul(transpose(a, -2, -1), g) : Tensor()};
           });
  return y;
}

void check_mm(const char* name, const Tensor& a, const Tensor& b) {
  check(a.dim() == 2, name, ": self must be a matrix, got ", a.dim(), "-D tensor");
  check(b.dim() == 2, name, ": mat2 must be a matrix, got ", b.dim(), "-D tensor");
  check(a.sizes()[1] == b.sizes()[0], "mat1 and mat2 shapes cannot be multiplied (", a.sizes()[0],
        "x", a.sizes()[1], " and ", b.sizes()[0], "x", b.sizes()[1], ")");
  check_dtypes(name, a, b);
}

void check_addmm(const Tensor& x, const Tensor& a, const Tensor& b) {
  check_mm("addmm", a, b);
  check(x.dtype() == a.dtype(), "self and mat2 must have the same dtype, but got ",
        info(x.dtype()).noun, " and ", info(a.dtype()).noun);
}

// Whether beta * x + alpha * a b adds x to every row, which the product's kernel does.
bool is_bias(const Tensor& x, const Tensor& b, const Scalar& beta, const Scalar& alpha) {
  return x.dim() == 1 && x.is_contiguous() && x.sizes()[0] == b.sizes()[1] &&
         beta.to_double() == 1 && alpha.to_double() == 1;
}

Tensor scaled(const Tensor& x, const Scalar& s) {
  return s.to_double() == 1 ? x : mul(x, s.as(x.dtype()));
}

// A weight shared by all leading dimensions: its gradient is one product over all of them.
Tensor fold(const Tensor& x) { return x.dim() == 2 ? x : reshape(x, {-1, x.size(-1)}); }

}  // namespace

Tensor mm(const Tensor& a, const Tensor& b) {
  check_mm("mm", a, b);
  Tensor y = mm_value(a, b);
  if (recording(a, b))
    record("MmBackward0", y, {&a, &b}, saved_factors(a, b),
           [](const Tensor& g, Needs needs, const Tensor& a, const Tensor& b) {
             return Grads{needs[0] ? mm(g, t(b)) : Tensor(), needs[1] ? mm(t(a), g) : Tensor()};
           });
  return y;
}

Tensor bmm(const Tensor& a, const Tensor& b) {
  check(a.dim() == 3, "batch1 must be a 3D tensor");
  check(b.dim() == 3, "batch2 must be a 3D tensor");
  check(a.sizes()[0] == b.sizes()[0] && a.sizes()[2] == b.sizes()[1],
        "Expected size for first two dimensions of batch2 tensor to be: [", a.sizes()[0], ", ",
        a.sizes()[2], "] but got: [", b.sizes()[0], ", ", b.sizes()[1], "].");
  check_dtypes("bmm", a, b);
  return batched("BmmBackward0", a, b);
}

Tensor mv(const Tensor& a, const Tensor& v) {
  check(a.dim() == 2 && v.dim() == 1, "vector + matrix @ vector expected, got ", v.dim(), ", ",
        a.dim(), ", ", v.dim());
  check(a.sizes()[1] == v.sizes()[0], "size mismatch, got input (", a.sizes()[0], "), mat (",
        a.sizes()[0], "x", a.sizes()[1], "), vec (", v.sizes()[0], ")");
  check_dtypes("addmv_impl_cpu", a, v);
  const Tensor column = alias(v, {v.sizes()[0], 1}, {v.strides()[0], 1}, v.impl()->data);
  const Tensor flat = mm_value(a, column);
  Tensor y = alias(flat, {a.sizes()[0]}, {1}, flat.impl()->data);
  if (recording(a, v))
    record("MvBackward0", y, {&a, &v}, saved_factors(a, v),
           [](const Tensor& g, Needs needs, const Tensor& a, const Tensor& v) {
             return Grads{needs[0] ? outer(g, v) : Tensor(), needs[1] ? mv(t(a), g) : Tensor()};
           });
  return y;
}

Tensor dot(const Tensor& a, const Tensor& b) {
  check(a.dim() == 1 && b.dim() == 1, "1D tensors expected, but got ", a.dim(), "D and ", b.dim(),
        "D tensors");
  check(a.dtype() == b.dtype(), "dot : expected both vectors to have same dtype, but found ",
        info(a.dtype()).noun, " and ", info(b.dtype()).noun);
  check(a.numel() == b.numel(), "inconsistent tensor size, expected tensor [", a.numel(),
        "] and src [", b.numel(), "] to have the same number of elements, but got ", a.numel(),
        " and ", b.numel(), " elements respectively");
  check_dtypes("dot", a, b);
  const Tensor row = alias(a, {1, a.numel()}, {1, a.strides()[0]}, a.impl()->data);
  const Tensor column = alias(b, {b.numel(), 1}, {b.strides()[0], 1}, b.impl()->data);
  const Tensor one = mm_value(row, column);
  Tensor y = alias(one, {}, {}, one.impl()->data);
  if (recording(a, b))
    record("DotBackward0", y, {&a, &b}, saved_factors(a, b),
           [](const Tensor& g, Needs needs, const Tensor& a, const Tensor& b) {
             return Grads{needs[0] ? g * b : Tensor(), needs[1] ? g * a : Tensor()};
           });
  return y;
}

Tensor outer(const Tensor& a, const Tensor& b) {
  check(a.dim() == 1, "outer: Expected 1-D argument self, but got ", a.dim(), "-D");
  check(b.dim() == 1, "outer: Expected 1-D argument vec2, but got ", b.dim(), "-D");
  return unsqueeze(a, 1) * b;
}

Tensor matmul(const Tensor& a, const Tensor& b) {
  check(a.dim() > 0 && b.dim() > 0,
        "both arguments to matmul need to be at least 1D, but they are ", a.dim(), "D and ",
        b.dim(), "D");
  if (a.dim() == 1 && b.dim() == 1) return dot(a, b);
  if (a.dim() == 2 && b.dim() == 1) return mv(a, b);
  if (a.dim() == 1 && b.dim() == 2) return squeeze(mm(unsqueeze(a, 0), b), {0});
  if (a.dim() == 2 && b.dim() == 2) return mm(a, b);
  if (a.dim() == 1) return squeeze(matmul(unsqueeze(a, 0), b), {-2});
  if (b.dim() == 1) return squeeze(matmul(a, unsqueeze(b, 1)), {-1});
  if (b.dim() == 2 && a.is_contiguous()) {  // one tall product instead of many
    Dims sizes = a.sizes();
    sizes.back() = b.sizes()[1];
    check(a.size(-1) == b.sizes()[0], "mat1 and mat2 shapes cannot be multiplied (",
          a.numel() / std::max<int64_t>(a.size(-1), 1), "x", a.size(-1), " and ", b.sizes()[0], "x",
          b.sizes()[1], ")");
    check_dtypes("mm", a, b);
    const Tensor flat =
        mm_value(alias(a, {a.numel() / std::max<int64_t>(a.size(-1), 1), a.size(-1)},
                       {a.size(-1), 1}, a.impl()->data),
                 b);
    Tensor y = alias(flat, sizes, contiguous_strides(sizes), flat.impl()->data);
    if (recording(a, b))
      record("UnsafeViewBackward0", y, {&a, &b}, saved_factors(a, b),
             [](const Tensor& g, Needs needs, const Tensor& a, const Tensor& b) {
               return Grads{needs[0] ? matmul(g, t(b)) : Tensor(),
                            needs[1] ? mm(t(fold(a)), fold(g)) : Tensor()};
             });
    return y;
  }
  check(a.size(-1) == b.size(-2),
        "Expected size for first two dimensions of batch2 tensor to be: [", a.size(0), ", ",
        a.size(-1), "] but got: [", b.size(0), ", ", b.size(-2), "].");
  check_dtypes("bmm", a, b);
  return batched("UnsafeViewBackward0", a, b);
}

Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& beta,
             const Scalar& alpha) {
  check_addmm(x, a, b);
  const Tensor whole = expand(x, {a.sizes()[0], b.sizes()[1]});
  Tensor y;
  if (is_bias(x, b, beta, alpha)) {
    y = mm_value(a, b, x);
  } else {
    GradMode off(false);
    y = scaled(mm_value(a, b), alpha);
    if (!beta.is_zero()) y = add(y, scaled(whole, beta));
  }
  if (recording(x, a, b))
    record("AddmmBackward0", y, {&x, &a, &b}, saved_factors(a, b),
           [beta, alpha](const Tensor& g, Needs needs, const Tensor& a, const Tensor& b) {
             return Grads{needs[0] ? scaled(g, beta) : Tensor(),
                          needs[1] ? scaled(mm(g, t(b)), alpha) : Tensor(),
                          needs[2] ? scaled(mm(t(a), g), alpha) : Tensor()};
           });
  return y;
}

Tensor addmm_activation(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& beta,
                        const Scalar& alpha, bool use_gelu) {
  check_addmm(x, a, b);
  const DType t = a.dtype();
  const bool fuses = (t == DType::Float32 || t == DType::Float64) && !recording(x, a, b) &&
                     is_bias(x, b, beta, alpha);
  if (fuses) {
    using namespace kernels;
    return mm_value(a, b, x, (use_gelu ? loops_of<Gelu> : loops_of<Relu>).of(t).function);
  }
  const Tensor y = addmm(x, a, b, beta, alpha);
  return use_gelu ? gelu(y, "none") : relu(y);
}

Tensor addmv(const Tensor& x, const Tensor& a, const Tensor& v, const Scalar& beta,
             const Scalar& alpha) {
  const Tensor product = scaled(mv(a, v), alpha);
  return beta.is_zero() ? product : scaled(x, beta) + product;
}

Tensor baddbmm(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& beta,
               const Scalar& alpha) {
  const Tensor product = scaled(bmm(a, b), alpha);
  expand(x, product.sizes());  // says what is wrong if it does not fit
  return named("BaddbmmBackward0", beta.is_zero() ? product : scaled(x, beta) + product);
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (weight.dim() == 1) {
    const Tensor y = matmul(x, weight);
    return bias.defined() ? y + bias : y;
  }
  check(x.dim() > 0 && weight.dim() == 2,
        "both arguments to linear need to be at least 1D, but they are ", x.dim(), "D and ",
        weight.dim(), "D");
  const int64_t in = weight.sizes()[1], out = weight.sizes()[0],
                rows = x.numel() / std::max<int64_t>(x.size(-1), 1);
  check(x.size(-1) == in, "mat1 and mat2 shapes cannot be multiplied (", x.dim() == 1 ? 1 : rows,
        "x", x.size(-1), " and ", in, "x", out, ")");
  check(x.dtype() == weight.dtype(), "mat1 and mat2 must have the same dtype, but got ",
        info(x.dtype()).noun, " and ", info(weight.dtype()).noun);
  check(!bias.defined() || bias.dtype() == x.dtype(),
        "self and mat2 must have the same dtype, but got ",
        info(bias.defined() ? bias.dtype() : x.dtype()).noun, " and ", info(x.dtype()).noun);
  check(!bias.defined() || (bias.dim() <= 1 && (bias.numel() == out || bias.numel() == 1)),
        "The expanded size of the tensor (", out, ") must match the existing size (",
        bias.defined() ? bias.numel() : 0, ") at non-singleton dimension 1.");
  check_dtypes("linear", x, weight);
  Dims sizes = x.sizes();
  sizes.back() = out;
  const Tensor xs = x.dim() == 2 ? x : x.is_contiguous() ? x : copy_of(x, x.dtype(), false);
  const Tensor flat = xs.dim() == 2 ? xs : alias(xs, {rows, in}, {in, 1}, xs.impl()->data);
  const Tensor w_t =
      alias(weight, {in, out}, {weight.strides()[1], weight.strides()[0]}, weight.impl()->data);
  const Tensor b = !bias.defined() || (bias.numel() == out && bias.is_contiguous())
                       ? bias
                       : copy_of(expand(detach(bias), {out}), bias.dtype(), false);
  Tensor y = mm_value(flat, w_t, b);
  if (y.dim() != x.dim()) y = alias(y, sizes, contiguous_strides(sizes), y.impl()->data);
  if (recording(x, weight, bias)) {
    const char* node = x.dim() == 2 ? (bias.defined() ? "AddmmBackward0" : "MmBackward0")
                                    : (bias.defined() ? "ViewBackward0" : "UnsafeViewBackward0");
    record(node, y, {&x, &weight, &bias}, saved_factors(x, weight),
           [](const Tensor& g, Needs needs, const Tensor& x, const Tensor& w) {
             return Grads{needs[0] ? matmul(g, w) : Tensor(),
                          needs[1] ? mm(t(fold(g.dim() == 1 ? unsqueeze(g, 0) : g)),
                                        fold(x.dim() == 1 ? unsqueeze(x, 0) : x))
                                   : Tensor(),
                          needs[2] ? (g.dim() == 1 ? g : sum(fold(g), Dims{0})) : Tensor()};
           });
  }
  return y;
}

}  // namespace izvod
