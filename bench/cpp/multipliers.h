#pragma once
// The multipliers busy in every cycle, for each instruction set as the kernels are.
#include "kernels/isa.h"

namespace izvod::kernels {

// Fused multiplications and additions in as many chains as a tile of the matrix product has, which
// covers their latency; returns how many numbers were multiplied.
inline constinit Kernel<int64_t(int64_t steps)> keep_multiplying;

}  // namespace izvod::kernels
