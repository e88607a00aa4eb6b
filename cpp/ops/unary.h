#pragma once
#include <optional>
#include <string>

#include "kernels/unary.h"
#include "ops/scalar.h"

namespace izvod {

// function, its struct in kernels/unary.h
// clang-format off
#define IZVOD_UNARY(X)                                                                          \
  X(exp, Exp) X(exp2, Exp2) X(expm1, Expm1) X(log, Log) X(log2, Log2) X(log10, Log10)           \
  X(log1p, Log1p) X(sqrt, Sqrt) X(rsqrt, Rsqrt) X(square, Square) X(reciprocal, Reciprocal)     \
  X(neg, Neg) X(abs, Abs) X(sign, Sign) X(floor, Floor) X(ceil, Ceil) X(round, Round)           \
  X(trunc, Trunc) X(frac, Frac) X(sin, Sin) X(cos, Cos) X(tan, Tan) X(asin, Asin) X(acos, Acos) \
  X(atan, Atan) X(sinh, Sinh) X(cosh, Cosh) X(tanh, Tanh) X(sigmoid, Sigmoid) X(relu, Relu)     \
  X(silu, Silu) X(erf, Erf) X(erfc, Erfc) X(erfinv, Erfinv) X(lgamma, Lgamma)                   \
  X(digamma, Digamma)
#define IZVOD_PREDICATES(X)                                                        \
  X(isnan, Isnan) X(isinf, Isinf) X(isfinite, Isfinite) X(logical_not, LogicalNot) \
  X(bitwise_not, BitwiseNot)
// clang-format on

#define DECLARE(function, Op)       \
  Tensor function(const Tensor& x); \
  const Tensor& function##_(const Tensor& x);
IZVOD_UNARY(DECLARE)
#undef DECLARE
#define DECLARE(function, Op) Tensor function(const Tensor& x);
IZVOD_PREDICATES(DECLARE)
#undef DECLARE

// For random samples: float32 results are torch's, bit for bit.
Tensor sample_exp(const Tensor& x);
Tensor sample_log(const Tensor& x);
Tensor sample_log1p(const Tensor& x);

// approximate: "none" or "tanh".
Tensor gelu(const Tensor& x, const std::string& approximate = "none");

// The n-th derivative of digamma, n >= 0.
Tensor polygamma(int64_t n, const Tensor& x);
const Tensor& polygamma_(const Tensor& x, int64_t n);

// Into [low, high]; either bound may be missing, not both. Tensors as bounds are broadcast.
Tensor clamp(const Tensor& x, const std::optional<Scalar>& low, const std::optional<Scalar>& high);
const Tensor& clamp_(const Tensor& x, const std::optional<Scalar>& low,
                     const std::optional<Scalar>& high);
Tensor clamp(const Tensor& x, const std::optional<Tensor>& low, const std::optional<Tensor>& high);

// Numbers for nan and the infinities, by default 0 and the largest and smallest finite ones.
Tensor nan_to_num(const Tensor& x, const std::optional<double>& nan,
                  const std::optional<double>& high, const std::optional<double>& low);
const Tensor& nan_to_num_(const Tensor& x, const std::optional<double>& nan,
                          const std::optional<double>& high, const std::optional<double>& low);

// x^exponent.
Tensor pow(const Tensor& x, const Scalar& exponent);
const Tensor& pow_(const Tensor& x, const Scalar& exponent);
inline Tensor power(const Tensor& x, double exponent) { return pow(x, Scalar(exponent)); }

}  // namespace izvod
