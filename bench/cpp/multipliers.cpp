#include "multipliers.h"

#include "kernels/vec.h"

namespace izvod::kernels::IZVOD_ISA {
namespace {

int64_t keep_multiplying(int64_t steps) {
  using V = Vec<float>;
  constexpr int chains = 12;
  V sum[chains];
  for (V& s : sum) s = V(0.0f);
  const V a = 0.999f, b = 0.5f;
  for (int64_t step = 0; step < steps; ++step)
#pragma GCC unroll 12
    for (V& s : sum) s = fma(a, s, b);
  for (V& s : sum) asm volatile("" : : "m"(s));  // used, for all the compiler knows
  return steps * chains * V::width;
}

const Offer offer(kernels::keep_multiplying, keep_multiplying);

}  // namespace
}  // namespace izvod::kernels::IZVOD_ISA
