#pragma once
#include "graph/record.h"
#include "ops/scalar.h"

namespace izvod {

Tensor mm(const Tensor& a, const Tensor& b);   // (n, k) (k, m)
Tensor bmm(const Tensor& a, const Tensor& b);  // (z, n, k) (z, k, m)
Tensor mv(const Tensor& a, const Tensor& v);   // (n, k) (k)
Tensor dot(const Tensor& a, const Tensor& b);  // (k) (k)
Tensor outer(const Tensor& a, const Tensor& b);
// torch.matmul: vectors become matrices, leading dimensions are broadcast.
Tensor matmul(const Tensor& a, const Tensor& b);
// beta * x + alpha * (a b), x broadcast.
Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& beta,
             const Scalar& alpha);
// relu of it, or gelu: the kernel applies them to what is in its caches where x is a bias, beta and
// alpha are 1, and nothing is recorded.
Tensor addmm_activation(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& beta,
                        const Scalar& alpha, bool use_gelu);
Tensor addmv(const Tensor& x, const Tensor& a, const Tensor& v, const Scalar& beta,
             const Scalar& alpha);
Tensor baddbmm(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& beta,
               const Scalar& alpha);
// x weight^T + bias: x (..., in), weight (out, in) or (in), bias (out) or undefined.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);
// Einstein's summation convention over any number of operands, e.g. "bij,bjk->bik".
Tensor einsum(const std::string& equation, const std::vector<Tensor>& operands);

}  // namespace izvod
