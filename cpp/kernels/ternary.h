#pragma once
// Ops with three arguments, element by element; see kernels/binary.h.
#include "kernels/op_list.h"

namespace izvod::kernels {

// The condition comes converted to the type of the others.
struct Where {
  static constexpr auto name = "where", node = "WhereBackward0";
  static constexpr bool integers = true;
  template <class V> static V y(V condition, V a, V b) { return where(condition != 0, a, b); }
};

using TernaryOps = OpList<Where>;

}  // namespace izvod::kernels
