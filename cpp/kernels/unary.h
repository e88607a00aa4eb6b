#pragma once
// Ops with one argument, element by element. `y` is the function and `dx` its derivative, both written once
// for a short vector (the kernels) and for a Tensor (second derivatives): the names in them (exp, where, ...)
// find the version that fits. `wants` says what dx gets beside the gradient: the argument X or the result Y.
// `integers`: integer arguments stay integers; elsewhere they become the default floating type.
#include "kernels/op_list.h"

namespace izvod::kernels {

struct Exp {
  static constexpr auto name = "exp", node = "ExpBackward0";
  static constexpr Wants wants = Wants::Y;
  template <class V> static V y(V x) { return exp(x); }
  template <class V> static V dx(V g, V y) { return g * y; }
};

struct Relu {
  static constexpr auto name = "relu", node = "ReluBackward0";
  static constexpr Wants wants = Wants::Y;
  static constexpr bool integers = true;
  template <class V> static V y(V x) { return where(x < 0, 0, x); }  // keeps nan
  template <class V> static V dx(V g, V y) { return where(y > 0, g, 0); }
};

using UnaryOps = OpList<Exp, Relu>;

}  // namespace izvod::kernels
