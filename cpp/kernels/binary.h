#pragma once
// Ops with two arguments, element by element; see kernels/unary.h. The derivatives dx (for a) and
// dy (for b) are written for Tensors; `dx_uses` and `dy_uses` say which arguments they need again.
// `node_of_number`: the node's name where a is a number.
#include "kernels/op_list.h"

namespace izvod::kernels {

struct Add {
  static constexpr auto name = "add", node = "AddBackward0";
  static constexpr bool integers = true, narrow = true, halves = true;
  template <class V> static V y(V a, V b) { return a + b; }
  static constexpr int dx_uses = UseNone, dy_uses = UseNone;
  static auto dx(const auto& g, const auto&, const auto&) { return g; }
  static auto dy(const auto& g, const auto&, const auto&) { return g; }
};

struct Sub {
  static constexpr auto name = "sub", node = "SubBackward0", node_of_number = "RsubBackward1";
  static constexpr bool integers = true, narrow = true, halves = true;
  template <class V> static V y(V a, V b) { return a - b; }
  static constexpr int dx_uses = UseNone, dy_uses = UseNone;
  static auto dx(const auto& g, const auto&, const auto&) { return g; }
  static auto dy(const auto& g, const auto&, const auto&) { return -g; }
};

// a + alpha * b of floating types. `sub` has the alpha of the other sign.
struct AddScaled {
  static constexpr auto name = "add", node = "AddBackward0";
  double alpha;
  template <class V> V y(V a, V b) const { return fma(V(alpha), b, a); }
  static constexpr int dx_uses = UseNone, dy_uses = UseNone;
  static auto dx(const auto& g, const auto&, const auto&) { return g; }
  auto dy(const auto& g, const auto&, const auto&) const { return g * alpha; }
};
struct SubScaled : AddScaled {
  static constexpr auto name = "sub", node = "SubBackward0";
};

struct Mul {
  static constexpr auto name = "mul", node = "MulBackward0";
  static constexpr bool integers = true, narrow = true, bools = true, halves = true;
  template <class V> static V y(V a, V b) { return a * b; }
  static constexpr int dx_uses = UseB, dy_uses = UseA;
  static auto dx(const auto& g, const auto&, const auto& b) { return g * b; }
  static auto dy(const auto& g, const auto& a, const auto&) { return g * a; }
};

struct Div {
  static constexpr auto name = "div", node = "DivBackward0";
  static constexpr bool halves = true;
  template <class V> static V y(V a, V b) { return a / b; }
  static constexpr int dx_uses = UseB, dy_uses = UseA | UseB;
  static auto dx(const auto& g, const auto&, const auto& b) { return g / b; }
  static auto dy(const auto& g, const auto& a, const auto& b) { return -g * ((a / b) / b); }
};

// x log(y), 0 where x is 0 and y is a number.
struct Xlogy {
  static constexpr auto name = "xlogy", node = "XlogyBackward0", node_of_number = "XlogyBackward1";
  template <class V> static V y(V a, V b) { return where(b != b, b, where(a == 0, 0, a * log(b))); }
  static constexpr int dx_uses = UseA | UseB, dy_uses = UseA | UseB;
  static auto dx(const auto& g, const auto& a, const auto& b) {
    return g * where((a == 0.0) & (b <= 0.0), 0.0, log(1.0 * b));
  }
  static auto dy(const auto& g, const auto& a, const auto& b) { return g * (a / b); }
};

// 0 where the base is 0 and the exponent is not negative: a limit that log would turn into nan.
struct Pow {
  static constexpr auto name = "pow", node = "PowBackward1", node_of_number = "PowBackward2",
                        not_for_bool = "pow";
  static constexpr bool integers = true;
  template <class V> static V y(V a, V b) { return pow(a, b); }
  static constexpr int dx_uses = UseA | UseB, dy_uses = UseA | UseB;
  static auto dx(const auto& g, const auto& a, const auto& b) {
    return where(b == 0.0, 0.0, g * (b * pow(a, b - 1)));
  }
  static auto dy(const auto& g, const auto& a, const auto& b) {
    return where((a == 0.0) & (b >= 0.0), 0.0, g * (pow(a, b) * log(1.0 * a)));
  }
};

// Where both are equal each gets half of the gradient; nan wins.
struct Maximum {
  static constexpr auto name = "maximum", node = "MaximumBackward0";
  static constexpr bool integers = true, narrow = true, bools = true;
  template <class V> static V y(V a, V b) {
    return where(a != a, a, where(b > a, b, where(b != b, b, a)));
  }
  static constexpr int dx_uses = UseA | UseB, dy_uses = UseA | UseB;
  static auto dx(const auto& g, const auto& a, const auto& b) {
    return where(a == b, g / 2, where(a < b, 0.0, g));
  }
  static auto dy(const auto& g, const auto& a, const auto& b) {
    return where(a == b, g / 2, where(b < a, 0.0, g));
  }
};

struct Minimum {
  static constexpr auto name = "minimum", node = "MinimumBackward0";
  static constexpr bool integers = true, narrow = true, bools = true;
  template <class V> static V y(V a, V b) {
    return where(a != a, a, where(b < a, b, where(b != b, b, a)));
  }
  static constexpr int dx_uses = UseA | UseB, dy_uses = UseA | UseB;
  static auto dx(const auto& g, const auto& a, const auto& b) {
    return where(a == b, g / 2, where(a > b, 0.0, g));
  }
  static auto dy(const auto& g, const auto& a, const auto& b) {
    return where(a == b, g / 2, where(b > a, 0.0, g));
  }
};

struct Atan2 {
  static constexpr auto name = "atan2", node = "Atan2Backward0";
  template <class V> static V y(V a, V b) { return atan2(a, b); }
  static constexpr int dx_uses = UseA | UseB, dy_uses = UseA | UseB;
  static auto dx(const auto& g, const auto& a, const auto& b) { return g * (b / (a * a + b * b)); }
  static auto dy(const auto& g, const auto& a, const auto& b) {
    return g * (-1.0 * a / (a * a + b * b));
  }
};

// Python's %: the result has the sign of b.
struct Remainder {
  static constexpr auto name = "remainder", node = "RemainderBackward0",
                        not_for_bool = "remainder_cpu";
  static constexpr bool integers = true;
  template <class V> static V y(V a, V b) { return remainder(a, b); }
  static constexpr int dx_uses = UseNone, dy_uses = UseA | UseB;
  static auto dx(const auto& g, const auto&, const auto&) { return g; }
  static auto dy(const auto& g, const auto& a, const auto& b) { return -g * floor_divide(a, b); }
};

// C's %: the result has the sign of a.
struct Fmod {
  static constexpr auto name = "fmod", node = "FmodBackward0", not_for_bool = "fmod_cpu";
  static constexpr bool integers = true;
  template <class V> static V y(V a, V b) { return fmod(a, b); }
  static constexpr int dx_uses = UseNone, dy_uses = UseA | UseB;
  static auto dx(const auto& g, const auto&, const auto&) { return g; }
  static auto dy(const auto& g, const auto& a, const auto& b) { return -g * trunc(div(a, b)); }
};

// floor(a / b), exact where a / b rounds up to a whole number; no derivative.
struct FloorDivide {
  static constexpr auto name = "floor_divide", not_for_bool = "div_floor_cpu";
  static constexpr bool integers = true;
  template <class V> static V y(V a, V b) { return floor_divide(a, b); }
};

// ---- Losses of a value and its target

struct MseLoss {
  static constexpr auto name = "mse_loss", node = "MseLossBackward0";
  template <class V> static V y(V x, V t) { return (x - t) * (x - t); }
  static constexpr int dx_uses = UseA | UseB, dy_uses = UseA | UseB;
  static auto dx(const auto& g, const auto& x, const auto& t) { return g * ((x - t) * 2.0); }
  static auto dy(const auto& g, const auto& x, const auto& t) { return g * ((t - x) * 2.0); }
};

struct L1Loss {
  static constexpr auto name = "l1_loss", node = "AbsBackward0";
  template <class V> static V y(V x, V t) { return abs(x - t); }
  static constexpr int dx_uses = UseA | UseB, dy_uses = UseA | UseB;
  static auto dx(const auto& g, const auto& x, const auto& t) { return g * sign(x - t); }
  static auto dy(const auto& g, const auto& x, const auto& t) { return g * sign(t - x); }
};

// -(t log x + (1 - t) log(1 - x)), the logarithms at least -100 so that x = 0 and x = 1 stay
// finite.
struct BinaryCrossEntropy {
  static constexpr auto name = "binary_cross_entropy", node = "BinaryCrossEntropyBackward0";
  template <class V> static V y(V x, V t) {
    const V yes = log(x), no = log1p(-x);
    return (t - 1) * where(no < -100, -100, no) - t * where(yes < -100, -100, yes);
  }
  static constexpr int dx_uses = UseA | UseB, dy_uses = UseA;
  static auto dx(const auto& g, const auto& x, const auto& t) {
    const auto slope = (1.0 - x) * x;
    return g * (x - t) / where(slope < 1e-12, 1e-12, slope);
  }
  static auto dy(const auto& g, const auto& x, const auto&) {
    const auto yes = log(1.0 * x), no = log1p(-1.0 * x);
    return g * (where(no < -100.0, -100.0, no) - where(yes < -100.0, -100.0, yes));
  }
};

// The same of sigmoid(x), computed without overflow: (1 - t) x + max(-x, 0) + log(1 + exp(-|x|)).
struct BinaryCrossEntropyWithLogits {
  static constexpr auto name = "binary_cross_entropy_with_logits",
                        node = "BinaryCrossEntropyWithLogitsBackward0";
  template <class V> static V y(V x, V t) {
    return (1 - t) * x + where(x < 0, -x, 0) + log1p(exp(-abs(x)));
  }
  static constexpr int dx_uses = UseA | UseB, dy_uses = UseA;
  static auto dx(const auto& g, const auto& x, const auto& t) { return g * (sigmoid(1.0 * x) - t); }
  static auto dy(const auto& g, const auto& x, const auto&) { return g * (-1.0 * x); }
};

using LossOps = OpList<MseLoss, L1Loss, BinaryCrossEntropy, BinaryCrossEntropyWithLogits>;

// Comparisons give bool and have no derivative.
#define IZVOD_COMPARISON(Name, function, op)                                              \
  struct Name {                                                                           \
    static constexpr auto name = #function;                                               \
    static constexpr bool integers = true, narrow = true, bools = true, predicate = true; \
    static auto y(const auto& a, const auto& b) { return a op b; }                        \
  };
IZVOD_COMPARISON(Eq, eq, ==)
IZVOD_COMPARISON(Ne, ne, !=)
IZVOD_COMPARISON(Lt, lt, <)
IZVOD_COMPARISON(Le, le, <=)
IZVOD_COMPARISON(Gt, gt, >)
IZVOD_COMPARISON(Ge, ge, >=)
#undef IZVOD_COMPARISON

#define IZVOD_LOGICAL(Name, function, result)                                             \
  struct Name {                                                                           \
    static constexpr auto name = #function;                                               \
    static constexpr bool integers = true, narrow = true, bools = true, predicate = true; \
    static auto y(const auto& a, const auto& b) { return result; }                        \
  };
IZVOD_LOGICAL(LogicalAnd, logical_and, (a != 0) & (b != 0))
IZVOD_LOGICAL(LogicalOr, logical_or, (a != 0) | (b != 0))
IZVOD_LOGICAL(LogicalXor, logical_xor, ((a != 0) & (b == 0)) | ((a == 0) & (b != 0)))
#undef IZVOD_LOGICAL

#define IZVOD_BITWISE(Name, function, op)                                                     \
  struct Name {                                                                               \
    static constexpr auto name = #function;                                                   \
    static constexpr bool integers = true, integers_only = true, narrow = true, bools = true; \
    template <class V> static V y(V a, V b) { return V(a.v op b.v); }                         \
  };
IZVOD_BITWISE(BitwiseAnd, bitwise_and, &)
IZVOD_BITWISE(BitwiseOr, bitwise_or, |)
IZVOD_BITWISE(BitwiseXor, bitwise_xor, ^)
#undef IZVOD_BITWISE

using BinaryOps = OpList<Add, Sub, AddScaled, SubScaled, Mul, Div, Xlogy, Pow, Maximum, Minimum,
                         Atan2, Remainder, Fmod, FloorDivide, Eq, Ne, Lt, Le, Gt, Ge, LogicalAnd,
                         LogicalOr, LogicalXor, BitwiseAnd, BitwiseOr, BitwiseXor>;

}  // namespace izvod::kernels
