#pragma once

namespace izvod::bind {

// The rows of each family of ops: bind/rows_<family>.cpp.
// clang-format off
#define IZVOD_FAMILIES(X)                                                                 \
  X(pointwise) X(matmul) X(view) X(creation) X(tensor) X(autograd) X(random) X(reduction) \
  X(indexing) X(nn) X(build)
// clang-format on

#define DECLARE(family) void add_##family##_rows();
IZVOD_FAMILIES(DECLARE)
#undef DECLARE

inline void add_all_rows() {
#define CALL(family) add_##family##_rows();
  IZVOD_FAMILIES(CALL)
#undef CALL
}

}  // namespace izvod::bind
