#pragma once
// Ops with one argument, element by element. `y` is the function and `dx` its derivative, both
// written once for a short vector (the kernels) and for a Tensor (second derivatives): the names in
// them (exp, where, ...) find the version that fits. `wants` says what dx gets beside the gradient:
// the argument X or the result Y. `integers`: integer arguments stay integers; elsewhere they
// become the default floating type. They are computed as int64, and narrowed; with `narrow` as what
// they are, since the result is the same, and with `bools` so are bools. With `halves` half types
// have loops of their own. `not_for_bool`: what torch calls the kernel that it has not for bools.
#include "kernels/op_list.h"

namespace izvod::kernels {

// ---- Exponentials and logarithms

struct Exp {
  static constexpr auto name = "exp", node = "ExpBackward0";
  static constexpr Wants wants = Wants::Y;
  template <class V> static V y(V x) { return exp(x); }
  template <class V> static V dx(V g, V y) { return g * y; }
};

struct Exp2 {
  static constexpr auto name = "exp2", node = "Exp2Backward0";
  static constexpr Wants wants = Wants::Y;
  template <class V> static V y(V x) { return exp2(x); }
  template <class V> static V dx(V g, V y) { return g * y * 0.6931471805599453; }
};

struct Expm1 {
  static constexpr auto name = "expm1", node = "Expm1Backward0";
  static constexpr Wants wants = Wants::Y;
  template <class V> static V y(V x) { return expm1(x); }
  template <class V> static V dx(V g, V y) { return g * (y + 1); }
};

struct Log {
  static constexpr auto name = "log", node = "LogBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return log(x); }
  template <class V> static V dx(V g, V x) { return g / x; }
};

struct Log2 {
  static constexpr auto name = "log2", node = "Log2Backward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return log2(x); }
  template <class V> static V dx(V g, V x) { return g / (x * 0.6931471805599453); }
};

struct Log10 {
  static constexpr auto name = "log10", node = "Log10Backward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return log10(x); }
  template <class V> static V dx(V g, V x) { return g / (x * 2.302585092994046); }
};

struct Log1p {
  static constexpr auto name = "log1p", node = "Log1PBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return log1p(x); }
  template <class V> static V dx(V g, V x) { return g / (x + 1); }
};

// The same for random samples; see Note [Functions for samples].
struct SampleExp : Exp {
  template <class V> static V y(V x) { return sample_exp(x); }
};
struct SampleLog : Log {
  template <class V> static V y(V x) { return sample_log(x); }
};
struct SampleLog1p : Log1p {
  template <class V> static V y(V x) { return sample_log1p(x); }
};

// ---- Powers

struct Sqrt {
  static constexpr auto name = "sqrt", node = "SqrtBackward0";
  static constexpr Wants wants = Wants::Y;
  template <class V> static V y(V x) { return sqrt(x); }
  template <class V> static V dx(V g, V y) { return g / (y * 2); }
};

struct Rsqrt {
  static constexpr auto name = "rsqrt", node = "RsqrtBackward0";
  static constexpr Wants wants = Wants::Y;
  template <class V> static V y(V x) { return V(1) / sqrt(x); }
  template <class V> static V dx(V g, V y) { return g * -0.5 * (y * y * y); }
};

struct Square {
  static constexpr auto name = "square", node = "PowBackward0";
  static constexpr Wants wants = Wants::X;
  static constexpr bool integers = true, narrow = true;
  template <class V> static V y(V x) { return x * x; }
  template <class V> static V dx(V g, V x) { return g * (x * 2); }
};

struct Reciprocal {
  static constexpr auto name = "reciprocal", node = "ReciprocalBackward0";
  static constexpr Wants wants = Wants::Y;
  template <class V> static V y(V x) { return V(1) / x; }
  template <class V> static V dx(V g, V y) { return -g * (y * y); }
};

// ---- Sign and rounding

struct Neg {
  static constexpr auto
      name = "neg",
      node = "NegBackward0",
      not_of_bool =
          "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
          "invert a mask, use the `~` or `logical_not()` operator instead.";
  static constexpr Wants wants = Wants::Nothing;
  static constexpr bool integers = true, narrow = true, halves = true;
  template <class V> static V y(V x) { return -x; }
  template <class V> static V dx(V g) { return -g; }
};

struct Abs {
  static constexpr auto name = "abs", node = "AbsBackward0", not_for_bool = "abs_cpu";
  static constexpr Wants wants = Wants::X;
  static constexpr bool integers = true, narrow = true, halves = true;
  template <class V> static V y(V x) { return abs(x); }
  template <class V> static V dx(V g, V x) { return where(x > 0, g, where(x < 0, -g, g * 0)); }
};

struct Sign {
  static constexpr auto name = "sign", node = "SignBackward0";
  static constexpr Wants wants = Wants::Nothing;
  static constexpr bool integers = true, narrow = true;
  template <class V> static V y(V x) { return where(x > 0, 1, where(x < 0, -1, 0)); }
  template <class V> static V dx(V g) { return g * 0; }
};

#define IZVOD_ROUNDING(Name, function, node_name)                                                  \
  struct Name {                                                                                    \
    static constexpr auto name = #function, node = node_name, not_for_bool = #function "_vml_cpu"; \
    static constexpr Wants wants = Wants::Nothing;                                                 \
    static constexpr bool integers = true;                                                         \
    template <class V> static V y(V x) { return function(x); }                                     \
    template <class V> static V dx(V g) { return g * 0; }                                          \
  };
IZVOD_ROUNDING(Floor, floor, "FloorBackward0")
IZVOD_ROUNDING(Ceil, ceil, "CeilBackward0")
IZVOD_ROUNDING(Round, round, "RoundBackward0")
IZVOD_ROUNDING(Trunc, trunc, "TruncBackward0")
#undef IZVOD_ROUNDING

struct Frac {
  static constexpr auto name = "frac", node = "FracBackward0", not_for_bool = "frac_cpu";
  static constexpr Wants wants = Wants::Nothing;
  template <class V> static V y(V x) { return x - trunc(x); }
  template <class V> static V dx(V g) { return g; }
};

// ---- Trigonometric and hyperbolic functions

struct Sin {
  static constexpr auto name = "sin", node = "SinBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return sin(x); }
  template <class V> static V dx(V g, V x) { return g * cos(x); }
};

struct Cos {
  static constexpr auto name = "cos", node = "CosBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return cos(x); }
  template <class V> static V dx(V g, V x) { return -g * sin(x); }
};

struct Tan {
  static constexpr auto name = "tan", node = "TanBackward0";
  static constexpr Wants wants = Wants::Y;
  template <class V> static V y(V x) { return tan(x); }
  template <class V> static V dx(V g, V y) { return g * (y * y + 1); }
};

struct Asin {
  static constexpr auto name = "asin", node = "AsinBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return asin(x); }
  template <class V> static V dx(V g, V x) { return g / sqrt(1 - x * x); }
};

struct Acos {
  static constexpr auto name = "acos", node = "AcosBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return acos(x); }
  template <class V> static V dx(V g, V x) { return -g / sqrt(1 - x * x); }
};

struct Atan {
  static constexpr auto name = "atan", node = "AtanBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return atan(x); }
  template <class V> static V dx(V g, V x) { return g / (x * x + 1); }
};

struct Sinh {
  static constexpr auto name = "sinh", node = "SinhBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return sinh(x); }
  template <class V> static V dx(V g, V x) { return g * cosh(x); }
};

struct Cosh {
  static constexpr auto name = "cosh", node = "CoshBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return cosh(x); }
  template <class V> static V dx(V g, V x) { return g * sinh(x); }
};

struct Tanh {
  static constexpr auto name = "tanh", node = "TanhBackward0";
  static constexpr Wants wants = Wants::Y;
  template <class V> static V y(V x) { return tanh(x); }
  template <class V> static V dx(V g, V y) { return g * (1 - y * y); }
};

// ---- Activations

struct Sigmoid {
  static constexpr auto name = "sigmoid", node = "SigmoidBackward0";
  static constexpr Wants wants = Wants::Y;
  template <class V> static V y(V x) { return sigmoid(x); }
  template <class V> static V dx(V g, V y) { return g * ((1 - y) * y); }
};

struct Relu {
  static constexpr auto name = "relu", node = "ReluBackward0",
                        not_of_bool = "Boolean inputs not supported for relu";
  static constexpr Wants wants = Wants::Y;
  static constexpr bool integers = true, narrow = true, halves = true;
  template <class V> static V y(V x) { return where(x < 0, 0, x); }  // keeps nan
  template <class V> static V dx(V g, V y) { return where(y > 0, g, 0); }
};

// x * sigmoid(x) (Elfwing et al. 2017, arXiv:1702.03118).
struct Silu {
  static constexpr auto name = "silu", node = "SiluBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return x * sigmoid(x); }
  template <class V> static V dx(V g, V x) {
    const V s = sigmoid(x);
    return g * (s * (x * (1 - s) + 1));
  }
};

// The standard normal distribution N: 2 P(N < x) and the density. Float vectors have their own.
template <class V>
struct GaussianOf {
  V twice_below, density;
};
template <class V>
GaussianOf<V> gaussian(V x) {
  return {erf(x * 0.7071067811865476) + 1, exp(x * x * -0.5) * 0.3989422804014327};
}

// x * P(N < x) (Hendrycks and Gimpel 2016, arXiv:1606.08415).
struct Gelu {
  static constexpr auto name = "gelu", node = "GeluBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return x * 0.5 * gaussian(x).twice_below; }
  template <class V> static V dx(V g, V x) {
    const auto [twice_below, density] = gaussian(x);
    return g * (twice_below * 0.5 + x * density);
  }
};

template <class V>
V tanh_beside_one(V x) {  // vectors have their own
  return tanh(x);
}

// Its approximation 0.5 x (1 + t), t = tanh(sqrt(2 / pi) (x + 0.044715 x^3)), from the same paper.
// 1 + t and 1 - t^2, of which float vectors have their own:
template <class V>
struct TanhBesideOne {
  V sum, product;
};
template <class V>
TanhBesideOne<V> gelu_tanh(V x) {
  const V t = tanh_beside_one((x + x * x * x * 0.044715) * 0.7978845608028654);
  return {t + 1, 1 - t * t};
}
struct GeluTanh {
  static constexpr auto name = "gelu_tanh", node = "GeluBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return x * 0.5 * gelu_tanh(x).sum; }
  template <class V> static V dx(V g, V x) {
    const auto [sum, product] = gelu_tanh(x);
    return g * ((sum + x * product * (x * x * 0.10703222440890037 + 0.7978845608028654)) * 0.5);
  }
};

// ---- Special functions

struct Erf {
  static constexpr auto name = "erf", node = "ErfBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return erf(x); }
  template <class V> static V dx(V g, V x) { return g * (exp(-(x * x)) * 1.1283791670955126); }
};

struct Erfc {
  static constexpr auto name = "erfc", node = "ErfcBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return erfc(x); }
  template <class V> static V dx(V g, V x) { return g * (exp(-(x * x)) * -1.1283791670955126); }
};

struct Erfinv {
  static constexpr auto name = "erfinv", node = "ErfinvBackward0";
  static constexpr Wants wants = Wants::Y;
  template <class V> static V y(V x) { return erfinv(x); }
  template <class V> static V dx(V g, V y) { return g * (exp(y * y) * 0.886226925452758); }
};

// The logarithm of |Gamma(x)|.
struct Lgamma {
  static constexpr auto name = "lgamma", node = "LgammaBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return lgamma(x); }
  template <class V> static V dx(V g, V x) { return g * digamma(x); }
};

struct Digamma {
  static constexpr auto name = "digamma", node = "DigammaBackward0";
  static constexpr Wants wants = Wants::X;
  template <class V> static V y(V x) { return digamma(x); }
  template <class V> static V dx(V g, V x) { return g * polygamma(1, x); }
};

// ---- With parameters

// The n-th derivative of digamma.
struct Polygamma {
  static constexpr auto name = "polygamma", node = "PolygammaBackward0";
  static constexpr Wants wants = Wants::X;
  int n;
  template <class V> V y(V x) const { return polygamma(n, x); }
  template <class V> V dx(V g, V x) const { return g * polygamma(n + 1, x); }
};

// Into [low, high]; nan stays. The bounds' kind is part of the result's dtype, see ops/clamp.
struct Clamp {
  static constexpr auto name = "clamp", node = "ClampBackward1";
  static constexpr Wants wants = Wants::X;
  static constexpr bool integers = true;
  double low, high;
  template <class V> V y(V x) const { return clamped(x, V(low), V(high)); }
  template <class V> V dx(V g, V x) const { return where(x < low, 0, where(x > high, 0, g)); }
};

// Numbers for nan and the infinities.
struct NanToNum {
  static constexpr auto name = "nan_to_num", node = "NanToNumBackward0";
  static constexpr Wants wants = Wants::X;
  double nan, high, low;
  template <class V> V y(V x) const {
    const V not_high = where(x == __builtin_inf(), high, x);
    return where(x != x, nan, where(x == -__builtin_inf(), low, not_high));
  }
  template <class V> V dx(V g, V x) const { return where(abs(x) < __builtin_inf(), g, 0); }
};

// x^exponent for a number.
struct PowScalar {
  static constexpr auto name = "pow", node = "PowBackward0";
  static constexpr Wants wants = Wants::X;
  static constexpr bool integers = true;
  double exponent;
  template <class V> V y(V x) const { return power(x, exponent); }
  template <class V> V dx(V g, V x) const {
    if (exponent == 0) return g * 0;
    return g * (power(x, exponent - 1) * exponent);
  }
};

// x^(halves / 2), for the exponents that programs write: a tenth of the time of any other.
template <int halves>
struct PowHalves : PowScalar {
  constexpr PowHalves() : PowScalar{halves * 0.5} {}
  template <class V> static V y(V x) { return power(x, halves * 0.5); }
  template <class V> static V dx(V g, V x) { return PowHalves().PowScalar::dx(g, x); }
};

// ---- Predicates: bool results, no derivative

#define IZVOD_PREDICATE(Name, function, test)              \
  struct Name {                                            \
    static constexpr auto name = #function;                \
    static constexpr bool predicate = true;                \
    template <class V> static auto y(V x) { return test; } \
  };
IZVOD_PREDICATE(Isnan, isnan, x != x)
IZVOD_PREDICATE(Isinf, isinf, abs(x) == __builtin_inf())
IZVOD_PREDICATE(Isfinite, isfinite, abs(x) < __builtin_inf())
#undef IZVOD_PREDICATE
struct LogicalNot {
  static constexpr auto name = "logical_not";
  static constexpr bool integers = true, narrow = true, bools = true, predicate = true;
  template <class V> static auto y(V x) { return x == 0; }
};

struct BitwiseNot {
  static constexpr auto name = "bitwise_not";
  static constexpr bool integers = true, integers_only = true, narrow = true;
  template <class V> static V y(V x) { return -x - 1; }
};

using UnaryOps =
    OpList<Exp, Exp2, Expm1, Log, Log2, Log10, Log1p, SampleExp, SampleLog, SampleLog1p, Sqrt,
           Rsqrt, Square, Reciprocal, Neg, Abs, Sign, Floor, Ceil, Round, Trunc, Frac, Sin, Cos,
           Tan, Asin, Acos, Atan, Sinh, Cosh, Tanh, Sigmoid, Relu, Silu, Gelu, GeluTanh, Erf, Erfc,
           Erfinv, Lgamma, Digamma, Polygamma, Clamp, NanToNum, PowScalar, PowHalves<-4>,
           PowHalves<-2>, PowHalves<-1>, PowHalves<1>, PowHalves<6>>;
using UnaryPredicates = OpList<Isnan, Isinf, Isfinite, LogicalNot, BitwiseNot>;

}  // namespace izvod::kernels
