#pragma once
// Ops with three arguments, element by element; see kernels/binary.h.
#include "kernels/op_list.h"

namespace izvod::kernels {

struct Where {
  static constexpr auto name = "where", node = "WhereBackward0";
  static constexpr bool integers = true, narrow = true, bools = true, conditional = true;
  template <class M, class V> static V y(M condition, V a, V b) { return where(condition, a, b); }
};

// From a to b; the nearer end is where it starts from.
struct Lerp {
  static constexpr auto name = "lerp";
  template <class V> static V y(V a, V b, V weight) {
    const auto near_a = abs(weight) < V(0.5);
    return fma(where(near_a, weight, weight - V(1)), b - a, where(near_a, a, b));
  }
};

struct Addcmul {
  static constexpr auto name = "addcmul";
  static constexpr bool integers = true;
  double value;
  template <class V> V y(V x, V a, V b) const { return fma(V(value) * a, b, x); }
};

struct Addcdiv {
  static constexpr auto name = "addcdiv";
  double value;
  template <class V> V y(V x, V a, V b) const { return x + V(value) * a / b; }
};

struct ClampBetween {
  static constexpr auto name = "clamp";
  static constexpr bool integers = true, narrow = true;
  template <class V> static V y(V x, V low, V high) { return clamped(x, low, high); }
};

using TernaryOps = OpList<Where, ClampBetween, Lerp, Addcmul, Addcdiv>;

}  // namespace izvod::kernels
