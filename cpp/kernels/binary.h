#pragma once
// Ops with two arguments, element by element; see kernels/unary.h. The derivatives dx (for a) and dy (for b)
// are written for Tensors; `dx_uses` and `dy_uses` say which arguments they need again.
#include "kernels/op_list.h"

namespace izvod::kernels {

struct Add {
  static constexpr auto name = "add", node = "AddBackward0";
  static constexpr bool integers = true;
  template <class V> static V y(V a, V b) { return a + b; }
  static constexpr int dx_uses = UseNone, dy_uses = UseNone;
  static auto dx(const auto& g, const auto&, const auto&) { return g; }
  static auto dy(const auto& g, const auto&, const auto&) { return g; }
};

struct Sub {
  static constexpr auto name = "sub", node = "SubBackward0";
  static constexpr bool integers = true;
  template <class V> static V y(V a, V b) { return a - b; }
  static constexpr int dx_uses = UseNone, dy_uses = UseNone;
  static auto dx(const auto& g, const auto&, const auto&) { return g; }
  static auto dy(const auto& g, const auto&, const auto&) { return -g; }
};

struct Mul {
  static constexpr auto name = "mul", node = "MulBackward0";
  static constexpr bool integers = true;
  template <class V> static V y(V a, V b) { return a * b; }
  static constexpr int dx_uses = UseB, dy_uses = UseA;
  static auto dx(const auto& g, const auto&, const auto& b) { return g * b; }
  static auto dy(const auto& g, const auto& a, const auto&) { return g * a; }
};

struct Div {
  static constexpr auto name = "div", node = "DivBackward0";
  template <class V> static V y(V a, V b) { return a / b; }
  static constexpr int dx_uses = UseB, dy_uses = UseA | UseB;
  static auto dx(const auto& g, const auto&, const auto& b) { return g / b; }
  static auto dy(const auto& g, const auto& a, const auto& b) { return -g * ((a / b) / b); }
};

// Comparisons give bool and have no derivative.
#define IZVOD_COMPARISON(Name, function, op)                             \
  struct Name {                                                          \
    static constexpr auto name = #function;                              \
    static constexpr bool integers = true, predicate = true;             \
    static auto y(const auto& a, const auto& b) { return a op b; }       \
  };
IZVOD_COMPARISON(Eq, eq, ==)
IZVOD_COMPARISON(Ne, ne, !=)
IZVOD_COMPARISON(Lt, lt, <)
IZVOD_COMPARISON(Le, le, <=)
IZVOD_COMPARISON(Gt, gt, >)
IZVOD_COMPARISON(Ge, ge, >=)
#undef IZVOD_COMPARISON

using BinaryOps = OpList<Add, Sub, Mul, Div, Eq, Ne, Lt, Le, Gt, Ge>;

}  // namespace izvod::kernels
