#pragma once

namespace izvod::kernels {

template <class... Ops>
struct OpList {};

// Which tensor the derivative of an op with one argument wants back.
enum class Wants { Nothing, X, Y };

// Which arguments the derivative of an op with several arguments needs again.
enum Uses { UseNone = 0, UseA = 1, UseB = 2, UseC = 4 };

// x into [low, high]; nan stays.
template <class V>
V clamped(V x, V low, V high) {
  const V raised = where(x < low, low, x);
  return where(raised > high, high, raised);
}

// The derivative of Op as an op with two arguments, (gradient, what it wants back): so that it runs
// in one pass.
template <class Op>
struct Gradient : Op {
  template <class V>
  V y(V g, V saved) const {
    return Op::dx(g, saved);
  }
};

// The derivative for the first of two arguments, as an op with three: (gradient, a, b).
template <class Op>
struct FirstGradient {
  template <class V>
  static V y(V g, V a, V b) {
    return Op::dx(g, a, b);
  }
};

}  // namespace izvod::kernels
