#pragma once
// Note [Instruction sets]
// Every kernels/*.cpp is compiled once per instruction set; IZVOD_ISA names the namespace that
// holds that copy (v2, v3, v4 for x86-64 levels, neon for AArch64). A header declares
//
//     inline constinit Kernel<void(float* y, const float* x, int64_t n)> exp_f32;
//
// and the copies in the .cpp offer themselves at load time:
//
//     namespace izvod::kernels::IZVOD_ISA {
//     static void exp_f32(...) {...}
//     static const Offer offer(kernels::exp_f32, exp_f32);
//     }
//
// The highest level that this machine has (or that the environment variable IZVOD_ISA allows)
// stays. All code of a kernel file stands in that namespace or is static: an inline function shared
// by two copies could otherwise be linked from the copy that this machine cannot run.
#include <cstdint>
#include <utility>

#define IZVOD_STR2(x) #x
#define IZVOD_STR(x) IZVOD_STR2(x)

namespace izvod::kernels {

// The level of this machine, lowered by IZVOD_ISA=v2 and the like: 2, 3, 4; NEON counts as 2.
int isa_level();
// Whether the machine multiplies tiles of bfloat16 (AMX), level 4 is not lowered (IZVOD_ISA=v4
// keeps to vectors), and the operating system, which is asked when this is first called, lets the
// process.
bool has_matrix_tiles();

template <class Signature>
struct Kernel {
  Signature* function = nullptr;
  int level = 0;
  template <class... Args>
  auto operator()(Args&&... args) const {
    return function(std::forward<Args>(args)...);
  }
};

#ifdef IZVOD_ISA
namespace IZVOD_ISA {
inline constexpr int this_level = IZVOD_ISA_LEVEL;

struct Offer {
  template <class Signature>
  Offer(Kernel<Signature>& kernel, Signature* function) {
    if (this_level <= isa_level() && this_level > kernel.level) kernel = {function, this_level};
  }
};
}  // namespace IZVOD_ISA
#endif

}  // namespace izvod::kernels
